// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/schema_rules.h"

#include <array>
#include <chrono>
#include <string>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/admit_rules.h"
#include "nft/expression.h"
#include "nft/nat_rules.h"
#include "nft/other_rules.h"
#include "nft/rule_parts.h"
#include "nft/tls_rules.h"

// The comment above each rule is the rule as nft(8) writes it, for IPv4 and UDP where there is one for each family and
// protocol. Tests compare these with `nft list`.
namespace messenger::nft {
namespace {

// Chain names. "in" and "out" are seen from the inside host.
constexpr std::string_view kForward = "forward";
constexpr std::string_view kSignalling = "signalling";
constexpr std::string_view kMedia = "media";
constexpr std::string_view kInbound = "inbound";
constexpr std::string_view kOutbound = "outbound";
constexpr std::string_view kPassed = "passed";
constexpr std::string_view kVerdict = "verdict";

constexpr std::uint8_t kReply = 1;  // IP_CT_DIR_REPLY

/// The daemon asks for who was heard as soon as it reads the packet. With made-up addresses a set of this size is full
/// after thousands of packets a second: then nobody new is heard for as long as this.
constexpr auto kHeard = std::chrono::seconds(60);

constexpr std::array kProtocols{Protocol::udp, Protocol::tcp};

/// Of flows that no pinhole has let pass yet.
constexpr std::string_view pinhole_chain(Family family, Protocol protocol) {
    if (family == Family::ipv4) return protocol == Protocol::udp ? "udp4" : "tcp4";
    return protocol == Protocol::udp ? "udp6" : "tcp6";
}

/// Of those that one has.
constexpr std::string_view media_chain(Family family, Protocol protocol) {
    if (family == Family::ipv4) return protocol == Protocol::udp ? "media_udp4" : "media_tcp4";
    return protocol == Protocol::udp ? "media_udp6" : "media_tcp6";
}

/// Which pinholes a rule looks into: those for one remote address, or those for any.
enum class Remote : std::uint8_t { pinned, any };
constexpr std::array kRemotes{Remote::pinned, Remote::any};

class RuleList {
   public:
    explicit RuleList(const SchemaOptions& options) : options_(options) {}

