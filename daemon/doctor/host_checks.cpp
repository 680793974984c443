// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/doctor/host_checks.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <set>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace messenger::daemon {

namespace {

using Severity = Finding::Severity;

[[nodiscard]] bool contains_word(const char* file, std::string_view word) {
    std::ifstream in(file);
    std::string line;
    while (std::getline(in, line)) {
        if (std::string_view(line).substr(0, line.find(' ')) == word) return true;
    }
    return false;
}

/// The names of programs that run, as the kernel knows them (15 bytes).
[[nodiscard]] std::set<std::string> running_programs() {
    std::set<std::string> names;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
        std::ifstream in(entry.path() / "comm");
        std::string name;
        if (std::getline(in, name)) names.insert(name);
    }
    return names;
}

void check_one_interface(const LiveHost& host, const std::string& name, std::string_view key, Findings& findings) {
    if (host.find_link(name) == nullptr) {
        findings.push_back({Severity::failure,
                            "no_interface",
                            fmt::format("{} names {}, and this host has no such interface", key, name),
                            "Hosts behind it get no pinholes, and nothing that passes it is edited.",
                            {fmt::format("ip -br link    # the names that there are; then set {}", key)}});
    } else if (!host.address_of(name, false) && !host.address_of(name, true)) {
        findings.push_back({Severity::warning,
                            "no_address",
                            fmt::format("interface {} ({}) has no address", name, key),
                            "Until it has one it counts for nothing: no inside network, no outside address.",
                            {fmt::format("ip address show dev {}", name)}});
    }
}

void check_rp_filter(const std::string& outside, Findings& findings) {
    const auto all = read_setting("net.ipv4.conf.all.rp_filter").value_or(0);
    const auto own = read_setting("net.ipv4.conf.{" + outside + "}.rp_filter").value_or(0);
    if (std::max(all, own) != 0) return;
    findings.push_back({Severity::note,
                        "no_rp_filter",
                        fmt::format("{} takes packets with any source address (rp_filter is 0)", outside),
                        "Who forges the address of a peer can send into a pinhole of that peer. Rules of yours, or of "
                        "your provider, may keep such packets out.",
                        {fmt::format("sysctl -w net.ipv4.conf.{}.rp_filter=1    # 2 with several uplinks", outside)}});
}

}  // namespace

void check_interfaces(const LiveHost& host, const Config& config, Findings& findings) {
    for (const std::string& name : config.network.inside_interfaces) {
        check_one_interface(host, name, "network.inside_interfaces", findings);
    }
    for (const std::string& name : config.nat.interfaces) check_one_interface(host, name, "nat.interfaces", findings);
    if (!config.network.inside.empty() && host.inside_interfaces(config).empty()) {
        findings.push_back({Severity::unknown,
                            "inside_not_attached",
                            "no interface of this host has an address in network.inside",
                            "The inside hosts may be behind another router; or the configuration is of another host.",
                            {"ip -br address    # compare with network.inside",
                             "messenger-algctl doctor --inside-interface NAME    # tries calls from there"}});
    }
}

void check_forwarding(const LiveHost& host, const Config& config, Findings& findings) {
    bool has_v4 = false;
    bool has_v6 = false;
    for (const std::string& name : host.inside_interfaces(config)) {
        has_v4 = has_v4 || host.address_of(name, false);
        has_v6 = has_v6 || host.address_of(name, true);
    }
    struct Forwarding {
        bool has;
        bool matters;
        const char* family;
        const char* setting;
        const char* file;
    };
    // IPv6 on the inside alone is common, and no reason for alarm.
    const bool v6_leaves = host.default_interface(true).has_value();
    const std::array both{
        Forwarding{has_v4, true, "IPv4", "net.ipv4.ip_forward", "50-forward-ipv4.conf"},
        Forwarding{has_v6, v6_leaves, "IPv6", "net.ipv6.conf.all.forwarding", "50-forward-ipv6.conf"}};
    for (const Forwarding& one : both) {
        if (!one.has || read_setting(one.setting).value_or(0) != 0) continue;
        findings.push_back({one.matters ? Severity::failure : Severity::note,
                            "no_forwarding",
                            fmt::format("{} is 0: this host forwards no {}", one.setting, one.family),
                            "Neither SIP nor media gets from one side to the other.",
                            {fmt::format("sysctl -w {}=1", one.setting),
                             fmt::format("echo '{}=1' > /etc/sysctl.d/{}", one.setting, one.file)}});
    }
    if (const auto& outside = host.default_interface(false)) check_rp_filter(*outside, findings);
}

