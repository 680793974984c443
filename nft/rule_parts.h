// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/address.h"
#include "nft/expression.h"

// What the rules of all our chains are put together from.
namespace messenger::nft {

inline constexpr std::array kFamilies{Family::ipv4, Family::ipv6};

inline constexpr std::uint32_t kEstablished = 2;  // NF_CT_STATE_BIT(IP_CT_ESTABLISHED)

/// As seen from the inside host.
enum class Direction : std::uint8_t { in, out };
inline constexpr std::array kDirections{Direction::in, Direction::out};

[[nodiscard]] inline RuleBuilder rule_in(std::string_view chain) {
    return RuleBuilder(kTable, chain);
}

/// A rule that ends unless the packet is of the family. Chains of one family repeat it: without it `nft list` does not
/// know which header the offsets that follow are in.
[[nodiscard]] inline RuleBuilder rule_in(std::string_view chain, Family family) {
    RuleBuilder rule = rule_in(chain);
    rule.load_meta(NFT_META_NFPROTO, 0).require_u8(0, family == Family::ipv4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
    return rule;
}

[[nodiscard]] inline RuleBuilder rule_in(std::string_view chain, Family family, Protocol protocol) {
    RuleBuilder rule = rule_in(chain, family);
    rule.load_meta(NFT_META_L4PROTO, 0).require_u8(0, static_cast<std::uint8_t>(protocol));
    return rule;
}

/// Loads header fields into slots one after the other, as a concatenated key wants them.
class KeyLoader {
   public:
    KeyLoader(RuleBuilder& rule, Family family) : rule_(rule), family_(family) {}

    KeyLoader& out_interface() {  // oifname
        rule_.load_meta(NFT_META_OIFNAME, next_);
        next_ += static_cast<RuleBuilder::Slot>(field_size(Field::interface) / 4);
        return *this;
    }
    KeyLoader& source_address() { return address(family_ == Family::ipv4 ? 12 : 8); }        // ip saddr, ip6 saddr
    KeyLoader& destination_address() { return address(family_ == Family::ipv4 ? 16 : 24); }  // ip daddr, ip6 daddr
    KeyLoader& protocol() {                                                                  // meta l4proto
        rule_.load_meta(NFT_META_L4PROTO, next_++);
        return *this;
    }
    KeyLoader& source_port() { return port(0); }       // th sport
    KeyLoader& destination_port() { return port(2); }  // th dport

   private:
    KeyLoader& address(std::uint32_t offset) {
        const std::size_t size = family_ == Family::ipv4 ? 4 : 16;
        rule_.load_payload(NFT_PAYLOAD_NETWORK_HEADER, offset, size, next_);
        next_ += static_cast<RuleBuilder::Slot>(size / 4);
        return *this;
    }
    KeyLoader& port(std::uint32_t offset) {
        rule_.load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, offset, 2, next_++);
        return *this;
    }

    RuleBuilder& rule_;
    Family family_;
    RuleBuilder::Slot next_ = 0;
};

/// remote address . inside address . meta l4proto . inside port
inline void load_pinhole_key(RuleBuilder& rule, Family family, Direction direction) {
    KeyLoader key(rule, family);
    if (direction == Direction::in) {
        key.source_address().destination_address().protocol().destination_port();
    } else {
        key.destination_address().source_address().protocol().source_port();
    }
}

/// inside address . meta l4proto . inside port
inline void load_endpoint_key(RuleBuilder& rule, Family family, Direction direction) {
    KeyLoader key(rule, family);
    if (direction == Direction::in) {
        key.destination_address().protocol().destination_port();
    } else {
        key.source_address().protocol().source_port();
    }
}

/// source address . destination address . meta l4proto . source port . destination port, as the packet shows them
inline void load_tuple_key(RuleBuilder& rule, Family family) {
    KeyLoader(rule, family).source_address().destination_address().protocol().source_port().destination_port();
}

/// The same as it arrived, before any translation: what conntrack has for its direction.
inline void load_arrival_key(RuleBuilder& rule, Family family, std::uint8_t ip_ct_dir) {
    const bool v4 = family == Family::ipv4;
    const RuleBuilder::Slot address = v4 ? 1 : 4;
    rule.load_ct_tuple(ip_ct_dir, v4 ? NFT_CT_SRC_IP : NFT_CT_SRC_IP6, 0);
    rule.load_ct_tuple(ip_ct_dir, v4 ? NFT_CT_DST_IP : NFT_CT_DST_IP6, address);
    rule.load_meta(NFT_META_L4PROTO, 2 * address);
    rule.load_ct_tuple(ip_ct_dir, NFT_CT_PROTO_SRC, 2 * address + 1);
    rule.load_ct_tuple(ip_ct_dir, NFT_CT_PROTO_DST, 2 * address + 2);
}

/// Ends the rule unless the remote address of the packet (its source, or on the way out its destination) is in network.
inline void require_network(RuleBuilder& rule, const Network& network, Direction direction) {
    const auto bytes = network.address.bytes();
    KeyLoader address(rule, network.address.family());
    if (direction == Direction::out) {
        address.destination_address();
    } else {
        address.source_address();
    }
    std::array<std::byte, 16> mask{};
    for (unsigned bit = 0; bit < network.length; ++bit) {
        mask.at(bit / 8) |= static_cast<std::byte>(0x80U >> (bit % 8));
    }
    if (network.length < bytes.size() * 8) rule.keep_bits(0, std::span(mask).first(bytes.size()));
    rule.require(0, bytes);
}

/// Ends the rule unless the packet is UDP from (in) or to (out) a port below 1024: there is no media at such a port
/// inside, and translators of addresses leave ports on their side of 1024.
inline void require_low_udp_port(RuleBuilder& rule, Direction direction) {
    constexpr std::uint16_t kFirstHighPort = 1024;
    rule.load_meta(NFT_META_L4PROTO, 0).require_u8(0, static_cast<std::uint8_t>(Protocol::udp));
    rule.load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, direction == Direction::in ? 0 : 2, sizeof(kFirstHighPort), 0);
    rule.require_below_u16(0, kFirstHighPort);
}

}  // namespace messenger::nft
