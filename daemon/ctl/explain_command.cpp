// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/ctl/explain_command.h"

#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "daemon/config/config_file.h"
#include "daemon/ctl/calls_text.h"
#include "daemon/ctl/daemon_link.h"
#include "daemon/ctl/read_config.h"
#include "daemon/ctl/tell.h"
#include "daemon/explain/explain.h"
#include "daemon/explain/wire_text.h"
#include "daemon/gateway/engine_policy.h"
#include "daemon/process/interfaces.h"
#include "daemon/process/sanitize.h"

namespace messenger::daemon {

namespace {

constexpr std::string_view kAny = "any";
constexpr std::size_t kFileLongest = 4096;

struct Arguments {
    std::string config;
    std::string socket;
    std::vector<std::string> inside;
    std::vector<std::string> relays;
    std::vector<std::string> sip_ports;
    std::string nat;
    bool diff = false;
    bool json = false;
    bool nft = false;
    std::vector<std::string> files;
};

[[nodiscard]] std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
    return port;
}

// CLI11 takes a non-empty text for a complaint.

[[nodiscard]] std::string check_networks(const std::string& text) {
    if (text == kAny || alg::Prefix::parse(text)) return {};
    return fmt::format("\"{}\" is no network: one like 10.0.0.0/8 or 2001:db8::/32 is needed, a single address, or any",
                       text);
}

[[nodiscard]] std::string check_port(const std::string& text) {
    if (text == kAny || parse_port(text)) return {};
    return fmt::format("\"{}\" is no port: a number from 1 to 65535 is needed, or any", text);
}

/// "ADDRESS", or "ADDRESS=ADVERTISED" where messages name another address than the gateway has.
[[nodiscard]] std::optional<alg::NatPath> parse_nat(std::string_view text) {
    const std::size_t sign = text.find('=');
    const auto outside = alg::IpAddress::parse(text.substr(0, sign));
    const auto advertised = sign == std::string_view::npos ? outside : alg::IpAddress::parse(text.substr(sign + 1));
    if (!outside || !advertised || !outside->is_v4() || !advertised->is_v4()) return std::nullopt;
    return alg::NatPath{*outside, *advertised};
}

[[nodiscard]] std::string check_nat(const std::string& text) {
    if (parse_nat(text)) return {};
    return fmt::format("\"{}\" is no IPv4 address, nor two of them as OUTSIDE=ADVERTISED", text);
}

[[nodiscard]] alg::PrefixSet to_set(const std::vector<std::string>& networks) {
    alg::PrefixSet set;
    for (const std::string& network : networks) {
        if (network == kAny) return alg::PrefixSet::any();
        set.add(*alg::Prefix::parse(network));  // checked by check_networks
    }
    return set;
}

/// What the daemon on this host does it by, as far as it has a configuration that may be read.
struct Basis {
    Config config;
    std::string file;  ///< that it was read from; empty if there is none
};

/// Absent after a complaint: the file was asked for by name, or has errors.
[[nodiscard]] std::optional<Basis> basis_to_explain_by(const std::string& asked_for) {
    if (asked_for.empty() && ::access(kDefaultConfig, R_OK) != 0) return Basis{};
    auto config = read_config_or_complain(asked_for);
    if (!config) return std::nullopt;
    return Basis{*std::move(config), asked_for.empty() ? std::string(kDefaultConfig) : asked_for};
}

struct Inside {
    alg::PrefixSet set;
    InsideChoice choice;
};

[[nodiscard]] Inside make_inside(std::vector<std::string> networks, std::string why) {
    return {to_set(networks), {std::move(networks), std::move(why), {}}};
}

/// The command line comes first, then the configuration. Its interfaces are looked for on this host.
[[nodiscard]] Inside choose_inside(const Basis& basis, const Arguments& arguments) {
    constexpr std::string_view kPrivate = "the private ranges";
    if (!arguments.inside.empty()) return make_inside(arguments.inside, "--inside");
    const Config::Network& network = basis.config.network;
    const std::string file = printable(basis.file, kFileLongest);
    if (basis.file.empty()) {
        const bool missing = ::access(kDefaultConfig, F_OK) != 0 && errno == ENOENT;
        const char* const why = missing ? "there is no" : "you may not read";
        return {alg::PrefixSet::private_ranges(),
                {{std::string(kPrivate)}, fmt::format("{} {}; --inside names others", why, kDefaultConfig), {}}};
    }
    std::vector<std::string> networks;
    for (const alg::Prefix& prefix : network.inside) networks.push_back(prefix.to_string());
    if (network.inside_interfaces.empty()) return make_inside(std::move(networks), "network.inside of " + file);
    const InterfaceNetworks found = find_networks(list_interface_addresses(), network.inside_interfaces);
    for (const alg::Prefix& prefix : found.networks) networks.push_back(prefix.to_string());
    std::string missing;
    for (const std::string& interface : found.missing) missing += (missing.empty() ? "" : ", ") + interface;
    if (!missing.empty()) missing = "; without an address on this host: " + printable(missing, kFileLongest);
    if (networks.empty()) {
        return {alg::PrefixSet::private_ranges(),
                {{std::string(kPrivate)}, "for network.inside_interfaces of " + file + missing, {}}};
    }
    return make_inside(std::move(networks), "network.inside and network.inside_interfaces of " + file + missing);
}

[[nodiscard]] alg::Policy choose_policy(Config config, const Arguments& arguments) {
    bool any_sip_port = false;
    if (!arguments.sip_ports.empty()) {
        config.sip.ports.clear();
        for (const std::string& port : arguments.sip_ports) {
            if (port == kAny) {
                any_sip_port = true;
            } else {
                config.sip.ports.push_back(*parse_port(port));  // checked by check_port
            }
        }
    }
    alg::Policy policy = make_policy(config, {});
    policy.any_sip_port = any_sip_port;
    policy.take_up_any_stream = true;
    if (!arguments.relays.empty()) policy.relays = to_set(arguments.relays);
    return policy;
}

/// A single name that is no file, and not that of a capture, is a call's. A file of that name can be given as ./NAME.
[[nodiscard]] bool names_a_call(const Arguments& arguments) {
    if (arguments.files.size() != 1 || arguments.files[0] == "-") return false;
    const std::filesystem::path path(arguments.files[0]);
    for (const std::string_view ending : {".pcap", ".pcapng", ".cap"}) {
        if (path.extension() == ending) return false;
    }
    std::error_code error;
    return !std::filesystem::exists(path, error);
}

/// The events of the daemon's answer, one JSON object per line, as those of a capture.
[[nodiscard]] std::string tell_events(const nlohmann::json& answer) {
    std::string text;
    for (const nlohmann::json& event : field(answer, "events")) text += to_safe_json(event) + '\n';
    return text;
}

/// The first option of the command line that means something for captures only; empty if there is none.
[[nodiscard]] std::string_view option_of_captures(const Arguments& arguments) {
    if (arguments.nft) return "--nft";
    if (arguments.diff) return "--diff";
    if (!arguments.nat.empty()) return "--nat";
    if (!arguments.inside.empty()) return "--inside";
    if (!arguments.relays.empty()) return "--relay";
    if (!arguments.sip_ports.empty()) return "--sip-port";
    return {};
}

[[nodiscard]] int run_explain_call(const Arguments& arguments) {
    if (const std::string_view option = option_of_captures(arguments); !option.empty()) {
        fmt::print(stderr, "messenger-algctl: {} is for captures, and there is no file {}\n", option,
                   sanitize(arguments.files[0]));
        return kExitUsage;
    }
    const DaemonOptions options{arguments.socket, arguments.config, false};
    const int status =
        ask_and_print(options, {"explain", {{"id", arguments.files[0]}}}, arguments.json ? tell_events : tell_text);
    if (status != kExitDone) {
        fmt::print(stderr, "messenger-algctl: and there is no file {}\n", sanitize(arguments.files[0]));
    }
    return status;
}

[[nodiscard]] int run_explain(const Arguments& arguments) {
    if (names_a_call(arguments)) return run_explain_call(arguments);
    const std::optional<Basis> basis = basis_to_explain_by(arguments.config);
    if (!basis) return kExitFailed;
    ExplainOptions options;
    options.policy = choose_policy(basis->config, arguments);
    Inside inside = choose_inside(*basis, arguments);
    options.policy.inside = inside.set;
    options.inside = std::move(inside.choice);
    options.limits = limits_for_captures(basis->config.limits);
    if (arguments.nat.empty() && !basis->config.nat.interfaces.empty()) {
        options.inside.hint =
            "nat.interfaces is set: of a capture from the inside, --nat ADDRESS tells what is edited.";
    }
    if (arguments.json) options.format = ExplainFormat::json;
    if (arguments.nft) options.format = ExplainFormat::nft;
    if (!arguments.nat.empty()) {
        options.nat = parse_nat(arguments.nat);
        options.policy.protected_addresses.push_back(options.nat->outside);
    }
    options.diff = arguments.diff;
    options.files = arguments.files;
    return explain(options, stdout, stderr) ? kExitDone : kExitFailed;
}

}  // namespace

