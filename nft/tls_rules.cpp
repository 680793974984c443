// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/tls_rules.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/expression.h"
#include "nft/rule_parts.h"

// The comment above each rule is the rule as nft(8) writes it, for IPv4. Tests compare these with `nft list`.
namespace messenger::nft {
namespace {

constexpr std::uint32_t kTcpFlags = 13;  // offset in the TCP header
constexpr std::uint8_t kFinOrRst = 0x05;
constexpr std::uint32_t kInvalid = 1;  // NF_CT_STATE_INVALID_BIT

/// client address . server address . meta l4proto . client port . server port
void load_tuple(RuleBuilder& rule, Family family, Direction direction) {
    KeyLoader key(rule, family);
    if (direction == Direction::out) {
        key.source_address().destination_address().protocol().source_port().destination_port();
    } else {
        key.destination_address().source_address().protocol().destination_port().source_port();
    }
}

[[nodiscard]] RuleBuilder of_connection(std::string_view chain, Family family, Direction direction) {
    RuleBuilder rule = rule_in(chain, family, Protocol::tcp);
    load_tuple(rule, family, direction);
    rule.lookup(0, tls_clients(family));
    return rule;
}

}  // namespace

void append_tls_rules(const TlsWatch& watch, const TlsChains& chains, std::vector<RuleHandle>& rules) {
    for (const Family family : kFamilies) {
        for (const Direction direction : kDirections) {
            // ip daddr . ip saddr . meta l4proto . tcp dport . tcp sport @tls_clients4
            //     tcp flags fin,rst ct state ! invalid
            //     delete @tls_clients4 { ip daddr . ip saddr . meta l4proto . tcp dport . tcp sport } goto to_daemon
            // Also while no daemon listens. What conntrack takes for made up ends nothing.
            RuleBuilder end = of_connection(chains.signalling, family, direction);
            end.load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, kTcpFlags, 1, 0).keep_bits_u8(0, kFinOrRst);
            end.require_u8(0, 0, true);
            end.load_ct_state(0).bitwise(0, kInvalid, 0).require_u32(0, 0);
            load_tuple(end, family, direction);
            end.remove(0, tls_clients(family));
            rules.push_back(end.verdict(NFT_GOTO, chains.to_daemon).take());
        }
        for (const Direction direction : kDirections) {
            // ip daddr . ip saddr . meta l4proto . tcp dport . tcp sport @tls_clients4
            //     update @tls_clients4 { ip daddr . ip saddr . meta l4proto . tcp dport . tcp sport timeout 10m }
            //     accept
            // Not back: chain forward would take it for none of ours.
            RuleBuilder live = of_connection(chains.signalling, family, direction);
            live.update(0, tls_clients(family), watch.silence);
            rules.push_back(live.verdict(NF_ACCEPT).take());
        }
    }
    for (const Network& network : watch.servers) {
        for (const Direction direction : kDirections) {
            // ip saddr 198.51.100.0/24 tcp sport 5061 goto to_daemon
            // ip daddr 198.51.100.0/24 tcp dport 5061 goto to_daemon
            RuleBuilder other = rule_in(chains.signalling, network.address.family(), Protocol::tcp);
            require_network(other, network, direction);
            const std::array<std::byte, 2> port{static_cast<std::byte>(watch.port >> 8U),
                                                static_cast<std::byte>(watch.port & 0xFFU)};
            other.load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, direction == Direction::out ? 2 : 0, port.size(), 0);
            rules.push_back(other.require(0, port).verdict(NFT_GOTO, chains.to_daemon).take());
        }
    }
}

}  // namespace messenger::nft
