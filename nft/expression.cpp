// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/expression.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_NFQUEUE.h>

namespace messenger::nft {
namespace {

// NFT_REG32_00 to NFT_REG32_15 are the 4-byte views of the registers.
std::uint32_t register_of(RuleBuilder::Slot slot) {
    return NFT_REG32_00 + slot;
}

template <class Value>
std::span<const std::byte> bytes_of(const Value& value) {
    return std::as_bytes(std::span(&value, 1));
}

/// The labels of a flow, as the kernel stores them: a bitmap of its words.
constexpr std::size_t kLabelBits = 128;
constexpr std::size_t kWordBits = sizeof(unsigned long) * 8;
using Labels = std::array<unsigned long, kLabelBits / kWordBits>;

Labels label(unsigned bit) {
    Labels labels{};
    labels.at(bit / kWordBits) = 1UL << (bit % kWordBits);
    return labels;
}

}  // namespace

RuleBuilder::RuleBuilder(std::string_view table, std::string_view chain) : rule_(nftnl_rule_alloc()) {
    if (!rule_) throw std::bad_alloc();
    nftnl_rule_set_u32(rule_.get(), NFTNL_RULE_FAMILY, NFPROTO_INET);
    nftnl_rule_set_str(rule_.get(), NFTNL_RULE_TABLE, std::string(table).c_str());
    nftnl_rule_set_str(rule_.get(), NFTNL_RULE_CHAIN, std::string(chain).c_str());
}

nftnl_expr* RuleBuilder::append(const char* name) {
    nftnl_expr* expression = nftnl_expr_alloc(name);
    if (expression == nullptr) throw std::bad_alloc();
    nftnl_rule_add_expr(rule_.get(), expression);  // owns it now
    return expression;
}

// [ meta load KEY => reg ]
RuleBuilder& RuleBuilder::load_meta(std::uint32_t nft_meta_key, Slot to) {
    nftnl_expr* meta = append("meta");
    nftnl_expr_set_u32(meta, NFTNL_EXPR_META_KEY, nft_meta_key);
    nftnl_expr_set_u32(meta, NFTNL_EXPR_META_DREG, register_of(to));
    return *this;
}

// [ meta set mark with reg ]
RuleBuilder& RuleBuilder::store_mark(Slot from) {
    nftnl_expr* meta = append("meta");
    nftnl_expr_set_u32(meta, NFTNL_EXPR_META_KEY, NFT_META_MARK);
    nftnl_expr_set_u32(meta, NFTNL_EXPR_META_SREG, register_of(from));
    return *this;
}

// [ ct load mark => reg ]; the rule ends here for a packet without conntrack entry
RuleBuilder& RuleBuilder::load_ct_mark(Slot to) {
    nftnl_expr* ct = append("ct");
    nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_KEY, NFT_CT_MARK);
    nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_DREG, register_of(to));
    return *this;
}

// [ ct load state => reg ]
RuleBuilder& RuleBuilder::load_ct_state(Slot to) {
    nftnl_expr* ct = append("ct");
    nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_KEY, NFT_CT_STATE);
    nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_DREG, register_of(to));
    return *this;
}

// [ ct set mark with reg ]
RuleBuilder& RuleBuilder::store_ct_mark(Slot from) {
    nftnl_expr* ct = append("ct");
    nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_KEY, NFT_CT_MARK);
    nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_SREG, register_of(from));
    return *this;
}

// [ ct load direction => reg ]
RuleBuilder& RuleBuilder::load_ct_direction(Slot to) {
    nftnl_expr* ct = append("ct");
    nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_KEY, NFT_CT_DIRECTION);
    nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_DREG, register_of(to));
    return *this;
}

// [ ct load KEY => reg , dir DIRECTION ]
RuleBuilder& RuleBuilder::load_ct_tuple(std::uint8_t ip_ct_dir, std::uint32_t nft_ct_key, Slot to) {
    nftnl_expr* ct = append("ct");
    nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_KEY, nft_ct_key);
    nftnl_expr_set_u8(ct, NFTNL_EXPR_CT_DIR, ip_ct_dir);
    nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_DREG, register_of(to));
    return *this;
}

