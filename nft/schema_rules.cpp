// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/schema_rules.h"

#include <array>
#include <string>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/expression.h"
#include "nft/nat_rules.h"
#include "nft/rule_parts.h"
#include "nft/tls_rules.h"

// The comment above each rule is the rule as nft(8) writes it, for IPv4 and UDP where there is one for each family and
// protocol. Tests compare these with `nft list`.
namespace messenger::nft {
namespace {

using Slot = RuleBuilder::Slot;

// Chain names. "in" and "out" are seen from the inside host.
constexpr std::string_view kAdmit = "admit";
constexpr std::string_view kSignalling = "signalling";
constexpr std::string_view kMedia = "media";
constexpr std::string_view kInbound = "inbound";
constexpr std::string_view kOutbound = "outbound";
constexpr std::string_view kPassed = "passed";

constexpr std::int32_t kBeforeRaw = -301;  // before NF_IP_PRI_RAW, and so before conntrack; after its defragmentation

constexpr std::uint32_t kTcpFlags = 13;  // offset in the TCP header
constexpr std::uint8_t kFinOrRst = 0x05;

constexpr std::array kFamilies{Family::ipv4, Family::ipv6};
constexpr std::array kProtocols{Protocol::udp, Protocol::tcp};

constexpr std::string_view admit_chain(Family family) {
    return family == Family::ipv4 ? "admit4" : "admit6";
}

constexpr std::string_view pinhole_chain(Family family, Protocol protocol) {
    if (family == Family::ipv4) return protocol == Protocol::udp ? "udp4" : "tcp4";
    return protocol == Protocol::udp ? "udp6" : "tcp6";
}

class RuleList {
   public:
    explicit RuleList(const SchemaOptions& options) : options_(options) {}

    std::vector<RuleHandle> build() {
        if (options_.admit_queue) admit(*options_.admit_queue);
        signalling();
        media();
        if (has_nat(options_)) append_nat_rules(options_, {admit_chain(Family::ipv4), kFirstPacketChain}, rules_);
        return std::move(rules_);
    }

   private:
    static RuleBuilder in(std::string_view chain) { return rule_in(chain); }
    static RuleBuilder in(std::string_view chain, Family family) { return rule_in(chain, family); }
    static RuleBuilder in(std::string_view chain, Family family, Protocol protocol) {
        return rule_in(chain, family, protocol);
    }
    void add(RuleBuilder& rule) { rules_.push_back(rule.take()); }

    /// meta l4proto != tcp meta l4proto != udp return
    void skip_other_protocols(std::string_view chain) {
        RuleBuilder rule = in(chain);
        for (const Protocol protocol : {Protocol::tcp, Protocol::udp}) {
            rule.load_meta(NFT_META_L4PROTO, 0).require_u8(0, static_cast<std::uint8_t>(protocol), true);
        }
        add(rule.verdict(NFT_RETURN));
    }

    /// meta mark set meta mark & 0x9fffffff
    void clear_bits(std::string_view chain, std::uint32_t bits) {
        RuleBuilder rule = in(chain);
        add(rule.load_meta(NFT_META_MARK, 0).bitwise(0, ~bits, 0).store_mark(0));
    }

    void admit(std::uint16_t queue);
    void admit(Family family);
    void signalling();
    void to_daemon();
    void media();
    void pinholes_of(Family family, Protocol protocol);
    void count(Direction direction);
    void passed();

    const SchemaOptions& options_;
    std::vector<RuleHandle> rules_;
};

void RuleList::admit(std::uint16_t queue) {
    skip_other_protocols(kAdmit);
    // meta nfproto ipv4 goto admit4
    for (const Family family : kFamilies) add(in(kAdmit, family).verdict(NFT_GOTO, admit_chain(family)));
    for (const Family family : kFamilies) admit(family);
    // counter queue flags bypass to 5070
    add(in(kFirstPacketChain).counter().queue(options_.queue_kind, {queue, 1}));
}

void RuleList::admit(Family family) {
    // tcp flags fin,rst ip saddr . ip daddr . meta l4proto . tcp sport . tcp dport @admitted4 goto first_packet
    // The daemon counts the connections of a file transfer, so it has to see when one ends.
    RuleBuilder last = in(admit_chain(family), family, Protocol::tcp);
    last.load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, kTcpFlags, 1, 0).keep_bits_u8(0, kFinOrRst).require_u8(0, 0, true);
    KeyLoader(last, family).source_address().destination_address().protocol().source_port().destination_port();
    add(last.lookup(0, admitted(family)).verdict(NFT_GOTO, kFirstPacketChain));

