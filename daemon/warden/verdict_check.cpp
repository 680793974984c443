// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/warden/verdict_check.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>

#include <algorithm>
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

constexpr std::uint16_t kVerdict = NFNL_SUBSYS_QUEUE << 8U | NFQNL_MSG_VERDICT;

/// A message of the length that it says. Absent if there is none.
[[nodiscard]] std::optional<Head> read_head(std::span<const std::byte> request) {
    Head head{};
    if (request.size() < sizeof(head)) return std::nullopt;
    std::memcpy(&head, request.data(), sizeof(head));
    const std::size_t length = head.message.nlmsg_len;
    if (length < sizeof(head) || length % 4 != 0 || length > request.size()) return std::nullopt;
    return head;
}

[[nodiscard]] std::optional<nft::Attributes> read_attributes(std::span<const std::byte> attributes) {
    return nft::Attributes::read(attributes, {NFQA_VERDICT_HDR, NFQA_MARK, NFQA_PAYLOAD});
}

[[nodiscard]] std::optional<nfqnl_msg_verdict_hdr> read_verdict(const nft::Attributes& attributes) {
    nfqnl_msg_verdict_hdr verdict{};
    const auto value = attributes.value(NFQA_VERDICT_HDR);
    if (value.size() != sizeof(verdict)) return std::nullopt;
    std::memcpy(&verdict, value.data(), sizeof(verdict));
    return verdict;
}

/// The message of one that may not be given, made into one that drops its packet.
void append_drop(Head head, nfqnl_msg_verdict_hdr verdict, std::vector<std::byte>& out) {
    verdict.verdict = htonl(NF_DROP);
    constexpr std::uint16_t kLength = sizeof(nlattr) + sizeof(verdict);
    const nlattr attribute{kLength, NFQA_VERDICT_HDR};
    head.message.nlmsg_len = sizeof(head) + kLength;
    const auto append = [&out](const auto& value) {
        const auto bytes = std::as_bytes(std::span(&value, 1));
        out.insert(out.end(), bytes.begin(), bytes.end());
    };
    append(head);
    append(attribute);
    append(verdict);
}

}  // namespace

void VerdictCheck::update(const Config& config, std::span<const InterfaceAddress> addresses) {
    policy_ = make_policy(config, addresses);
    const auto note = [this](const alg::Prefix& network) {
        if (std::find(inside_.begin(), inside_.end(), network) == inside_.end()) inside_.push_back(network);
    };
    for (const alg::Prefix& network : config.network.inside) note(network);
    for (const alg::Prefix& network : find_networks(addresses, config.network.inside_interfaces).networks)
        note(network);
    signalling_ = config.queue.signalling;
    admit_.reset();
    if (config.passage.mode == Passage::admit) admit_ = config.queue.admit;
    nat_ = !config.nat.interfaces.empty();
    overwrites_ = overwrites_ || policy_.compression == alg::Compression::decline;
}

bool VerdictCheck::holds_only_verdicts(std::span<const std::byte> request) const {
    while (!request.empty()) {
        const auto head = read_head(request);
        if (!head || head->message.nlmsg_type != kVerdict) return false;
        const std::size_t length = head->message.nlmsg_len;
        const auto attributes = request.subspan(sizeof(Head), length - sizeof(Head));
        if (!is_verdict(ntohs(head->netfilter.res_id), attributes)) return false;
        request = request.subspan(length);
    }
    return true;
}

VerdictCheck::Mended VerdictCheck::mend(std::span<const std::byte> request) const {
    Mended mended;
    while (!request.empty()) {
        const auto head = read_head(request);
        if (!head) {  // where the next begins, nobody can say
            ++mended.turned_down;
            break;
        }
        const auto message = request.first(head->message.nlmsg_len);
        request = request.subspan(message.size());
        const std::uint16_t queue = ntohs(head->netfilter.res_id);
        const auto bytes = message.subspan(sizeof(Head));
        const bool is_of_type = head->message.nlmsg_type == kVerdict;
        if (is_of_type && is_verdict(queue, bytes)) {
            mended.bytes.insert(mended.bytes.end(), message.begin(), message.end());
            continue;
        }
        ++mended.turned_down;
        const auto attributes = is_of_type && is_ours(queue) ? read_attributes(bytes) : std::nullopt;
        const auto verdict = attributes ? read_verdict(*attributes) : std::nullopt;
        if (verdict) append_drop(*head, *verdict, mended.bytes);
    }
    return mended;
}

bool VerdictCheck::is_verdict(std::uint16_t queue, std::span<const std::byte> attributes) const {
    if (!is_ours(queue)) return false;
    const auto read = read_attributes(attributes);
    const auto verdict = read ? read_verdict(*read) : std::nullopt;
    if (!verdict) return false;
    const std::uint32_t fate = ntohl(verdict->verdict);
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
    const auto is_inside = [this](const alg::IpAddress& host) {
        return std::any_of(inside_.begin(), inside_.end(),
                           [&](const alg::Prefix& network) { return network.contains(host); });
    };
    const auto is_user_agent = [&](const alg::Endpoint& end) {
        return is_inside(end.address) && policy_.is_user_agent_port(end.port);
    };
    if (is_inside(destination.address) && !is_user_agent(destination)) return false;
    return policy_.is_sip_port(source.port) || policy_.is_sip_port(destination.port) || is_user_agent(source) ||
           is_user_agent(destination);
}

}  // namespace messenger::daemon
