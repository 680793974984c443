// SPDX-License-Identifier: GPL-2.0-or-later
#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
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
#include "nft/schema_rules.h"

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

/// What each rule of the chain that counts has counted, in their order.
Expected<std::vector<std::uint64_t>> Schema::count_rules(std::string_view chain) {
    std::array<char, 256> buffer{};
    nlmsghdr* message = nftnl_nlmsg_build_hdr(buffer.data(), NFT_MSG_GETRULE, NFPROTO_INET, NLM_F_DUMP, 0);
    mnl_attr_put_strz(message, NFTA_RULE_TABLE, kTable.data());
    mnl_attr_put_strz(message, NFTA_RULE_CHAIN, std::string(chain).c_str());
    Packets packets;
    const auto read = socket_.request(
        *message, "read the counters of chain " + std::string(chain),
        [&packets](const nlmsghdr& reply) -> Expected<void> {
            read_counter(reply, packets);
            return {};
        },
        [&packets] { packets.clear(); });
    if (!read) return read.error();
    if (packets.empty()) {
        NftError gone = system_error(ENOENT, "read the counters of chain " + std::string(chain));
        gone.failure = Failure::schema_gone;
        return gone;
    }
    return packets;
}

Expected<GuardCounts> Schema::guard_counts() {
    if (!has_nat(options_)) return GuardCounts{};
    const auto packets = count_rules(kUnattendedChain);
    if (!packets) return packets.error();
    // The rules as append_guard() makes them: the one that waits, the one that resets.
    return GuardCounts{packets->front(), packets->back()};
}

Expected<QueuedCounts> Schema::queued_counts() {
    const auto signalling = count_rules(kToDaemonChain);
    if (!signalling) return signalling.error();
    QueuedCounts counts{signalling->back(), 0};
    if (!options_.admit_queue) return counts;
    const auto first_packets = count_rules(kFirstPacketChain);
    if (!first_packets) return first_packets.error();
    counts.first_packets = first_packets->back();
    return counts;
}

}  // namespace messenger::nft
