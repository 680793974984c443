// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/ctl/daemon_link.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "daemon/config/config_file.h"
#include "daemon/control/control_client.h"
#include "daemon/process/sanitize.h"

namespace messenger::daemon {

namespace {

constexpr std::size_t kComplaintLongest = 4096;

[[nodiscard]] std::string_view advice(const std::error_code& error) {
    if (error == std::errc::no_such_file_or_directory || error == std::errc::connection_refused) {
        return "; is messenger-algd running?";
    }
    if (error == std::errc::permission_denied || error == std::errc::connection_reset) {
        return "; only root and the members of control.group may ask";
    }
    return "";
}

/// What question() brings, its exceptions included.
[[nodiscard]] Answer answer_of(const std::function<ControlResponse()>& question) {
    try {
        ControlResponse response = question();
        if (response.ok) return {kExitDone, std::move(response.result), {}};
        return {kExitFailed, nullptr,
                fmt::format("messenger-algctl: {}\n", sanitize(response.error, kComplaintLongest))};
    } catch (const std::system_error& error) {
        return {
            kExitUnreachable, nullptr,
            fmt::format("messenger-algctl: {}{}\n", sanitize(error.what(), kComplaintLongest), advice(error.code()))};
    }
}

}  // namespace

void add_daemon_options(CLI::App& command, DaemonOptions& options) {
    command.add_flag("--json", options.json, "JSON on one line, for programs.");
    command
        .add_option("--socket", options.socket,
                    "Where the daemon listens. Default: control.socket of the configuration.")
        ->type_name("PATH");
    command
        .add_option("--config", options.config,
                    "The daemon's configuration. Default: " + std::string(kDefaultConfig) + ", if it is there.")
        ->type_name("FILE");
}

std::string socket_path(const DaemonOptions& options) {
    if (!options.socket.empty()) return options.socket;
    const ConfigResult result = read_config_file(options.config.empty() ? std::string(kDefaultConfig) : options.config);
    // A file that is broken now may have been whole when the daemon read it, at the default place.
    if (result.config) return result.config->control.socket;
    return Config{}.control.socket;
}

Answer ask(const DaemonOptions& options, const ControlRequest& request) {
    return answer_of([&] { return ask_daemon(socket_path(options), request); });
}

int ask_and_print(const DaemonOptions& options, const ControlRequest& request, const Teller& tell) {
    const Answer answer = ask(options, request);
    fmt::print(stderr, "{}", answer.complaint);
    if (answer.status != kExitDone) return answer.status;
    return print_text(options.json ? to_safe_json(answer.result) + '\n' : tell(answer.result)) ? kExitDone
                                                                                               : kExitFailed;
}

int follow_and_print(const DaemonOptions& options, const ControlRequest& request, const Teller& tell) {
    bool written = true;
    const Answer answer = answer_of([&] {
        return follow_daemon(socket_path(options), request, [&](std::string_view line) {
            const nlohmann::json event = nlohmann::json::parse(line, nullptr, false);
            if (event.is_object()) written = print_text(tell(event));
            return written;
        });
    });
    fmt::print(stderr, "{}", answer.complaint);
    if (answer.status != kExitDone) return answer.status;
    if (!written) return kExitFailed;
    fmt::print(stderr, "messenger-algctl: the daemon has ended\n");
    return kExitUnreachable;
}

std::string to_safe_json(const nlohmann::json& value) {
    return value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

bool print_text(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return true;
    fmt::print(stderr, "messenger-algctl: cannot write: {}\n", std::generic_category().message(errno));
    return false;
}

}  // namespace messenger::daemon