// [ rt load ipsec => reg ]
RuleBuilder& RuleBuilder::load_ipsec(Slot to) {
    nftnl_expr* route = append("rt");
    nftnl_expr_set_u32(route, NFTNL_EXPR_RT_KEY, NFT_RT_XFRM);
    nftnl_expr_set_u32(route, NFTNL_EXPR_RT_DREG, register_of(to));
    return *this;
}

// [ payload load LENGTH @ BASE + OFFSET => reg ]
RuleBuilder& RuleBuilder::load_payload(std::uint32_t base, std::uint32_t offset, std::size_t length, Slot to) {
    nftnl_expr* payload = append("payload");
    nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_BASE, base);
    nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
    nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_LEN, static_cast<std::uint32_t>(length));
    nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_DREG, register_of(to));
    return *this;
}

// [ bitwise reg = ( reg & MASK ) ^ FLIP ]
RuleBuilder& RuleBuilder::bitwise(Slot slot, std::uint32_t mask, std::uint32_t flip) {
    nftnl_expr* bitwise = append("bitwise");
    nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_SREG, register_of(slot));
    nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_DREG, register_of(slot));
    nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_LEN, sizeof(mask));
    nftnl_expr_set(bitwise, NFTNL_EXPR_BITWISE_MASK, &mask, sizeof(mask));
    nftnl_expr_set(bitwise, NFTNL_EXPR_BITWISE_XOR, &flip, sizeof(flip));
    return *this;
}

RuleBuilder& RuleBuilder::keep_bits_u8(Slot slot, std::uint8_t mask) {
    return keep_bits(slot, bytes_of(mask));
}

// [ bitwise reg = ( reg & MASK ) ^ 0 ]
RuleBuilder& RuleBuilder::keep_bits(Slot slot, std::span<const std::byte> mask) {
    const std::vector<std::byte> flip(mask.size());
    const auto size = static_cast<std::uint32_t>(mask.size());
    nftnl_expr* bitwise = append("bitwise");
    nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_SREG, register_of(slot));
    nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_DREG, register_of(slot));
    nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_LEN, size);
    nftnl_expr_set(bitwise, NFTNL_EXPR_BITWISE_MASK, mask.data(), size);
    nftnl_expr_set(bitwise, NFTNL_EXPR_BITWISE_XOR, flip.data(), size);
    return *this;
}

// [ cmp eq|neq reg VALUE ]
RuleBuilder& RuleBuilder::require(Slot slot, std::span<const std::byte> value, bool inverted) {
    nftnl_expr* compare = append("cmp");
    nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_SREG, register_of(slot));
    nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_OP, inverted ? NFT_CMP_NEQ : NFT_CMP_EQ);
    nftnl_expr_set(compare, NFTNL_EXPR_CMP_DATA, value.data(), static_cast<std::uint32_t>(value.size()));
    return *this;
}

RuleBuilder& RuleBuilder::require_u8(Slot slot, std::uint8_t value, bool inverted) {
    return require(slot, bytes_of(value), inverted);
}

RuleBuilder& RuleBuilder::require_u32(Slot slot, std::uint32_t value, bool inverted) {
    return require(slot, bytes_of(value), inverted);
}

// [ cmp lt reg VALUE ]
RuleBuilder& RuleBuilder::require_below_u16(Slot slot, std::uint16_t value) {
    const std::uint16_t in_network_order = htons(value);
    nftnl_expr* compare = append("cmp");
    nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_SREG, register_of(slot));
    nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_OP, NFT_CMP_LT);
    nftnl_expr_set(compare, NFTNL_EXPR_CMP_DATA, &in_network_order, sizeof(in_network_order));
    return *this;
}

