// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/admit_rules.h"

#include <array>
#include <chrono>
#include <cstdint>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/expression.h"
#include "nft/rule_parts.h"
#include "nft/schema_rules.h"

// The comment above each rule is the rule as nft(8) writes it, for IPv4. Tests compare these with `nft list`.
namespace messenger::nft {
namespace {

constexpr std::string_view kAdmit = "admit";
constexpr std::string_view kAdmitTcp = "admit_tcp";

constexpr std::int32_t kBeforeRaw = -301;  // before NF_IP_PRI_RAW, and so before conntrack; after its defragmentation

constexpr std::uint32_t kNew = 8;      // NF_CT_STATE_BIT(IP_CT_NEW)
constexpr std::uint8_t kOriginal = 0;  // IP_CT_DIR_ORIGINAL

constexpr std::uint32_t kTcpFlags = 13;  // offset in the TCP header
constexpr std::uint8_t kFinOrRst = 0x05;
constexpr std::uint8_t kFinSynOrRst = 0x07;

constexpr std::string_view admit_chain(Family family) {
    return family == Family::ipv4 ? kAdmit4Chain : "admit6";
}

class AdmitRules {
   public:
    AdmitRules(const SchemaOptions& options, std::vector<RuleHandle>& rules) : options_(options), rules_(rules) {}

    void append() {
        every_packet();
        tcp();
        for (const Family family : kFamilies) first_packets(family);
        // counter queue flags bypass to 5070
        add(rule_in(kFirstPacketChain).counter().queue(options_.queue_kind, {*options_.admit_queue, 1}));
    }

   private:
    void add(RuleBuilder& rule) { rules_.push_back(rule.take()); }
    void every_packet();
    void known(std::string_view chain, Family family);
    void tcp();
    void first_packets(Family family);

    const SchemaOptions& options_;
    std::vector<RuleHandle>& rules_;
};

void AdmitRules::every_packet() {
    // meta l4proto tcp goto admit_tcp
    RuleBuilder connection = rule_in(kAdmit);
    connection.load_meta(NFT_META_L4PROTO, 0).require_u8(0, static_cast<std::uint8_t>(Protocol::tcp));
    add(connection.verdict(NFT_GOTO, kAdmitTcp));
    for (const Direction direction : kDirections) {
        // udp sport < 1024 return
        // udp dport < 1024 return
        // Most of what else there is of UDP (DNS, QUIC), so before any lookup. A call-back from such a port, if a
        // server ever makes one over UDP, is not admitted either.
        RuleBuilder other = rule_in(kAdmit);
        require_low_udp_port(other, direction);
        add(other.verdict(NFT_RETURN));
    }
    for (const Family family : kFamilies) known(kAdmit, family);
    // meta l4proto != udp return
    RuleBuilder other = rule_in(kAdmit);
    other.load_meta(NFT_META_L4PROTO, 0).require_u8(0, static_cast<std::uint8_t>(Protocol::udp), true);
    add(other.verdict(NFT_RETURN));
    // meta nfproto ipv4 goto admit4
    for (const Family family : kFamilies) add(rule_in(kAdmit, family).verdict(NFT_GOTO, admit_chain(family)));
}

void AdmitRules::known(std::string_view chain, Family family) {
    // ip saddr . ip daddr . meta l4proto . th sport . th dport @admitted4
    //     update @admitted4 { ip saddr . ip daddr . meta l4proto . th sport . th dport timeout 20s } return
    RuleBuilder tuple = rule_in(chain, family);
    load_tuple_key(tuple, family);
    tuple.lookup(0, admitted(family)).update(0, admitted(family), options_.admitted_silence);
    add(tuple.verdict(NFT_RETURN));
}

void AdmitRules::tcp() {
    // tcp flags ! fin,syn,rst return
    // What a connection carries between its ends needs no admission.
    RuleBuilder middle = rule_in(kAdmitTcp);
    middle.load_meta(NFT_META_L4PROTO, 0).require_u8(0, static_cast<std::uint8_t>(Protocol::tcp));
    middle.load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, kTcpFlags, 1, 0).keep_bits_u8(0, kFinSynOrRst).require_u8(0, 0);
    add(middle.verdict(NFT_RETURN));