    std::vector<RuleHandle> build() {
        append_admit_rules(options_, rules_);
        forward();
        signalling();
        to_daemon();
        media();
        for (const Family family : kFamilies) {
            for (const Protocol protocol : kProtocols) {
                first_packets_of(family, protocol);
                media_of(family, protocol);
            }
        }
        for (const Direction direction : kDirections) count(direction);
        passed();
        verdict();
        if (has_nat(options_)) append_nat_rules(options_, {kAdmit4Chain, kFirstPacketChain}, rules_);
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

    [[nodiscard]] std::uint32_t verdict_bits() const {
        return options_.marks.sip() | options_.marks.opaque() | (has_nat(options_) ? options_.marks.edited() : 0);
    }
    [[nodiscard]] std::chrono::milliseconds silence(Protocol protocol) const {
        return protocol == Protocol::udp ? options_.media_silence : options_.stream_silence;
    }
    /// ct mark & 0x10000000 == 0x10000000
    static void require_ct_mark(RuleBuilder& rule, std::uint32_t bit) {
        rule.load_ct_mark(0).bitwise(0, bit, 0).require_u32(0, bit);
    }
    /// meta mark set meta mark & 0xffff00ff | 0x00001100
    void show_passage(RuleBuilder& rule) const {
        if (const auto& mark = options_.passage_mark) {
            rule.load_meta(NFT_META_MARK, 0).bitwise(0, ~mark->mask, mark->value & mark->mask).store_mark(0);
        }
    }

    void forward();
    void signalling();
    void to_daemon();
    void media();
    void media_of(Family family, Protocol protocol);
    void first_packets_of(Family family, Protocol protocol);
    void count(Direction direction);
    void passed();
    void verdict();

    const SchemaOptions& options_;
    std::vector<RuleHandle> rules_;
};

SetId holes(Remote remote, Family family) {
    return remote == Remote::pinned ? nft::pinholes(family) : nft::open(family);
}

void load_hole_key(RuleBuilder& rule, Remote remote, Family family, Direction direction) {
    if (remote == Remote::pinned) {
        load_pinhole_key(rule, family, direction);
    } else {
        load_endpoint_key(rule, family, direction);
    }
}

/// Where load_hole_key has left what load_endpoint_key would load.
RuleBuilder::Slot endpoint_slot(Remote remote, Family family) {
    if (remote == Remote::any) return 0;
    return family == Family::ipv4 ? 1 : 4;
}

// Every forwarded packet comes here. Media leaves with the first rule, most of the others with the second.
void RuleList::forward() {
    // ct mark & 0x10000000 == 0x10000000 goto media
    RuleBuilder known = in(kForward);
    require_ct_mark(known, options_.marks.pinhole());
    add(known.verdict(NFT_GOTO, kMedia));
    append_skipping_of_others(options_, kForward, rules_);

    skip_other_protocols(kForward);
    if (options_.passage_mark) {
        for (const Family family : kFamilies) {
            for (const Direction direction : kDirections) {
                // ip saddr . ip daddr . meta l4proto . th dport @callbacks4 meta mark set meta mark | 0x1
                // ip daddr . ip saddr . meta l4proto . th sport @callbacks4 meta mark set meta mark | 0x1
                // No ct mark: signalling goes on after its registration has ended.
                RuleBuilder callback = in(kForward, family);
                load_pinhole_key(callback, family, direction);
                callback.lookup(0, callbacks(family));
                show_passage(callback);
                add(callback);
            }
        }
    }
    append_end_of_admission(options_, kForward, rules_);
    // jump signalling
    add(in(kForward).verdict(NFT_JUMP, kSignalling));
    for (const Family family : kFamilies) {
        for (const Protocol protocol : kProtocols) {
            // meta nfproto ipv4 meta l4proto udp jump udp4
            // meta nfproto ipv4 meta l4proto tcp ct state ! established jump tcp4
            // A connection is media from its first packet on, or never.
            RuleBuilder first = in(kForward, family, protocol);
            if (protocol == Protocol::tcp) first.load_ct_state(0).bitwise(0, kEstablished, 0).require_u32(0, 0);
            add(first.verdict(NFT_JUMP, pinhole_chain(family, protocol)));
        }
    }
    append_noting_of_others(options_, kForward, rules_);
}

void RuleList::signalling() {
    const MarkLayout marks = options_.marks;
    // meta mark & 0x60000000 != 0x00000000 meta mark set meta mark & 0x9fffffff
    // From here on these bits come from our rules and from the daemon alone.
    RuleBuilder clear = in(kSignalling);
    clear.load_meta(NFT_META_MARK, 0).bitwise(0, verdict_bits(), 0).require_u32(0, 0, true);
    add(clear.load_meta(NFT_META_MARK, 0).bitwise(0, ~verdict_bits(), 0).store_mark(0));

    // ct mark & 0x40000000 == 0x40000000 return
    RuleBuilder given_up = in(kSignalling);
    require_ct_mark(given_up, marks.opaque());
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
}

void RuleList::to_daemon() {
    const MarkLayout marks = options_.marks;
    // ct mark & 0x20000000 == 0x20000000 meta mark set meta mark | 0x20000000
    RuleBuilder copy = in(kToDaemonChain);
    require_ct_mark(copy, marks.sip());
    copy.load_meta(NFT_META_MARK, 0).bitwise(0, ~marks.sip(), marks.sip()).store_mark(0);
    add(copy);

    for (const Family family : kFamilies) {
        // meta nfproto ipv4 update @heard4 { ip saddr timeout 1m }
        // For the process that opens on another's word: so it knows who has spoken.
        RuleBuilder hear = in(kToDaemonChain, family);
        KeyLoader(hear, family).source_address();
        add(hear.update(0, heard(family), kHeard));
    }

    // counter queue flags bypass to 5060-5061
    add(in(kToDaemonChain).counter().queue(options_.queue_kind, options_.signalling_queue));
}

void RuleList::media() {
    for (const Family family : kFamilies) {
        for (const Protocol protocol : kProtocols) {
            // meta nfproto ipv4 meta l4proto udp jump media_udp4
            add(in(kMedia, family, protocol).verdict(NFT_JUMP, media_chain(family, protocol)));
        }
    }
    skip_other_protocols(kMedia);
    // counter drop
    // What once passed a pinhole and has none any more: this is what cuts a flow at the BYE.
    add(in(kMedia).counter().verdict(NF_DROP));
}

// One rule does it all for a packet, for the fewer expressions the kernel has to go through the better. The lookup is
// what admits; an update alone would make an element of every packet.
void RuleList::media_of(Family family, Protocol protocol) {
    const auto chain = media_chain(family, protocol);
    const auto passes = [&](RuleBuilder rule, Remote remote, Direction direction, bool counts) {
        const SetId set = holes(remote, family);
        load_hole_key(rule, remote, family, direction);
        rule.lookup(0, set).update(0, set, silence(protocol));
        const SetId traffic = direction == Direction::in ? received(family) : sent(family);
        if (counts) rule.update(endpoint_slot(remote, family), traffic, silence(protocol));
        show_passage(rule);
        add(rule.verdict(NF_ACCEPT));
    };
    // ct direction reply ip daddr . ip saddr . meta l4proto . udp sport @pinholes4
    //     update @pinholes4 { ip daddr . ip saddr . meta l4proto . udp sport timeout 2m }
    //     update @sent4 { ip saddr . meta l4proto . udp sport timeout 2m } accept
    // Flows whose entry the daemon made begin outside: for half of their packets one lookup less.
    RuleBuilder reply = in(chain, family, protocol);
    reply.load_ct_direction(0).require_u8(0, kReply);
    passes(std::move(reply), Remote::pinned, Direction::out, true);
    // An update of a full set of counters ends its rule, and the packet must pass all the same: so once more, without.
    for (const bool counts : {true, false}) {
        for (const Remote remote : kRemotes) {
            for (const Direction direction : kDirections) {
                // ip saddr . ip daddr . meta l4proto . udp dport @pinholes4
                //     update @pinholes4 { ip saddr . ip daddr . meta l4proto . udp dport timeout 2m }
                //     update @received4 { ip daddr . meta l4proto . udp dport timeout 2m } accept
                // ip saddr . meta l4proto . udp sport @open4
                //     update @open4 { ip saddr . meta l4proto . udp sport timeout 2m }
                //     update @sent4 { ip saddr . meta l4proto . udp sport timeout 2m } accept
                passes(in(chain, family, protocol), remote, direction, counts);
            }
        }
    }
}

// Also every packet that has no conntrack entry.
void RuleList::first_packets_of(Family family, Protocol protocol) {
    const auto chain = pinhole_chain(family, protocol);
    for (const Remote remote : kRemotes) {
        for (const Direction direction : kDirections) {
            // ip saddr . ip daddr . meta l4proto . udp dport @pinholes4
            //     update @pinholes4 { ip saddr . ip daddr . meta l4proto . udp dport timeout 2m } goto inbound
            // ip saddr . meta l4proto . udp sport @open4
            //     update @open4 { ip saddr . meta l4proto . udp sport timeout 2m } goto outbound
            const SetId set = holes(remote, family);
            RuleBuilder rule = in(chain, family, protocol);
            load_hole_key(rule, remote, family, direction);
            rule.lookup(0, set).update(0, set, silence(protocol));
            add(rule.verdict(NFT_GOTO, direction == Direction::in ? kInbound : kOutbound));
        }
    }
}

// A rule of its own for each: an update of a full set ends the rule, and the packet must pass all the same.
void RuleList::count(Direction direction) {
    const auto chain = direction == Direction::in ? kInbound : kOutbound;
    for (const Family family : kFamilies) {
        for (const Protocol protocol : kProtocols) {
            // meta l4proto udp update @received4 { ip daddr . meta l4proto . udp dport timeout 2m }
            // meta l4proto udp update @sent4 { ip saddr . meta l4proto . udp sport timeout 2m }
            RuleBuilder rule = in(chain, family, protocol);
            load_endpoint_key(rule, family, direction);
            add(rule.update(0, direction == Direction::in ? received(family) : sent(family), silence(protocol)));
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

    if (options_.passage_mark) {
        // meta mark set meta mark & 0xffff00ff | 0x00001100
        RuleBuilder show = in(kPassed);
        show_passage(show);
        add(show);
    }
    // accept
    add(in(kPassed).verdict(NF_ACCEPT));
}

// After chain forward: what the daemon answered is a bit in the packet's mark.
void RuleList::verdict() {
    const MarkLayout marks = options_.marks;
    // meta mark & 0x60000000 == 0x00000000 return
    RuleBuilder none = in(kVerdict);
    none.load_meta(NFT_META_MARK, 0).bitwise(0, verdict_bits(), 0).require_u32(0, 0);
    add(none.verdict(NFT_RETURN));

    for (const std::uint32_t bit : {marks.sip(), marks.opaque(), marks.edited()}) {
        if (bit == marks.edited() && !has_nat(options_)) continue;
        // ct mark & 0x10000000 == 0x00000000 meta mark & 0x20000000 == 0x20000000 ct mark set ct mark | 0x20000000
        // Not for media, which no daemon sees: there the bits are somebody else's.
        RuleBuilder keep = in(kVerdict);
        keep.load_ct_mark(0).bitwise(0, marks.pinhole(), 0).require_u32(0, 0);
        keep.load_meta(NFT_META_MARK, 0).bitwise(0, bit, 0).require_u32(0, bit);
        add(keep.load_ct_mark(0).bitwise(0, ~bit, bit).store_ct_mark(0));
    }
    // meta mark set meta mark & 0x9fffffff
    // A rule of its own: those above end early for a packet without conntrack entry. Chain guard looks at `edited` yet.
    RuleBuilder clear = in(kVerdict);
    add(clear.load_meta(NFT_META_MARK, 0).bitwise(0, ~(marks.sip() | marks.opaque()), 0).store_mark(0));
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

std::uint32_t room_of(const SchemaOptions& options, const SetSpec& set) {
    // The kernel takes the memory for all elements of a set without timeouts at once.
    if (set.id == SetId::sip_ports) return options.sip_ports_room;
    const bool both_ways = set.id == SetId::admitted4 || set.id == SetId::admitted6;
    return both_ways ? 4 * options.set_size : options.set_size;
}

std::vector<ChainSpec> schema_chains(const SchemaOptions& options) {
    std::vector<ChainSpec> chains;
    append_admit_chains(options, chains);
    chains.push_back({kForward, BaseHook{NF_INET_FORWARD, options.forward_priority}});
    for (const std::string_view name : {kSignalling, kToDaemonChain, kMedia}) chains.push_back({name, std::nullopt});
    for (const Family family : kFamilies) {
        for (const Protocol protocol : kProtocols) {
            chains.push_back({pinhole_chain(family, protocol), std::nullopt});
            chains.push_back({media_chain(family, protocol), std::nullopt});
        }
    }
    for (const std::string_view name : {kInbound, kOutbound, kPassed}) chains.push_back({name, std::nullopt});
    chains.push_back({kVerdict, BaseHook{NF_INET_FORWARD, options.verdict_priority}});
    if (has_nat(options)) append_nat_chains(options, chains);
    return chains;
}

std::vector<RuleHandle> schema_rules(const SchemaOptions& options) {
    return RuleList(options).build();
}

}  // namespace messenger::nft