// [ ct load label => reg ] [ bitwise reg = ( reg & BIT ) ^ 0 ] [ cmp neq reg 0 ]
RuleBuilder& RuleBuilder::require_ct_label(unsigned bit) {
    nftnl_expr* ct = append("ct");
    nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_KEY, NFT_CT_LABELS);
    nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_DREG, register_of(0));
    const Labels wanted = label(bit);
    const Labels none{};
    return keep_bits(0, bytes_of(wanted)).require(0, bytes_of(none), true);
}

// [ immediate reg BIT ] [ ct set label with reg ]
RuleBuilder& RuleBuilder::add_ct_label(unsigned bit) {
    const Labels added = label(bit);
    nftnl_expr* immediate = append("immediate");
    nftnl_expr_set_u32(immediate, NFTNL_EXPR_IMM_DREG, register_of(0));
    nftnl_expr_set(immediate, NFTNL_EXPR_IMM_DATA, added.data(), sizeof(added));
    nftnl_expr* ct = append("ct");
    nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_KEY, NFT_CT_LABELS);
    nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_SREG, register_of(0));
    return *this;
}

// [ lookup reg set NAME ]
RuleBuilder& RuleBuilder::lookup(Slot key, SetId set) {
    nftnl_expr* lookup = append("lookup");
    nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_SREG, register_of(key));
    nftnl_expr_set_str(lookup, NFTNL_EXPR_LOOKUP_SET, spec_of(set).name.data());
    return *this;
}

// [ lookup reg set NAME dreg reg ]
RuleBuilder& RuleBuilder::map(Slot key, SetId map, Slot target) {
    nftnl_expr* lookup = append("lookup");
    nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_SREG, register_of(key));
    nftnl_expr_set_str(lookup, NFTNL_EXPR_LOOKUP_SET, spec_of(map).name.data());
    nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_DREG, register_of(target));
    return *this;
}

// [ nat dnat|snat ip addr_min reg proto_min reg ]
RuleBuilder& RuleBuilder::translate(NatKind kind, Slot target) {
    nftnl_expr* nat = append("nat");
    nftnl_expr_set_u32(nat, NFTNL_EXPR_NAT_TYPE, kind == NatKind::destination ? NFT_NAT_DNAT : NFT_NAT_SNAT);
    nftnl_expr_set_u32(nat, NFTNL_EXPR_NAT_FAMILY, NFPROTO_IPV4);
    nftnl_expr_set_u32(nat, NFTNL_EXPR_NAT_REG_ADDR_MIN, register_of(target));
    nftnl_expr_set_u32(nat, NFTNL_EXPR_NAT_REG_PROTO_MIN, register_of(target + 1));
    return *this;
}

// [ reject type tcp-reset ]
RuleBuilder& RuleBuilder::tcp_reset() {
    nftnl_expr* reject = append("reject");
    nftnl_expr_set_u32(reject, NFTNL_EXPR_REJECT_TYPE, NFT_REJECT_TCP_RST);
    nftnl_expr_set_u8(reject, NFTNL_EXPR_REJECT_CODE, 0);
    return *this;
}

// [ dynset update reg_key reg set NAME timeout T ]; a set that counts passes its counter on to the new element
RuleBuilder& RuleBuilder::update(Slot key, SetId set, std::chrono::milliseconds timeout) {
    return write_to_set(NFT_DYNSET_OP_UPDATE, key, set, timeout);
}

// [ dynset add reg_key reg set NAME timeout T ]
RuleBuilder& RuleBuilder::note(Slot key, SetId set, std::chrono::milliseconds timeout) {
    return write_to_set(NFT_DYNSET_OP_ADD, key, set, timeout);
}