    for (const Family family : kFamilies) {
        // tcp flags fin,rst ip saddr . ip daddr . meta l4proto . tcp sport . tcp dport @admitted4 goto first_packet
        // The daemon counts the connections of a file transfer, so it has to see when one ends.
        RuleBuilder last = rule_in(kAdmitTcp, family, Protocol::tcp);
        last.load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, kTcpFlags, 1, 0);
        last.keep_bits_u8(0, kFinOrRst).require_u8(0, 0, true);
        load_tuple_key(last, family);
        add(last.lookup(0, admitted(family)).verdict(NFT_GOTO, kFirstPacketChain));
        known(kAdmitTcp, family);
    }
    for (const Family family : kFamilies) add(rule_in(kAdmitTcp, family).verdict(NFT_GOTO, admit_chain(family)));
}

void AdmitRules::first_packets(Family family) {
    // ip saddr . ip daddr . meta l4proto . th dport @callbacks4 goto first_packet
    RuleBuilder callback = rule_in(admit_chain(family), family);
    load_pinhole_key(callback, family, Direction::in);
    add(callback.lookup(0, callbacks(family)).verdict(NFT_GOTO, kFirstPacketChain));
    for (const Direction direction : kDirections) {
        // ip saddr . ip daddr . meta l4proto . th dport @pinholes4 goto first_packet
        // ip daddr . ip saddr . meta l4proto . th sport @pinholes4 goto first_packet
        RuleBuilder pinned = rule_in(admit_chain(family), family);
        load_pinhole_key(pinned, family, direction);
        add(pinned.lookup(0, nft::pinholes(family)).verdict(NFT_GOTO, kFirstPacketChain));
    }
    for (const Direction direction : kDirections) {
        // ip daddr . meta l4proto . th dport @open4 goto first_packet
        // ip saddr . meta l4proto . th sport @open4 goto first_packet
        RuleBuilder any = rule_in(admit_chain(family), family);
        load_endpoint_key(any, family, direction);
        add(any.lookup(0, nft::open(family)).verdict(NFT_GOTO, kFirstPacketChain));
    }
}

}  // namespace

void append_admit_chains(const SchemaOptions& options, std::vector<ChainSpec>& chains) {
    if (!options.admit_queue) return;
    chains.push_back({kAdmit, BaseHook{NF_INET_PRE_ROUTING, kBeforeRaw}});
    chains.push_back({kAdmitTcp, std::nullopt});
    for (const Family family : kFamilies) chains.push_back({admit_chain(family), std::nullopt});
    chains.push_back({kFirstPacketChain, std::nullopt});
}

void append_end_of_admission(const SchemaOptions& options, std::string_view chain, std::vector<RuleHandle>& rules) {
    if (!options.admit_queue) return;
    for (const Family family : kFamilies) {
        // meta nfproto ipv4 ct state new
        //     delete @admitted4 { ct original ip saddr . ct original ip daddr . meta l4proto . ct original proto-src .
        //                         ct original proto-dst }
        // Its entry in conntrack has gone, and others may drop what is new: the next packet shall be admitted again,
        // or one that is dropped for ever would keep itself known for ever.
        RuleBuilder unknown = rule_in(chain, family);
        unknown.load_ct_state(0).bitwise(0, kNew, 0).require_u32(0, 0, true);
        load_arrival_key(unknown, family, kOriginal);
        rules.push_back(unknown.remove(0, admitted(family)).take());
    }
}

void append_admit_rules(const SchemaOptions& options, std::vector<RuleHandle>& rules) {
    if (options.admit_queue) AdmitRules(options, rules).append();
}

}  // namespace messenger::nft
