// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "nft/features.h"
#include "nft/handle.h"
#include "nft/schema.h"
#include "nft/set_spec.h"

namespace messenger::nft {

enum class NatKind : std::uint8_t { destination, source };

/// A rule as a row of netlink expressions, one function per expression. Values pass through registers of 4 bytes;
/// Slot counts them, so the fields of a concatenated key lie in slots one after the other, as in Key.
/// Throws std::bad_alloc.
class RuleBuilder {
   public:
    using Slot = std::uint32_t;

    RuleBuilder(std::string_view table, std::string_view chain);

    RuleBuilder& load_meta(std::uint32_t nft_meta_key, Slot to);
    RuleBuilder& store_mark(Slot from);
    RuleBuilder& load_ct_mark(Slot to);
    RuleBuilder& store_ct_mark(Slot from);
    RuleBuilder& load_ct_state(Slot to);
    RuleBuilder& load_ct_direction(Slot to);
    /// Of the tuple that conntrack has for one direction of the flow: what a packet has on its arrival, before it is
    /// translated. ip_ct_dir: IP_CT_DIR_*; key: NFT_CT_SRC_IP and so on, or NFT_CT_PROTO_SRC, NFT_CT_PROTO_DST.
    RuleBuilder& load_ct_tuple(std::uint8_t ip_ct_dir, std::uint32_t nft_ct_key, Slot to);
    /// 1 if IPsec will take the packet, else 0: a value of one byte.
    RuleBuilder& load_ipsec(Slot to);
    /// base: NFT_PAYLOAD_*
    RuleBuilder& load_payload(std::uint32_t base, std::uint32_t offset, std::size_t length, Slot to);
    /// slot = (slot & mask) ^ flip
    RuleBuilder& bitwise(Slot slot, std::uint32_t mask, std::uint32_t flip);
    /// The same for a value of one byte, which keeps the bits of mask.
    RuleBuilder& keep_bits_u8(Slot slot, std::uint8_t mask);
    /// The same for a longer value, in slots side by side.
    RuleBuilder& keep_bits(Slot slot, std::span<const std::byte> mask);
    /// The rule ends here unless the value is equal (or, inverted, not equal).
    RuleBuilder& require(Slot slot, std::span<const std::byte> value, bool inverted = false);
    RuleBuilder& require_u8(Slot slot, std::uint8_t value, bool inverted = false);
    RuleBuilder& require_u32(Slot slot, std::uint32_t value, bool inverted = false);
    /// For a number in network order, such as a port.
    RuleBuilder& require_below_u16(Slot slot, std::uint16_t value);
    /// The rule ends here unless the flow has the label, a bit of 128; also for a packet without conntrack entry.
    RuleBuilder& require_ct_label(unsigned bit);
    /// Gives the flow the label, if its entry has room for labels: those that are older than any such rule have none.
    RuleBuilder& add_ct_label(unsigned bit);
    /// The rule ends here unless the key is in the set.
    RuleBuilder& lookup(Slot key, SetId set);
    /// The rule ends here unless the key is in the map; where it leads comes into the slots from target on.
    RuleBuilder& map(Slot key, SetId map, Slot target);
    /// Translates the destination (in prerouting) or the source (in postrouting) of an IPv4 flow to the address and
    /// port in two slots side by side. Ends the chain.
    RuleBuilder& translate(NatKind kind, Slot target);
    /// Answers with a TCP reset in place of the packet. Ends the chain.
    RuleBuilder& tcp_reset();
    /// Makes the element or gives it a new timeout. The rule ends here if the set is full.
    RuleBuilder& update(Slot key, SetId set, std::chrono::milliseconds timeout);
    /// Makes the element; one that is there keeps its time. The rule ends here if the set is full.
    RuleBuilder& note(Slot key, SetId set, std::chrono::milliseconds timeout);
    /// Takes the element away, if it is there.
    RuleBuilder& remove(Slot key, SetId set);
    RuleBuilder& counter();
    /// verdict: NF_ACCEPT, NF_DROP, NFT_RETURN, NFT_JUMP, NFT_GOTO
    RuleBuilder& verdict(int verdict, std::string_view chain = {});
    /// To a queue; past it if nobody listens there.
    RuleBuilder& queue(QueueKind kind, QueueRange queues);

    [[nodiscard]] RuleHandle take() { return std::move(rule_); }

   private:
    nftnl_expr* append(const char* name);
    RuleBuilder& write_to_set(std::uint32_t nft_dynset_op, Slot key, SetId set, std::chrono::milliseconds timeout);
    void append_queue(QueueRange queues);
    void append_xt_queue(QueueRange queues);

    RuleHandle rule_;
};

}  // namespace messenger::nft