RuleBuilder& RuleBuilder::write_to_set(std::uint32_t nft_dynset_op, Slot key, SetId set,
                                       std::chrono::milliseconds timeout) {
    nftnl_expr* dynset = append("dynset");
    nftnl_expr_set_u32(dynset, NFTNL_EXPR_DYNSET_OP, nft_dynset_op);
    nftnl_expr_set_u32(dynset, NFTNL_EXPR_DYNSET_SREG_KEY, register_of(key));
    nftnl_expr_set_str(dynset, NFTNL_EXPR_DYNSET_SET_NAME, spec_of(set).name.data());
    nftnl_expr_set_u64(dynset, NFTNL_EXPR_DYNSET_TIMEOUT, static_cast<std::uint64_t>(timeout.count()));
    return *this;
}

// [ dynset delete reg set NAME ]
RuleBuilder& RuleBuilder::remove(Slot key, SetId set) {
    nftnl_expr* dynset = append("dynset");
    nftnl_expr_set_u32(dynset, NFTNL_EXPR_DYNSET_OP, NFT_DYNSET_OP_DELETE);
    nftnl_expr_set_u32(dynset, NFTNL_EXPR_DYNSET_SREG_KEY, register_of(key));
    nftnl_expr_set_str(dynset, NFTNL_EXPR_DYNSET_SET_NAME, spec_of(set).name.data());
    return *this;
}

// [ counter ]
RuleBuilder& RuleBuilder::counter() {
    append("counter");
    return *this;
}

// [ immediate reg 0 VERDICT ]
RuleBuilder& RuleBuilder::verdict(int verdict, std::string_view chain) {
    nftnl_expr* immediate = append("immediate");
    nftnl_expr_set_u32(immediate, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
    nftnl_expr_set_u32(immediate, NFTNL_EXPR_IMM_VERDICT, static_cast<std::uint32_t>(verdict));
    if (!chain.empty()) nftnl_expr_set_str(immediate, NFTNL_EXPR_IMM_CHAIN, std::string(chain).c_str());
    return *this;
}

RuleBuilder& RuleBuilder::queue(QueueKind kind, QueueRange queues) {
    if (kind == QueueKind::native) {
        append_queue(queues);
    } else {
        append_xt_queue(queues);
    }
    return *this;
}

// [ queue num FIRST-LAST bypass ]
void RuleBuilder::append_queue(QueueRange queues) {
    nftnl_expr* queue = append("queue");
    nftnl_expr_set_u16(queue, NFTNL_EXPR_QUEUE_NUM, queues.first);
    nftnl_expr_set_u16(queue, NFTNL_EXPR_QUEUE_TOTAL, queues.count);
    nftnl_expr_set_u16(queue, NFTNL_EXPR_QUEUE_FLAGS, NFT_QUEUE_FLAG_BYPASS);
}

// [ target name NFQUEUE rev 3 info FIRST COUNT bypass ]
// nft_compat takes it in the inet family too (measured on 6.18): the target is registered for every family, so the one
// table serves both kinds of queue.
void RuleBuilder::append_xt_queue(QueueRange queues) {
    constexpr std::size_t kAlignedSize = (sizeof(xt_NFQ_info_v3) + 7) & ~std::size_t{7};  // XT_ALIGN
    const xt_NFQ_info_v3 info{queues.first, queues.count, NFQ_FLAG_BYPASS};
    nftnl_expr* target = append("target");
    nftnl_expr_set_str(target, NFTNL_EXPR_TG_NAME, "NFQUEUE");
    nftnl_expr_set_u32(target, NFTNL_EXPR_TG_REV, 3);
    // libnftnl keeps this pointer and calls free() on it, which the checks cannot see.
    // NOLINTBEGIN(cppcoreguidelines-no-malloc,cppcoreguidelines-owning-memory,clang-analyzer-unix.Malloc)
    void* data = std::calloc(1, kAlignedSize);
    if (data == nullptr) throw std::bad_alloc();
    std::memcpy(data, &info, sizeof(info));
    nftnl_expr_set(target, NFTNL_EXPR_TG_INFO, data, kAlignedSize);
}
// NOLINTEND(cppcoreguidelines-no-malloc,cppcoreguidelines-owning-memory,clang-analyzer-unix.Malloc)

}  // namespace messenger::nft
