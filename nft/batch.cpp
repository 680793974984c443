// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/batch.h"

#include <array>
#include <cassert>
#include <cerrno>
#include <utility>

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

namespace messenger::nft {
namespace {

// What one error message occupies in the receive buffer, by the kernel's own accounting; rounded up.
constexpr std::size_t kReplyFootprint = 1024;
constexpr std::size_t kEnvelopeSize = sizeof(nlmsghdr) + sizeof(nfgenmsg);

constexpr std::size_t aligned(std::size_t length) {
    return (length + 3) & ~std::size_t{3};
}

}  // namespace

void Batch::begin(std::uint32_t sequence) {
    size_ = 0;
    last_message_ = 0;
    tags_.clear();
    failures_.clear();
    first_sequence_ = sequence;
    append_envelope(NFNL_MSG_BATCH_BEGIN, first_sequence_);
}

nlmsghdr* Batch::start(std::uint16_t type, std::uint8_t family, std::uint16_t flags, std::size_t tag) {
    if (bytes_.size() - size_ < kMaxMessage) bytes_.resize(bytes_.size() * 2 + kMaxMessage);
    last_message_ = size_;
    tags_.push_back(tag);
    nlmsghdr* message = mnl_nlmsg_put_header(bytes_.data() + size_);
    message->nlmsg_type = static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8U | type);
    message->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    message->nlmsg_seq = first_sequence_ + static_cast<std::uint32_t>(tags_.size());
    auto* header = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(nfgenmsg)));
    header->nfgen_family = family;
    header->version = NFNETLINK_V0;
    header->res_id = 0;
    return message;
}

void Batch::finish(nlmsghdr* message) {
    assert(message->nlmsg_len <= kMaxMessage);
    size_ += aligned(message->nlmsg_len);
}

void Batch::append_envelope(std::uint16_t type, std::uint32_t sequence) {
    if (bytes_.size() - size_ < kEnvelopeSize) bytes_.resize(bytes_.size() * 2 + kMaxMessage);
    nlmsghdr* message = mnl_nlmsg_put_header(bytes_.data() + size_);
    message->nlmsg_type = type;
    message->nlmsg_flags = NLM_F_REQUEST;
    message->nlmsg_seq = sequence;
    auto* header = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(nfgenmsg)));
    header->nfgen_family = AF_UNSPEC;
    header->version = NFNETLINK_V0;
    header->res_id = htons(NFNL_SUBSYS_NFTABLES);
    size_ += aligned(message->nlmsg_len);
}

Expected<std::span<const BatchFailure>> Batch::commit(NetlinkSocket& socket, std::string_view operation) {
    assert(!tags_.empty());
    // Errors are always answered; one acknowledgement, of the last message, tells that there were none.
    reinterpret_cast<nlmsghdr*>(bytes_.data() + last_message_)->nlmsg_flags |= NLM_F_ACK;
    std::uint32_t last = first_sequence_;
    for (std::size_t i = 0; i < tags_.size(); ++i) last = socket.next_sequence();
    append_envelope(NFNL_MSG_BATCH_END, socket.next_sequence());

    if (auto room = socket.reserve(size_, tags_.size() * kReplyFootprint); !room) return std::move(room).error();
    if (auto sent = socket.send({bytes_.data(), size_}, operation); !sent) {
        if (sent.error().code == EACCES && blame(socket.turned_down())) return std::span<const BatchFailure>(failures_);
        return std::move(sent).error();
    }

    // The kernel has worked on the batch by now and all its answers wait. Usually the last message is among them; where
    // the batch as a whole was refused (no permission, no memory) there is only an error for its begin.
    alignas(nlmsghdr) std::array<std::byte, 8192> answer{};
    bool answered = false;
    for (;;) {
        using std::chrono::milliseconds;
        auto received = socket.receive(answer, answered ? milliseconds{0} : kKernelDeadline, operation);
        if (!received) return std::move(received).error();
        if (*received == 0) break;
        answered = true;
        if (take_answers(std::span(answer).first(*received), last)) break;
    }
    return std::span<const BatchFailure>(failures_);
}

bool Batch::blame(std::span<const std::uint32_t> sequences) {
    for (const std::uint32_t sequence : sequences) {
        const std::uint32_t position = sequence - first_sequence_;
        if (position == 0 || position > tags_.size()) return false;
        failures_.push_back({tags_[position - 1], EACCES});
    }
    return !sequences.empty();
}

bool Batch::take_answers(std::span<const std::byte> bytes, std::uint32_t last) {
    int left = static_cast<int>(bytes.size());
    bool complete = false;
    for (const auto* reply = reinterpret_cast<const nlmsghdr*>(bytes.data()); mnl_nlmsg_ok(reply, left);
         reply = mnl_nlmsg_next(reply, &left)) {
        const std::uint32_t position = reply->nlmsg_seq - first_sequence_;  // 0 is the begin message
        if (reply->nlmsg_type != NLMSG_ERROR || position > tags_.size()) continue;
        const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(reply));
        if (error->error != 0) failures_.push_back({position == 0 ? kNoTag : tags_[position - 1], -error->error});
        complete = complete || reply->nlmsg_seq == last;
    }
    return complete;
}

}  // namespace messenger::nft
