// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/nat_rules.h"

#include <cstdint>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/expression.h"
#include "nft/rule_parts.h"

// The comment above each rule is the rule as nft(8) writes it, with "meta nfproto ipv4" left out. Tests compare these
// with `nft list`.
namespace messenger::nft {
namespace {

constexpr std::string_view kDstnat = "dstnat";
constexpr std::string_view kSrcnat = "srcnat";
constexpr std::string_view kGuard = "guard";
constexpr std::string_view kUnattended = kUnattendedChain;

// Just before the chains of others: of all that translate a flow, the first has the say.
constexpr std::int32_t kBeforeDstnat = -105;  // dstnat - 5
constexpr std::int32_t kBeforeSrcnat = 95;    // srcnat - 5

using Rules = std::vector<RuleHandle>;

void append_admission(const AdmitChains& chains, Rules& rules) {
    // ip saddr . ip daddr . meta l4proto . th dport @outside4 goto first_packet
    // ip daddr . meta l4proto . th dport @outside_open4 goto first_packet
    // No packet is translated yet here, and answers from inside meet the pinholes themselves.
    RuleBuilder pinned = rule_in(chains.admit4, Family::ipv4);
    load_pinhole_key(pinned, Family::ipv4, Direction::in);
    rules.push_back(pinned.lookup(0, SetId::outside4).verdict(NFT_GOTO, chains.first_packet).take());

    RuleBuilder any = rule_in(chains.admit4, Family::ipv4);
    load_endpoint_key(any, Family::ipv4, Direction::in);
    rules.push_back(any.lookup(0, SetId::outside_open4).verdict(NFT_GOTO, chains.first_packet).take());
}

// What the operator's own rules do not translate, ours must not either: an inside endpoint may be in a call and talk to
// such a host as well.
void append_exemptions(const SchemaOptions& options, Rules& rules) {
    for (const Network& network : options.nat_exempt) {
        if (network.address.family() != Family::ipv4) continue;
        // ip daddr 198.51.100.0/24 return
        RuleBuilder exempt = rule_in(kSrcnat, Family::ipv4);
        if (network.length > 0) require_network(exempt, network, Direction::out);
        rules.push_back(exempt.verdict(NFT_RETURN).take());
    }
    if (!options.sees_ipsec) return;
    // rt ipsec exists return
    // With another source the packet would be none of what the tunnel is for, and leave in the clear.
    RuleBuilder tunnel = rule_in(kSrcnat);
    rules.push_back(tunnel.load_ipsec(0).require_u8(0, 1).verdict(NFT_RETURN).take());
}

// For first packets that no daemon has seeded an entry for: passage = "mark", or a daemon that has stopped.
void append_translation(Rules& rules) {
    // dnat ip to ip saddr . ip daddr . meta l4proto . th dport map @dnat4
    RuleBuilder pinned = rule_in(kDstnat, Family::ipv4);
    load_pinhole_key(pinned, Family::ipv4, Direction::in);
    rules.push_back(pinned.map(0, SetId::dnat4, 0).translate(NatKind::destination, 0).take());

    // dnat ip to ip daddr . meta l4proto . th dport map @dnat_open4
    RuleBuilder any = rule_in(kDstnat, Family::ipv4);
    load_endpoint_key(any, Family::ipv4, Direction::in);
    rules.push_back(any.map(0, SetId::dnat_open4, 0).translate(NatKind::destination, 0).take());

    // snat ip to oifname . ip saddr . meta l4proto . th sport map @snat4
    // The interface is in the key: what goes to other inside networks is left alone, and an inside endpoint may have
    // another outside one on each side.
    RuleBuilder source = rule_in(kSrcnat, Family::ipv4);
    KeyLoader(source, Family::ipv4).out_interface().source_address().protocol().source_port();
    rules.push_back(source.map(0, SetId::snat4, 0).translate(NatKind::source, 0).take());
}

// nft prints the test of the uppermost bit as "0x80000000/1", and reads it so.
void append_guard(const SchemaOptions& options, Rules& rules) {
    const std::uint32_t edited = options.marks.edited();
    const auto tcp = [](std::string_view chain) {
        RuleBuilder rule = rule_in(chain);
        rule.load_meta(NFT_META_L4PROTO, 0).require_u8(0, static_cast<std::uint8_t>(Protocol::tcp));
        return rule;
    };
    // meta mark & 0x80000000 == 0x80000000 meta mark set meta mark & 0x7fffffff return
    RuleBuilder seen_to = rule_in(kGuard);
    seen_to.load_meta(NFT_META_MARK, 0).bitwise(0, edited, 0).require_u32(0, edited);
    seen_to.load_meta(NFT_META_MARK, 0).bitwise(0, ~edited, 0).store_mark(0);
    rules.push_back(seen_to.verdict(NFT_RETURN).take());

    // meta l4proto tcp ct mark & 0x80000000 == 0x80000000 goto unattended
    RuleBuilder left = tcp(kGuard);
    left.load_ct_mark(0).bitwise(0, edited, 0).require_u32(0, edited);
    rules.push_back(left.verdict(NFT_GOTO, kUnattended).take());

    // meta l4proto @handover counter drop
    // What is lost is sent again, to the daemon that comes.
    RuleBuilder wait = rule_in(kUnattended);
    wait.load_meta(NFT_META_L4PROTO, 0).lookup(0, SetId::handover);
    rules.push_back(wait.counter().verdict(NF_DROP).take());

    // meta l4proto tcp counter reject with tcp reset
    RuleBuilder refuse = tcp(kUnattended);
    refuse.counter();
    if (options.tcp_reset) {
        refuse.tcp_reset();
    } else {
        refuse.verdict(NF_DROP);
    }
    rules.push_back(refuse.take());
}

}  // namespace

void append_nat_chains(const SchemaOptions& options, std::vector<ChainSpec>& chains) {
    chains.push_back({kDstnat, BaseHook{NF_INET_PRE_ROUTING, kBeforeDstnat, "nat"}});
    chains.push_back({kSrcnat, BaseHook{NF_INET_POST_ROUTING, kBeforeSrcnat, "nat"}});
    chains.push_back({kGuard, BaseHook{NF_INET_FORWARD, options.guard_priority}});
    chains.push_back({kUnattended, std::nullopt});
}

void append_nat_rules(const SchemaOptions& options, const AdmitChains& admit, std::vector<RuleHandle>& rules) {
    if (options.admit_queue) append_admission(admit, rules);
    append_exemptions(options, rules);
    append_translation(rules);
    append_guard(options, rules);
}

}  // namespace messenger::nft
