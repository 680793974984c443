// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/warden/verdict_check.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>

#include <cstring>

#include "alg/net/packet.h"
#include "daemon/gateway/engine_policy.h"

namespace messenger::daemon {

namespace {

struct Head {
    nlmsghdr message;
    nfgenmsg netfilter;
};
static_assert(sizeof(Head) == sizeof(nlmsghdr) + sizeof(nfgenmsg));

}  // namespace

void VerdictCheck::update(const Config& config, std::span<const InterfaceAddress> addresses) {
    policy_ = make_policy(config, addresses);
    signalling_ = config.queue.signalling;
    admit_.reset();
    if (config.passage.mode == Passage::admit) admit_ = config.queue.admit;
    nat_ = !config.nat.interfaces.empty();
    overwrites_ = overwrites_ || policy_.compression == alg::Compression::decline;
}

bool VerdictCheck::holds_only_verdicts(std::span<const std::byte> request) const {
    while (!request.empty()) {
        Head head{};
        if (request.size() < sizeof(head)) return false;
        std::memcpy(&head, request.data(), sizeof(head));
        const std::size_t length = head.message.nlmsg_len;
        if (length < sizeof(head) || length % 4 != 0 || length > request.size()) return false;
        if (head.message.nlmsg_type != (NFNL_SUBSYS_QUEUE << 8U | NFQNL_MSG_VERDICT)) return false;
        const auto attributes = request.subspan(sizeof(head), length - sizeof(head));
        if (!is_verdict(ntohs(head.netfilter.res_id), attributes)) return false;
        request = request.subspan(length);
    }
    return true;
}

bool VerdictCheck::is_verdict(std::uint16_t queue, std::span<const std::byte> attributes) const {
    if (!signalling_.contains(queue) && admit_ != queue) return false;
    const auto read = nft::Attributes::read(attributes, {NFQA_VERDICT_HDR, NFQA_MARK, NFQA_PAYLOAD});
    if (!read) return false;
    nfqnl_msg_verdict_hdr verdict{};
    if (read->value(NFQA_VERDICT_HDR).size() != sizeof(verdict)) return false;
    std::memcpy(&verdict, read->value(NFQA_VERDICT_HDR).data(), sizeof(verdict));
    const std::uint32_t fate = ntohl(verdict.verdict);
    const bool changes = read->has(NFQA_MARK) || read->has(NFQA_PAYLOAD);
    if (fate == NF_DROP) return !changes;
    return fate == NF_ACCEPT && (!changes || may_change(queue, *read));
}

bool VerdictCheck::may_change(std::uint16_t queue, const nft::Attributes& verdict) const {
    if (!signalling_.contains(queue)) return false;
    return !verdict.has(NFQA_PAYLOAD) || may_become(verdict.value(NFQA_PAYLOAD));
}

bool VerdictCheck::may_become(std::span<const std::byte> packet) const {
    const auto view = alg::parse_packet(packet);
    if (!view) return false;
    const auto& [source, destination, transport] = view->tuple;
    const bool translated = nat_ && source.address.is_v4();
    const bool overwritten = overwrites_ && transport == alg::Transport::tcp;
    if (!translated && !overwritten) return false;
    const auto is_user_agent = [this](const alg::Endpoint& end) {
        return policy_.inside.contains(end.address) && policy_.is_user_agent_port(end.port);
    };
    if (policy_.inside.contains(destination.address) && !is_user_agent(destination)) return false;
    return policy_.is_sip_port(source.port) || policy_.is_sip_port(destination.port) || is_user_agent(source) ||
           is_user_agent(destination);
}

}  // namespace messenger::daemon