    // ip saddr . ip daddr . meta l4proto . th sport . th dport @admitted4
    //     update @admitted4 { ip saddr . ip daddr . meta l4proto . th sport . th dport timeout 20s } return
    RuleBuilder known = in(admit_chain(family), family);
    KeyLoader(known, family).source_address().destination_address().protocol().source_port().destination_port();
    known.lookup(0, admitted(family)).update(0, admitted(family), options_.admitted_silence);
    add(known.verdict(NFT_RETURN));

    for (const Direction direction : kDirections) {
        // ip saddr . ip daddr . meta l4proto . th dport @pinholes4 goto first_packet
        // ip daddr . ip saddr . meta l4proto . th sport @pinholes4 goto first_packet
        RuleBuilder pinned = in(admit_chain(family), family);
        load_pinhole_key(pinned, family, direction);
        add(pinned.lookup(0, nft::pinholes(family)).verdict(NFT_GOTO, kFirstPacketChain));
    }
    // ip saddr . ip daddr . meta l4proto . th dport @callbacks4 goto first_packet
    RuleBuilder callback = in(admit_chain(family), family);
    load_pinhole_key(callback, family, Direction::in);
    add(callback.lookup(0, callbacks(family)).verdict(NFT_GOTO, kFirstPacketChain));

    for (const Direction direction : kDirections) {
        // ip daddr . meta l4proto . th dport @open4 goto first_packet
        // ip saddr . meta l4proto . th sport @open4 goto first_packet
        RuleBuilder any = in(admit_chain(family), family);
        load_endpoint_key(any, family, direction);
        add(any.lookup(0, nft::open(family)).verdict(NFT_GOTO, kFirstPacketChain));
    }
}

void RuleList::signalling() {
    const MarkLayout marks = options_.marks;
    skip_other_protocols(kSignalling);
    // meta mark set meta mark & 0x9fffffff
    // From here on these bits come from our rules and from the daemon alone.
    clear_bits(kSignalling, marks.sip() | marks.opaque() | (has_nat(options_) ? marks.edited() : 0));

    // ct mark & 0x40000000 == 0x40000000 return
    RuleBuilder given_up = in(kSignalling);
    given_up.load_ct_mark(0).bitwise(0, marks.opaque(), 0).require_u32(0, marks.opaque());
    add(given_up.verdict(NFT_RETURN));

    // meta l4proto . th dport @sip_ports goto to_daemon
    RuleBuilder to_port = in(kSignalling);
    KeyLoader(to_port, Family::ipv4).protocol().destination_port();
    add(to_port.lookup(0, SetId::sip_ports).verdict(NFT_GOTO, kToDaemonChain));

    // meta l4proto . th sport @sip_ports goto to_daemon
    RuleBuilder from_port = in(kSignalling);
    KeyLoader(from_port, Family::ipv4).protocol().source_port();
    add(from_port.lookup(0, SetId::sip_ports).verdict(NFT_GOTO, kToDaemonChain));

    if (options_.tls) append_tls_rules(*options_.tls, {kSignalling, kToDaemonChain}, rules_);

    for (const Family family : kFamilies) {
        for (const Direction direction : kDirections) {
            // ip daddr . meta l4proto . th dport @sip_endpoints4 goto to_daemon
            // ip saddr . meta l4proto . th sport @sip_endpoints4 goto to_daemon
            RuleBuilder listener = in(kSignalling, family);
            load_endpoint_key(listener, family, direction);
            add(listener.lookup(0, sip_endpoints(family)).verdict(NFT_GOTO, kToDaemonChain));
        }
    }
    to_daemon();
}

void RuleList::to_daemon() {
    const MarkLayout marks = options_.marks;
    // ct mark & 0x20000000 == 0x20000000 meta mark set meta mark | 0x20000000
    RuleBuilder copy = in(kToDaemonChain);
    copy.load_ct_mark(0).bitwise(0, marks.sip(), 0).require_u32(0, marks.sip());
    copy.load_meta(NFT_META_MARK, 0).bitwise(0, ~marks.sip(), marks.sip()).store_mark(0);
    add(copy);

    // counter queue flags bypass to 5060-5061
    add(in(kToDaemonChain).counter().queue(options_.queue_kind, options_.signalling_queue));
}

void RuleList::media() {
    const MarkLayout marks = options_.marks;
    skip_other_protocols(kMedia);

    for (const std::uint32_t bit : {marks.sip(), marks.opaque(), marks.edited()}) {
        if (bit == marks.edited() && !has_nat(options_)) continue;
        // meta mark & 0x20000000 == 0x20000000 ct mark set ct mark | 0x20000000
        RuleBuilder keep = in(kMedia);
        keep.load_meta(NFT_META_MARK, 0).bitwise(0, bit, 0).require_u32(0, bit);
        add(keep.load_ct_mark(0).bitwise(0, ~bit, bit).store_ct_mark(0));
    }
    // meta mark set meta mark & 0x9fffffff
    // A rule of its own: those above end early for a packet without conntrack entry. Chain guard looks at `edited` yet.
    clear_bits(kMedia, marks.sip() | marks.opaque());

    for (const Family family : kFamilies) {
        for (const Protocol protocol : kProtocols) {
            // meta nfproto ipv4 meta l4proto udp jump udp4
            add(in(kMedia, family, protocol).verdict(NFT_JUMP, pinhole_chain(family, protocol)));
        }
    }
    if (const auto& mark = options_.passage_mark) {
        for (const Family family : kFamilies) {
            for (const Direction direction : kDirections) {
                // ip saddr . ip daddr . meta l4proto . th dport @callbacks4 meta mark set meta mark | 0x1 accept
                // ip daddr . ip saddr . meta l4proto . th sport @callbacks4 meta mark set meta mark | 0x1 accept
                // No ct mark: signalling goes on after its registration has ended.
                RuleBuilder callback = in(kMedia, family);
                load_pinhole_key(callback, family, direction);
                callback.lookup(0, callbacks(family));
                callback.load_meta(NFT_META_MARK, 0).bitwise(0, ~mark->mask, mark->value & mark->mask).store_mark(0);
                add(callback.verdict(NF_ACCEPT));
            }
        }
    }
    // ct mark & 0x10000000 == 0x10000000 counter drop
    // What once passed a pinhole and has none any more: this is what cuts a flow at the BYE.
    RuleBuilder cut = in(kMedia);
    cut.load_ct_mark(0).bitwise(0, marks.pinhole(), 0).require_u32(0, marks.pinhole());
    add(cut.counter().verdict(NF_DROP));

    for (const Family family : kFamilies) {
        for (const Protocol protocol : kProtocols) pinholes_of(family, protocol);
    }
    for (const Direction direction : kDirections) count(direction);
    passed();
}

// The lookup is what admits; the update alone would make a pinhole of every packet.
void RuleList::pinholes_of(Family family, Protocol protocol) {
    const auto chain = pinhole_chain(family, protocol);
    const auto silence = protocol == Protocol::udp ? options_.media_silence : options_.stream_silence;
    const auto target = [](Direction direction) { return direction == Direction::in ? kInbound : kOutbound; };
    for (const Direction direction : kDirections) {
        // ip saddr . ip daddr . meta l4proto . udp dport @pinholes4
        //     update @pinholes4 { ip saddr . ip daddr . meta l4proto . udp dport timeout 2m } goto inbound
        // ip daddr . ip saddr . meta l4proto . udp sport @pinholes4
        //     update @pinholes4 { ip daddr . ip saddr . meta l4proto . udp sport timeout 2m } goto outbound
        RuleBuilder pinned = in(chain, family, protocol);
        load_pinhole_key(pinned, family, direction);
        pinned.lookup(0, nft::pinholes(family)).update(0, nft::pinholes(family), silence);
        add(pinned.verdict(NFT_GOTO, target(direction)));
    }
    for (const Direction direction : kDirections) {
        // ip daddr . meta l4proto . udp dport @open4
        //     update @open4 { ip daddr . meta l4proto . udp dport timeout 2m } goto inbound
        // ip saddr . meta l4proto . udp sport @open4
        //     update @open4 { ip saddr . meta l4proto . udp sport timeout 2m } goto outbound
        RuleBuilder any = in(chain, family, protocol);
        load_endpoint_key(any, family, direction);
        any.lookup(0, nft::open(family)).update(0, nft::open(family), silence);
        add(any.verdict(NFT_GOTO, target(direction)));
    }
}

// A rule of its own for each: an update of a full set ends the rule, and the packet must pass all the same.
void RuleList::count(Direction direction) {
    const auto chain = direction == Direction::in ? kInbound : kOutbound;
    for (const Family family : kFamilies) {
        for (const Protocol protocol : kProtocols) {
            // meta l4proto udp update @received4 { ip daddr . meta l4proto . udp dport timeout 2m }
            // meta l4proto udp update @sent4 { ip saddr . meta l4proto . udp sport timeout 2m }
            const auto silence = protocol == Protocol::udp ? options_.media_silence : options_.stream_silence;
            RuleBuilder rule = in(chain, family, protocol);
            load_endpoint_key(rule, family, direction);
            add(rule.update(0, direction == Direction::in ? received(family) : sent(family), silence));
        }
    }
    // goto passed
    add(in(chain).verdict(NFT_GOTO, kPassed));
}

void RuleList::passed() {
    const std::uint32_t bit = options_.marks.pinhole();
    // ct mark set ct mark | 0x10000000
    // Alone in its rule: it ends early for a packet without conntrack entry.
    RuleBuilder remember = in(kPassed);
    add(remember.load_ct_mark(0).bitwise(0, ~bit, bit).store_ct_mark(0));

    if (const auto& mark = options_.passage_mark) {
        // meta mark set meta mark & 0xffff00ff | 0x00001100
        RuleBuilder show = in(kPassed);
        add(show.load_meta(NFT_META_MARK, 0).bitwise(0, ~mark->mask, mark->value & mark->mask).store_mark(0));
    }
    // accept
    add(in(kPassed).verdict(NF_ACCEPT));
}

}  // namespace

