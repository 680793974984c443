// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/ctl/daemon_link.h"

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
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

/// Where the daemon listens. Absent if that is said by a file that was named and cannot be read, or has errors; why is
/// appended to the complaint.
[[nodiscard]] std::optional<std::string> find_socket(const DaemonOptions& options, std::string& complaint) {
    if (!options.socket.empty()) return options.socket;
    const ConfigResult result = read_config_file(options.config.empty() ? std::string(kDefaultConfig) : options.config);
    if (result.config) return result.config->control.socket;
    // The file at the default place may be absent, and one that is broken now may have been whole when the daemon read
    // it.
    if (options.config.empty()) return Config{}.control.socket;
    for (const ConfigError& error : result.errors) {
        complaint +=
            fmt::format("messenger-algctl: {}\n", sanitize(error.to_string(options.config), kComplaintLongest));
    }
    return std::nullopt;
}

/// What question(socket) brings, its exceptions included.
[[nodiscard]] Answer answer_of(const DaemonOptions& options,
                               const std::function<ControlResponse(const std::string& socket)>& question) {
    Answer unasked{kExitUsage, nullptr, {}};
    const auto socket = find_socket(options, unasked.complaint);
    if (!socket) return unasked;
    try {
        ControlResponse response = question(*socket);
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

void add_limit_option(CLI::App& command, std::size_t& limit, std::size_t most, const std::string& description) {
    // Signed, for CLI11 takes -1 for the largest of the unsigned numbers.
    command.add_option("--limit", limit, description)
        ->type_name("N")
        ->check(CLI::Range(std::int64_t{1}, static_cast<std::int64_t>(most)))
        ->capture_default_str();
}

Answer ask(const DaemonOptions& options, const ControlRequest& request) {
    return answer_of(options, [&](const std::string& socket) { return ask_daemon(socket, request); });
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
    const Answer answer = answer_of(options, [&](const std::string& socket) {
        return follow_daemon(socket, request, [&](std::string_view line) {
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
