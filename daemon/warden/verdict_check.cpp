// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/warden/verdict_check.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>

#include <algorithm>
#include <cstring>

#include "nft/attributes.h"

namespace messenger::daemon {

namespace {

struct Head {
    nlmsghdr message;
    nfgenmsg netfilter;
};
static_assert(sizeof(Head) == sizeof(nlmsghdr) + sizeof(nfgenmsg));

[[nodiscard]] bool is_verdict(const Head& head, std::span<const std::byte> attributes,
                              std::span<const std::uint16_t> queues) {
    if (head.message.nlmsg_type != (NFNL_SUBSYS_QUEUE << 8U | NFQNL_MSG_VERDICT)) return false;
    if (std::find(queues.begin(), queues.end(), ntohs(head.netfilter.res_id)) == queues.end()) return false;
    const auto read = nft::Attributes::read(attributes, {NFQA_VERDICT_HDR, NFQA_MARK, NFQA_PAYLOAD});
    if (!read) return false;
    nfqnl_msg_verdict_hdr verdict{};
    if (read->value(NFQA_VERDICT_HDR).size() != sizeof(verdict)) return false;
    std::memcpy(&verdict, read->value(NFQA_VERDICT_HDR).data(), sizeof(verdict));
    const std::uint32_t fate = ntohl(verdict.verdict);
    return fate == NF_ACCEPT || fate == NF_DROP;
}

}  // namespace

bool holds_only_verdicts(std::span<const std::byte> request, std::span<const std::uint16_t> queues) {
    while (!request.empty()) {
        Head head{};
        if (request.size() < sizeof(head)) return false;
        std::memcpy(&head, request.data(), sizeof(head));
        const std::size_t length = head.message.nlmsg_len;
        if (length < sizeof(head) || length % 4 != 0 || length > request.size()) return false;
        if (!is_verdict(head, request.subspan(sizeof(head), length - sizeof(head)), queues)) return false;
        request = request.subspan(length);
    }
    return true;
}

}  // namespace messenger::daemon