bool has_set(const SchemaOptions& options, const SetSpec& set) {
    switch (set.used_for) {
        case SetSpec::For::all: return true;
        case SetSpec::For::nat: return has_nat(options);
        case SetSpec::For::tls: return options.tls.has_value();
    }
    return true;
}

std::vector<ChainSpec> schema_chains(const SchemaOptions& options) {
    std::vector<ChainSpec> chains;
    if (options.admit_queue) {
        chains.push_back({kAdmit, BaseHook{NF_INET_PRE_ROUTING, kBeforeRaw}});
        for (const Family family : kFamilies) chains.push_back({admit_chain(family), std::nullopt});
        chains.push_back({kFirstPacketChain, std::nullopt});
    }
    chains.push_back({kSignalling, BaseHook{NF_INET_FORWARD, options.signalling_priority}});
    chains.push_back({kToDaemonChain, std::nullopt});
    chains.push_back({kMedia, BaseHook{NF_INET_FORWARD, options.media_priority}});
    for (const Family family : kFamilies) {
        for (const Protocol protocol : kProtocols) chains.push_back({pinhole_chain(family, protocol), std::nullopt});
    }
    for (const std::string_view name : {kInbound, kOutbound, kPassed}) chains.push_back({name, std::nullopt});
    if (has_nat(options)) append_nat_chains(options, chains);
    return chains;
}

std::vector<RuleHandle> schema_rules(const SchemaOptions& options) {
    return RuleList(options).build();
}

}  // namespace messenger::nft
