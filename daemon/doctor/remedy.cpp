// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/doctor/remedy.h"

#include <linux/netfilter.h>

#include <algorithm>

#include <fmt/format.h>

namespace messenger::daemon {

namespace {

/// Who made the rule.
enum class Maker : std::uint8_t { nft, iptables, docker, ufw, firewalld, fw4 };

[[nodiscard]] Maker maker_of(const Culprit& culprit, const nft::RulesetCopy& rules) {
    const nft::TableName& table = culprit.place.table;
    if (table.name == "firewalld") return Maker::firewalld;
    if (table.name == "fw4") return Maker::fw4;
    // iptables-nft has tables of these names, and chains in upper case.
    const bool of_iptables = (table.family == NFPROTO_IPV4 || table.family == NFPROTO_IPV6) &&
                             rules.is_base_chain(table, culprit.base_chain) && !culprit.base_chain.empty() &&
                             culprit.base_chain.front() >= 'A' && culprit.base_chain.front() <= 'Z';
    if (!of_iptables) return Maker::nft;
    if (rules.has_chain("ufw-before-forward")) return Maker::ufw;
    return rules.has_chain("DOCKER-USER") ? Maker::docker : Maker::iptables;
}

[[nodiscard]] std::string mark_text(const Config& config) {
    return fmt::format("{:#x}/{:#x}", config.passage.mark, config.passage.mark_mask);
}

/// Matches in the notation of iptables.
[[nodiscard]] std::string iptables_match(Wanted wanted, const Config& config, const TrialPlaces& places) {
    switch (wanted) {
        case Wanted::established: return "-m conntrack --ctstate RELATED,ESTABLISHED";
        case Wanted::marked: return "-m mark --mark " + mark_text(config);
        case Wanted::signalling: break;
    }
    return fmt::format("-i {} -o {}", places.inside_interface, places.outside_interface);
}

[[nodiscard]] std::string nft_match(Wanted wanted, const Config& config, const TrialPlaces& places) {
    switch (wanted) {
        case Wanted::established: return "ct state established,related";
        case Wanted::marked:
            return fmt::format("meta mark & {:#x} == {:#x}", config.passage.mark_mask, config.passage.mark);
        case Wanted::signalling: break;
    }
    return fmt::format("iifname \"{}\" oifname \"{}\" meta l4proto {{ tcp, udp }} th dport {}", places.inside_interface,
                       places.outside_interface, config.sip.ports.front());
}

[[nodiscard]] std::vector<std::string> for_iptables(std::string_view chain, Wanted wanted, const Config& config,
                                                    const TrialPlaces& places) {
    const std::string_view program = places.ipv6() ? "ip6tables" : "iptables";
    return {fmt::format("{} -I {} {} -j ACCEPT", program, chain, iptables_match(wanted, config, places)),
            "netfilter-persistent save    # or however your rules are kept"};
}

[[nodiscard]] std::vector<std::string> for_ufw(Wanted wanted, const Config& config, const TrialPlaces& places) {
    if (wanted == Wanted::signalling) {
        return {fmt::format("ufw route allow in on {} out on {}", places.inside_interface, places.outside_interface)};
    }
    const std::string six = places.ipv6() ? "6" : "";
    return {fmt::format("# in /etc/ufw/before{0}.rules, above COMMIT:  -A ufw{0}-before-forward {1} -j ACCEPT", six,
                        iptables_match(wanted, config, places)),
            "ufw reload"};
}

[[nodiscard]] std::vector<std::string> for_firewalld(Wanted wanted, const TrialPlaces& places) {
    if (wanted != Wanted::signalling) {
        return {"# firewalld accepts established connections; a policy or direct rule of yours stands before that",
                "firewall-cmd --list-all-policies; firewall-cmd --direct --get-all-rules"};
    }
    return {"firewall-cmd --permanent --new-policy calls",
            fmt::format("firewall-cmd --permanent --policy calls --add-ingress-zone $(firewall-cmd "
                        "--get-zone-of-interface={})",
                        places.inside_interface),
            fmt::format("firewall-cmd --permanent --policy calls --add-egress-zone $(firewall-cmd "
                        "--get-zone-of-interface={})",
                        places.outside_interface),
            "firewall-cmd --permanent --policy calls --set-target ACCEPT", "firewall-cmd --reload"};
}

}  // namespace

std::vector<std::string> remedy_for(Wanted wanted, const Culprit& culprit, const nft::RulesetCopy& rules,
                                    const Config& config, const TrialPlaces& places) {
    switch (maker_of(culprit, rules)) {
        case Maker::docker: return for_iptables("DOCKER-USER", wanted, config, places);
        case Maker::iptables: return for_iptables(culprit.base_chain, wanted, config, places);
        case Maker::ufw: return for_ufw(wanted, config, places);
        case Maker::firewalld: return for_firewalld(wanted, places);
        case Maker::fw4:
            return {fmt::format("echo '{} accept' > /usr/share/nftables.d/chain-pre/forward/messenger-alg.nft",
                                nft_match(wanted, config, places)),
                    "fw4 reload"};
        case Maker::nft: break;
    }
    const std::string& chain = culprit.base_chain.empty() ? culprit.place.chain : culprit.base_chain;
    return {fmt::format("nft insert rule {} {} '{} accept'", to_string(culprit.place.table), chain,
                        nft_match(wanted, config, places)),
            fmt::format("# and the same line at the top of chain {} in the file that makes this table", chain)};
}

std::vector<std::string> remedy_by_mark(const Culprit& culprit, const nft::RulesetCopy& rules, const Config& config,
                                        const TrialPlaces& places) {
    std::vector<std::string> lines = remedy_for(Wanted::marked, culprit, rules, config, places);
    lines.insert(lines.end(), {"# in messenger-alg.toml, for mode \"admit\" works by conntrack:", "[passage]",
                               "mode = \"mark\"", "systemctl restart messenger-alg"});
    return lines;
}

std::vector<std::string> remedy_for_untracked(const Culprit& untracking, const nft::RulesetCopy& rules,
                                              const Config& config, const TrialPlaces& places) {
    const nft::RulePlace& place = untracking.place;
    const Maker maker = maker_of(untracking, rules);
    std::vector<std::string> lines;
    if (maker == Maker::iptables || maker == Maker::docker || maker == Maker::ufw) {
        for (const std::string_view protocol : {"udp", "tcp"}) {
            lines.push_back(fmt::format("{} -t {} -I {} -p {} -m multiport --ports {} -j ACCEPT",
                                        places.ipv6() ? "ip6tables" : "iptables", place.table.name,
                                        untracking.base_chain, protocol, fmt::join(config.sip.ports, ",")));
        }
        lines.emplace_back("netfilter-persistent save    # or however your rules are kept");
        return lines;
    }
    for (const std::string_view side : {"dport", "sport"}) {
        lines.push_back(
            fmt::format("nft insert rule {} {} handle {} 'meta l4proto {{ tcp, udp }} th {} {{ {} }} accept'",
                        to_string(place.table), place.chain, place.handle, side, fmt::join(config.sip.ports, ", ")));
    }
    lines.push_back(
        fmt::format("# and the same lines above that rule in the file that makes table {}", to_string(place.table)));
    return lines;
}

}  // namespace messenger::daemon
