// SPDX-License-Identifier: GPL-2.0-or-later
#include <array>
#include <cerrno>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/handle.h"
#include "nft/nat_rules.h"
#include "nft/schema.h"

namespace messenger::nft {
namespace {

using Packets = std::vector<std::uint64_t>;

/// Appends what the rule's counter says, if it has one.
void read_counter(const nlmsghdr& message, Packets& packets) {
    const RuleHandle rule(nftnl_rule_alloc());
    if (!rule || nftnl_rule_nlmsg_parse(&message, rule.get()) < 0) return;
    const auto take = [](nftnl_expr* expression, void* to) {
        if (std::string_view(nftnl_expr_get_str(expression, NFTNL_EXPR_NAME)) == "counter") {
            static_cast<Packets*>(to)->push_back(nftnl_expr_get_u64(expression, NFTNL_EXPR_CTR_PACKETS));
        }
        return 0;
    };
    static_cast<void>(nftnl_expr_foreach(rule.get(), take, &packets));
}

}  // namespace

Expected<GuardCounts> Schema::guard_counts() {
    if (!has_nat(options_)) return GuardCounts{};
    std::array<char, 256> buffer{};
    nlmsghdr* message = nftnl_nlmsg_build_hdr(buffer.data(), NFT_MSG_GETRULE, NFPROTO_INET, NLM_F_DUMP, 0);
    mnl_attr_put_strz(message, NFTA_RULE_TABLE, kTable.data());
    mnl_attr_put_strz(message, NFTA_RULE_CHAIN, kUnattendedChain.data());
    Packets packets;
    const auto read = socket_.request(
        *message, "read the counters of chain unattended",
        [&packets](const nlmsghdr& reply) -> Expected<void> {
            read_counter(reply, packets);
            return {};
        },
        [&packets] { packets.clear(); });
    if (!read) return read.error();
    // The rules as append_guard() makes them: the one that waits, the one that resets.
    if (packets.size() != 2) {
        NftError gone = system_error(ENOENT, "read the counters of chain unattended");
        gone.failure = Failure::schema_gone;
        return gone;
    }
    return GuardCounts{packets[0], packets[1]};
}

}  // namespace messenger::nft