void check_conntrack(Findings& findings) {
    const auto count = read_setting("net.netfilter.nf_conntrack_count");
    const auto most = read_setting("net.netfilter.nf_conntrack_max");
    if (!count || !most) {
        findings.push_back({Severity::warning,
                            "no_conntrack",
                            "the kernel does not track connections here",
                            "Mode \"admit\" works by entries of conntrack.",
                            {"modprobe nf_conntrack    # a rule with \"ct state\" loads it, too"}});
        return;
    }
    constexpr std::int64_t kPercent = 100;
    constexpr std::int64_t kHigh = 80;
    if (*most == 0 || *count * kPercent / *most < kHigh) return;
    findings.push_back({Severity::warning,
                        "conntrack_full",
                        fmt::format("conntrack has {} of at most {} entries", *count, *most),
                        "When it is full, new calls fail like every other new connection.",
                        {fmt::format("sysctl -w net.netfilter.nf_conntrack_max={}", *most * 2)}});
}

void check_other_gateways(const nft::RulesetCopy& rules, Findings& findings) {
    const bool module = contains_word("/proc/modules", "nf_conntrack_sip");
    const auto& helpers = rules.helpers();
    const bool attached = std::find(helpers.begin(), helpers.end(), "sip") != helpers.end();
    const bool automatic = module && read_setting("net.netfilter.nf_conntrack_helper").value_or(0) != 0;
    if (attached || automatic) {
        findings.push_back(
            {Severity::failure,
             "kernel_helper",
             attached ? "a rule attaches the kernel's sip helper"
                      : "the kernel attaches its sip helper to port 5060 by itself",
             "It changes the same messages and opens ports that nobody here knows of; two gateways spoil "
             "one call.",
             {attached ? "nft list ruleset | grep -n 'ct helper'; iptables-save -t raw | grep -n helper"
                       : "sysctl -w net.netfilter.nf_conntrack_helper=0",
              "rmmod nf_nat_sip nf_conntrack_sip"}});
    } else if (module) {
        findings.push_back({Severity::note,
                            "kernel_helper_loaded",
                            "the module nf_conntrack_sip is loaded; no rule attaches it",
                            "It does nothing until one does.",
                            {"rmmod nf_nat_sip nf_conntrack_sip"}});
    }
    static constexpr std::array kOthers{
        std::pair{"siproxd", "It is a SIP proxy of its own: clients that use it need no gateway."},
        std::pair{"miniupnpd", "Clients that find it open ports by themselves, past every rule for calls."}};
    const auto running = running_programs();
    for (const auto& [program, why] : kOthers) {
        if (!running.contains(program)) continue;
        findings.push_back({Severity::warning,
                            "other_gateway",
                            fmt::format("{} runs on this host", program),
                            why,
                            {fmt::format("systemctl disable --now {}    # if nobody else needs it", program)}});
    }
}

void check_ways_around(const nft::RulesetCopy& rules, Findings& findings) {
    if (rules.flowtables() != 0) {
        findings.push_back(
            {Severity::warning,
             "flowtable",
             "a flowtable lets connections pass by the forward chains once they are up",
             "SIP over TCP that it takes over is not read: calls of such connections get no pinholes.",
             {"nft list flowtables",
              "# in the rule that says \"flow add\", leave SIP out:  tcp dport != 5060 tcp sport != 5060",
              "# OpenWrt: uci set firewall.@defaults[0].flow_offloading=0; fw4 reload"}});
    }
    for (const char* file : {"/proc/thread-self/net/ip_tables_names", "/proc/thread-self/net/ip6_tables_names"}) {
        std::ifstream in(file);
        std::string table;
        if (!std::getline(in, table)) continue;
        findings.push_back(
            {Severity::unknown,
             "legacy_rules",
             fmt::format("there are rules of iptables-legacy (table {})", table),
             "nft does not see them, so what they stop is not tried here.",
             {"iptables-legacy-save; ip6tables-legacy-save",
              "update-alternatives --set iptables /usr/sbin/iptables-nft    # and load the rules again"}});
        return;
    }
}

}  // namespace messenger::daemon