void add_explain_command(CLI::App& app, Run& run) {
    CLI::App* command = app.add_subcommand(
        "explain",
        "Every decision of a call, live or recent, in plain words. Or what messenger-algd would do with the traffic of "
        "captures (pcap, pcapng), which needs no root and no daemon.");
    const auto arguments = std::make_shared<Arguments>();
    const auto list = [](CLI::Option* option) { return option->expected(1)->take_all()->allow_extra_args(false); };
    list(command->add_option("--inside", arguments->inside,
                             "The network of the hosts to protect, or any. May be repeated. Default: the configured "
                             "ones, else the private ranges of IPv4 and IPv6."))
        ->type_name("PREFIX|any")
        ->check(check_networks);
    list(command->add_option("--relay", arguments->relays,
                             "Inside hosts that may announce media for others, or any. May be repeated. Default: "
                             "the configured ones."))
        ->type_name("PREFIX|any")
        ->check(check_networks);
    list(command->add_option("--sip-port", arguments->sip_ports,
                             "Where SIP is spoken, or any to look at the first bytes of every flow. May be repeated. "
                             "Default: the configured ports, else 5060."))
        ->type_name("PORT|any")
        ->check(check_port);
    command
        ->add_option("--config", arguments->config,
                     "Where networks, ports, relays and timeouts are configured. Default: " +
                         std::string(kDefaultConfig) + ", if it is there.")
        ->type_name("FILE");
    CLI::Option* nat = command
                           ->add_option("--nat", arguments->nat,
                                        "The outside address that hides the inside hosts, with the one that messages "
                                        "name if it is another. For captures from the inside: what would be edited is "
                                        "told.")
                           ->type_name("ADDRESS[=ADVERTISED]")
                           ->check(check_nat);
    command->add_flag("--diff", arguments->diff, "With --nat: every line that changes, before and after.")->needs(nat);
    CLI::Option* json = command->add_flag("--json", arguments->json, "One JSON object per line, for programs.");
    command->add_flag("--nft", arguments->nft, "The nft commands instead.")->excludes(json);
    command
        ->add_option("--socket", arguments->socket,
                     "Where the daemon listens. Default: control.socket of the configuration.")
        ->type_name("PATH");
    command
        ->add_option("FILE|CALL-ID", arguments->files,
                     "Captures, of which - is standard input. Or one call, if there is no file of that name; the "
                     "beginning of its Call-ID will do.")
        ->required()
        ->type_name("");
    command->callback([arguments, &run] { run = [arguments] { return run_explain(*arguments); }; });
}

}  // namespace messenger::daemon
