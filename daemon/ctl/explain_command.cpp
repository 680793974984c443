// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/ctl/explain_command.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "daemon/config/config.h"
#include "daemon/explain/explain.h"

namespace messenger::daemon {

namespace {

constexpr std::string_view kAny = "any";

struct Arguments {
    std::vector<std::string> inside;
    std::vector<std::string> relays;
    std::vector<std::string> sip_ports;
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

[[nodiscard]] alg::PrefixSet to_set(const std::vector<std::string>& networks) {
    alg::PrefixSet set;
    for (const std::string& network : networks) {
        if (network == kAny) return alg::PrefixSet::any();
        set.add(*alg::Prefix::parse(network));  // checked by check_networks
    }
    return set;
}

[[nodiscard]] alg::Policy make_policy(const Arguments& arguments) {
    const Config defaults;
    alg::Policy policy;
    policy.inside = arguments.inside.empty() ? alg::PrefixSet::private_ranges() : to_set(arguments.inside);
    policy.relays = to_set(arguments.relays);
    policy.sip_ports = defaults.sip.ports;
    if (!arguments.sip_ports.empty()) policy.sip_ports.clear();
    for (const std::string& port : arguments.sip_ports) {
        if (port == kAny) {
            policy.any_sip_port = true;
        } else {
            policy.sip_ports.push_back(*parse_port(port));  // checked by check_port
        }
    }
    policy.protected_ports = defaults.network.protected_ports;
    std::sort(policy.protected_ports.begin(), policy.protected_ports.end());
    policy.media_ports = {defaults.network.media_ports.first, defaults.network.media_ports.last};
    policy.take_up_any_stream = true;
    return policy;
}

[[nodiscard]] int run_explain(const Arguments& arguments) {
    ExplainOptions options;
    options.policy = make_policy(arguments);
    options.limits = limits_for_captures(alg::Limits{});
    if (arguments.json) options.format = ExplainFormat::json;
    if (arguments.nft) options.format = ExplainFormat::nft;
    options.files = arguments.files;
    return explain(options, stdout, stderr) ? kExitDone : kExitFailed;
}

}  // namespace

void add_explain_command(CLI::App& app, Run& run) {
    CLI::App* command = app.add_subcommand(
        "explain",
        "Shows what messenger-algd would do with the traffic of captures (pcap, pcapng). Needs no root and no daemon.");
    const auto arguments = std::make_shared<Arguments>();
    const auto list = [](CLI::Option* option) { return option->expected(1)->take_all()->allow_extra_args(false); };
    list(command->add_option("--inside", arguments->inside,
                             "The network of the hosts to protect, or any. May be repeated. Default: the private "
                             "ranges of IPv4 and IPv6."))
        ->type_name("PREFIX|any")
        ->check(check_networks);
    list(command->add_option("--relay", arguments->relays,
                             "Inside hosts that may announce media for others, or any. May be repeated. Default: "
                             "none."))
        ->type_name("PREFIX|any")
        ->check(check_networks);
    list(command->add_option("--sip-port", arguments->sip_ports,
                             "Where SIP is spoken, or any to look at the first bytes of every flow. May be repeated. "
                             "Default: 5060."))
        ->type_name("PORT|any")
        ->check(check_port);
    CLI::Option* json = command->add_flag("--json", arguments->json, "One JSON object per line, for programs.");
    command->add_flag("--nft", arguments->nft, "The nft commands instead.")->excludes(json);
    command->add_option("FILE", arguments->files, "A capture; - is standard input.")->required()->type_name("");
    command->callback([arguments, &run] { run = [arguments] { return run_explain(*arguments); }; });
}

}  // namespace messenger::daemon
