// SPDX-License-Identifier: GPL-2.0-or-later
// messenger-algd: command line, configuration, and the gateway.
#include <sysexits.h>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <iostream>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "daemon/config/config_file.h"
#include "daemon/control/unix_address.h"
#include "daemon/gateway/gateway.h"
#include "daemon/process/log.h"

namespace {

using messenger::daemon::Config;
using messenger::daemon::Gateway;
using messenger::daemon::kDefaultConfig;
using messenger::daemon::Log;

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kBadConfig = EX_CONFIG;  // the unit does not start again after it

/// The configuration of the file; says on standard error what is wrong with it.
[[nodiscard]] std::optional<Config> read_config(const std::string& file) {
    const auto result = messenger::daemon::read_config_file(file);
    for (const auto& error : result.errors) std::cerr << error.to_string(file) << '\n';
    return result.config;
}

[[nodiscard]] int run(const std::string& config_file) {
    const auto config = read_config(config_file);
    if (!config) return kBadConfig;
    Log log(config->log.level, messenger::daemon::choose_log_format());
    try {
        Gateway(*config, config_file, log).run();
        return 0;
    } catch (const std::exception& error) {
        log.error("fatal", "{}", error.what());
        return kFailed;
    }
}

/// Not while a daemon runs: it would put the table back within a second.
[[nodiscard]] int remove_table_of_nobody(const std::string& config_file, bool named) {
    const auto config = named ? read_config(config_file) : messenger::daemon::read_config_file(config_file).config;
    if (!config && named) return kBadConfig;
    const std::string socket = config.value_or(Config{}).control.socket;
    if (const int error = messenger::daemon::try_to_connect(socket); error == 0 || error == EAGAIN) {
        std::cerr << "messenger-algd: the table was not removed: a daemon answers at " << socket
                  << " and would put it back within a second; stop it first (systemctl stop messenger-alg)\n";
        return kFailed;
    }
    messenger::daemon::remove_table();
    return 0;
}

[[nodiscard]] int run_command_line(int argc, char** argv) {
    CLI::App app("SIP application-level gateway: opens the negotiated media of calls in an nftables firewall");
    std::string config_file = kDefaultConfig;
    std::string check;
    bool remove = false;
    auto* config_option = app.add_option("--config", config_file, "configuration file")->capture_default_str();
    auto* check_option = app.add_option("--check-config", check, "only read FILE and say what is wrong with it");
    app.add_flag("--remove-table", remove, "delete the table inet messenger_alg and everything open in it");
    app.set_version_flag("--version", "messenger-algd " MESSENGER_VERSION);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : kUsage;
    }
    if (*check_option) {
        if (!read_config(check)) return kBadConfig;
        std::cout << check << ": good\n";
        return 0;
    }
    if (remove) return remove_table_of_nobody(config_file, config_option->count() > 0);
    return run(config_file);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run_command_line(argc, argv);
    } catch (const std::exception& error) {
        static_cast<void>(std::fprintf(stderr, "messenger-algd: %s\n", error.what()));
    } catch (...) {
        static_cast<void>(std::fputs("messenger-algd: unknown failure\n", stderr));
    }
    return kFailed;
}
