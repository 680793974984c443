// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/process/notify.h"

#include <systemd/sd-daemon.h>

#include <chrono>
#include <string>

#include "daemon/process/clock.h"
#include "daemon/process/sanitize.h"

namespace messenger::daemon {

namespace {

void send(const std::string& state) {
    // A manager that does not listen is no reason to stop serving calls; it has its own timeouts.
    static_cast<void>(sd_notify(0, state.c_str()));
}

}  // namespace

void notify_ready() {
    send("READY=1");
}

void notify_reloading() {
    const auto now = std::chrono::duration_cast<std::chrono::microseconds>(read_clock().time_since_epoch());
    send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.count()));
}

void notify_stopping() {
    send("STOPPING=1");
}

void notify_status(std::string_view status) {
    send("STATUS=" + sanitize(status));
}

void notify_watchdog() {
    send("WATCHDOG=1");
}

std::optional<alg::Duration> find_watchdog_interval() {
    std::uint64_t microseconds = 0;
    if (sd_watchdog_enabled(0, &microseconds) <= 0) return std::nullopt;
    return std::chrono::microseconds(microseconds / 2);
}

}  // namespace messenger::daemon
