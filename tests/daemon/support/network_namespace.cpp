// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/daemon/support/network_namespace.h"

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>
#include <thread>

#include "daemon/process/fd.h"

namespace messenger::daemon {

namespace {

[[nodiscard]] bool bring_loopback_up() {
    const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP;
    return ::ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0;
}

}  // namespace

bool run_in_network_namespace(const std::function<void()>& body) {
    bool made = false;
    std::thread([&] {
        made = ::unshare(CLONE_NEWNET) == 0 && bring_loopback_up();
        if (made) body();
    }).join();
    return made;
}

}  // namespace messenger::daemon
