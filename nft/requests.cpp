// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/requests.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace messenger::nft {
namespace {

/// In one datagram: its answers have to find room in the socket's buffer before anybody reads them.
constexpr std::size_t kMostAtOnce = 128;
/// What an answer, and an acknowledgement where there is one, occupy there, by the kernel's own accounting; rounded up.
constexpr std::size_t kAnswerFootprint = 12288;

constexpr int kUnanswered = -1;

}  // namespace

void Requests::clear() {
    bytes_.clear();
    places_.clear();
    codes_.clear();
}

void Requests::add(const nlmsghdr& message) {
    places_.push_back(bytes_.size());
    const auto* bytes = reinterpret_cast<const std::byte*>(&message);
    bytes_.insert(bytes_.end(), bytes, bytes + message.nlmsg_len);
    bytes_.resize((bytes_.size() + 3) & ~std::size_t{3});  // where a netlink message may begin
}

nlmsghdr& Requests::message(std::size_t index) {
    return *reinterpret_cast<nlmsghdr*>(bytes_.data() + places_[index]);
}

Expected<std::span<const int>> Requests::send(NetlinkSocket& socket, std::string_view operation,
                                              const OnReply& on_reply) {
    codes_.assign(size(), kUnanswered);
    if (auto sent = send_from(socket, 0, operation, on_reply); !sent) return std::move(sent).error();
    return std::span<const int>(codes_);
}

Expected<void> Requests::post(NetlinkSocket& socket, std::string_view operation) {
    codes_.assign(size(), kUnanswered);
    posted_ = std::min(kMostAtOnce, size());
    if (empty()) return {};
    const auto bytes = prepare(socket, 0, posted_);
    if (!bytes) return bytes.error();
    return socket.post(*bytes, operation);
}

Expected<std::span<const int>> Requests::read_answers(NetlinkSocket& socket, std::string_view operation) {
    if (empty()) return std::span<const int>();
    if (auto taken = take_answers(socket, 0, posted_, {}, operation, {}); !taken) return std::move(taken).error();
    for (std::size_t i = 0; i < posted_; ++i) {
        if (codes_[i] != kUnanswered) continue;
        // Turned down, perhaps because of another one.
        if (auto sent = send_alone(socket, i, 1, operation, {}); !sent) return std::move(sent).error();
    }
    if (auto sent = send_from(socket, posted_, operation, {}); !sent) return std::move(sent).error();
    return std::span<const int>(codes_);
}

Expected<void> Requests::send_from(NetlinkSocket& socket, std::size_t first, std::string_view operation,
                                   const OnReply& on_reply) {
    for (; first < size(); first += kMostAtOnce) {
        const std::size_t count = std::min(kMostAtOnce, size() - first);
        auto sent = send_some(socket, first, count, operation, on_reply);
        if (sent) continue;
        if (sent.error().code != EACCES) return sent;
        // Nothing of it was done, for one of them may not be.
        if (auto alone = send_alone(socket, first, count, operation, on_reply); !alone) return alone;
    }
    return {};
}

Expected<void> Requests::send_some(NetlinkSocket& socket, std::size_t first, std::size_t count,
                                   std::string_view operation, const OnReply& on_reply) {
    const auto bytes = prepare(socket, first, count);
    if (!bytes) return bytes.error();
    if (auto sent = socket.send(*bytes, operation); !sent) return sent;
    return take_answers(socket, first, count, kKernelDeadline, operation, on_reply);
}

Expected<void> Requests::send_alone(NetlinkSocket& socket, std::size_t first, std::size_t count,
                                    std::string_view operation, const OnReply& on_reply) {
    for (std::size_t i = first; i < first + count; ++i) {
        auto alone = send_some(socket, i, 1, operation, on_reply);
        if (alone) continue;
        if (alone.error().code != EACCES) return alone;
        codes_[i] = EACCES;
    }
    return {};
}

Expected<std::span<const std::byte>> Requests::prepare(NetlinkSocket& socket, std::size_t first, std::size_t count) {
    for (std::size_t i = first; i < first + count; ++i) message(i).nlmsg_seq = socket.next_sequence();
    const std::size_t begin = places_[first];
    const std::size_t end = first + count < size() ? places_[first + count] : bytes_.size();
    if (auto room = socket.reserve(end - begin, count * kAnswerFootprint); !room) return std::move(room).error();
    return std::span<const std::byte>(bytes_.data() + begin, end - begin);
}

Expected<void> Requests::take_answers(NetlinkSocket& socket, std::size_t first, std::size_t count,
                                      std::chrono::milliseconds deadline, std::string_view operation,
                                      const OnReply& on_reply) {
    const std::uint32_t first_sequence = message(first).nlmsg_seq;
    std::size_t open = count;
    const auto take = [&](std::span<const std::byte> bytes) {
        int left = static_cast<int>(bytes.size());
        for (const auto* reply = reinterpret_cast<const nlmsghdr*>(bytes.data()); mnl_nlmsg_ok(reply, left);
             reply = mnl_nlmsg_next(reply, &left)) {
            const std::size_t which = reply->nlmsg_seq - first_sequence;
            if (which >= count) continue;  // of a request that was given up
            const bool is_error = reply->nlmsg_type == NLMSG_ERROR;
            if (!is_error && on_reply) on_reply(first + which, *reply);
            const bool is_last = is_error || (message(first + which).nlmsg_flags & NLM_F_ACK) == 0;
            int& code = codes_[first + which];
            if (!is_last || code != kUnanswered) continue;
            code = is_error ? -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(reply))->error : 0;
            --open;
        }
    };
    while (open > 0) {
        auto received = socket.receive_short(deadline, operation, take);
        if (!received) return std::move(received).error();
        if (*received == 0) break;
    }
    return {};
}

}  // namespace messenger::nft
