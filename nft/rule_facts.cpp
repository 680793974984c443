// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/rule_facts.h"

#include <cstddef>
#include <cstring>
#include <string_view>

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/handle.h"

namespace messenger::nft {
namespace {

struct RuleReading {
    RuleFacts facts;
    bool l4proto_loaded = false;
};

/// struct xt_ct_target_info begins so: flags, zone, events, helper's name.
constexpr std::size_t kHelperAt = 2 + 2 + 4 + 4;
constexpr std::size_t kHelperLongest = 16;
constexpr std::uint16_t kNotrackFlag = 1;  // XT_CT_NOTRACK

void note_target(nftnl_expr* expression, RuleFacts& facts) {
    if (std::string_view(nftnl_expr_get_str(expression, NFTNL_EXPR_TG_NAME)) != "CT") return;
    std::uint32_t size = 0;
    const auto* info = static_cast<const char*>(nftnl_expr_get(expression, NFTNL_EXPR_TG_INFO, &size));
    if (info == nullptr || size < kHelperAt + kHelperLongest) return;
    std::uint16_t flags = 0;
    std::memcpy(&flags, info, sizeof flags);
    facts.untracks = facts.untracks || (flags & kNotrackFlag) != 0;
    facts.helper.assign(info + kHelperAt, strnlen(info + kHelperAt, kHelperLongest));
}

int note_expression(nftnl_expr* expression, void* data) {
    RuleReading& reading = *static_cast<RuleReading*>(data);
    RuleFacts& facts = reading.facts;
    const std::string_view name(nftnl_expr_get_str(expression, NFTNL_EXPR_NAME));
    facts.has_extension = facts.has_extension || name == "match" || name == "target";
    facts.untracks = facts.untracks || name == "notrack";
    if (name == "target") note_target(expression, facts);
    if (name == "cmp" && reading.l4proto_loaded && nftnl_expr_get_u32(expression, NFTNL_EXPR_CMP_OP) == NFT_CMP_EQ) {
        std::uint32_t size = 0;
        const void* value = nftnl_expr_get(expression, NFTNL_EXPR_CMP_DATA, &size);
        if (value != nullptr && size >= 1) facts.protocol = *static_cast<const std::uint8_t*>(value);
    }
    reading.l4proto_loaded = name == "meta" && nftnl_expr_get_u32(expression, NFTNL_EXPR_META_KEY) == NFT_META_L4PROTO;
    return 0;
}

}  // namespace

RuleFacts rule_facts(const nlmsghdr& message) {
    RuleReading reading;
    const RuleHandle rule(nftnl_rule_alloc());
    if (!rule || nftnl_rule_nlmsg_parse(&message, rule.get()) < 0) return {};
    static_cast<void>(nftnl_expr_foreach(rule.get(), note_expression, &reading));
    return reading.facts;
}

}  // namespace messenger::nft
