// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/other_rules.h"

#include <array>
#include <chrono>
#include <cstdint>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/expression.h"
#include "nft/rule_parts.h"

// The comment above each rule is the rule as nft(8) writes it, for IPv4. Tests compare these with `nft list`.
namespace messenger::nft {
namespace {

constexpr std::array<std::uint8_t, 2> kTrackedDirections{0, 1};  // IP_CT_DIR_ORIGINAL, IP_CT_DIR_REPLY

/// For so long a flow that is not media yet stays that, after a pinhole has opened for it: not counted, not marked, and
/// not cut if its call ends within this time.
constexpr auto kNoted = std::chrono::seconds(5);

/// ct mark & 0xf0000000 == 0x00000000
void require_no_mark(RuleBuilder& rule, const SchemaOptions& options) {
    rule.load_ct_mark(0).bitwise(0, options.marks.all(), 0).require_u32(0, 0);
}

// Of a connection that holds for good. With UDP a pinhole may open later, but neither a low port inside nor media from
// one outside, except where SDP names it: the flow then has its mark before its first packet.
void append_labels(const SchemaOptions& options, std::string_view chain, std::vector<RuleHandle>& rules) {
    const std::uint8_t label = *options.other_label;
    // meta l4proto tcp ct mark & 0xf0000000 == 0x00000000 ct label set 127
    RuleBuilder connection = rule_in(chain);
    connection.load_meta(NFT_META_L4PROTO, 0).require_u8(0, static_cast<std::uint8_t>(Protocol::tcp));
    require_no_mark(connection, options);
    rules.push_back(connection.add_ct_label(label).take());
    for (const Direction direction : kDirections) {
        // udp sport < 1024 ct mark & 0xf0000000 == 0x00000000 ct label set 127 return
        // udp dport < 1024 ct mark & 0xf0000000 == 0x00000000 ct label set 127 return
        RuleBuilder low = rule_in(chain);
        require_low_udp_port(low, direction);
        require_no_mark(low, options);
        rules.push_back(low.add_ct_label(label).verdict(NFT_RETURN).take());
    }
}

// Of other datagrams it holds for a while, if they are answered: what a firewall has already dropped may be early
// media. Such a flow is established, so nobody needs to admit it either: this lasts for as long as its packets come.
void append_datagrams(const SchemaOptions& options, std::string_view chain, Family family,
                      std::vector<RuleHandle>& rules) {
    const auto established = [&] {
        RuleBuilder rule = rule_in(chain, family, Protocol::udp);
        rule.load_ct_state(0).bitwise(0, kEstablished, 0).require_u32(0, 0, true);
        require_no_mark(rule, options);
        return rule;
    };
    // ct state established ct mark & 0xf0000000 == 0x00000000
    //     add @others4 { ip saddr . ip daddr . meta l4proto . udp sport . udp dport timeout 5s }
    RuleBuilder seen = established();
    load_tuple_key(seen, family);
    rules.push_back(seen.note(0, others(family), kNoted).take());
    if (!options.admit_queue) return;
    for (const std::uint8_t direction : kTrackedDirections) {
        // ct state established ct mark & 0xf0000000 == 0x00000000 ct direction reply
        //     add @admitted4 { ct reply ip saddr . ct reply ip daddr . meta l4proto . ct reply proto-src .
        //                      ct reply proto-dst timeout 20s }
        RuleBuilder arrived = established();
        arrived.load_ct_direction(0).require_u8(0, direction);
        load_arrival_key(arrived, family, direction);
        rules.push_back(arrived.note(0, admitted(family), options.admitted_silence).take());
    }
}

}  // namespace

void append_skipping_of_others(const SchemaOptions& options, std::string_view chain, std::vector<RuleHandle>& rules) {
    if (options.other_label) {
        // ct label 127 return
        RuleBuilder other = rule_in(chain);
        rules.push_back(other.require_ct_label(*options.other_label).verdict(NFT_RETURN).take());
    }
    for (const Family family : kFamilies) {
        // ip saddr . ip daddr . meta l4proto . udp sport . udp dport @others4 return
        RuleBuilder other = rule_in(chain, family, Protocol::udp);
        load_tuple_key(other, family);
        rules.push_back(other.lookup(0, others(family)).verdict(NFT_RETURN).take());
    }
}

void append_noting_of_others(const SchemaOptions& options, std::string_view chain, std::vector<RuleHandle>& rules) {
    if (options.other_label) append_labels(options, chain, rules);
    for (const Family family : kFamilies) append_datagrams(options, chain, family, rules);
}

}  // namespace messenger::nft
