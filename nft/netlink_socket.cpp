// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/netlink_socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <limits>
#include <utility>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

namespace messenger::nft {
namespace {

using Clock = std::chrono::steady_clock;

// The kernel fills dump replies of at most 32 kB, and one message of anything else we ask for is smaller.
constexpr std::size_t kReplyRoom = 65536;
// What reserve() gives at least, so that it never takes from what a socket has by default, and at most: the kernel
// doubles it.
constexpr std::size_t kLeastRoom = 262144;
constexpr std::size_t kMostSendRoom = std::numeric_limits<int>::max() / 2;
// 65,536 answers. Only what is refused is answered one by one, so ever so large a request needs less; and how much a
// warden has the kernel keep is not for a process without rights to say.
constexpr std::size_t kMostReceiveRoom = std::size_t{64} << 20U;
// A dump that others keep changing is given up after so many attempts.
constexpr int kMaxDumpAttempts = 10;

/// False at the deadline.
Expected<bool> wait_readable(int fd, Clock::time_point deadline, std::string_view operation) {
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        if (left <= 0) return false;
        pollfd waited{fd, POLLIN, 0};
        const int ready = poll(&waited, 1, static_cast<int>(std::min<std::int64_t>(left, INT32_MAX)));
        if (ready > 0) return true;
        if (ready == 0) return false;
        const int code = errno;
        if (code != EINTR) return system_error(code, operation);
    }
}

}  // namespace

NetlinkSocket::NetlinkSocket(SocketHandle socket)
    : socket_(std::move(socket)),
      sequence_(static_cast<std::uint32_t>(std::time(nullptr))),
      buffer_(std::make_unique_for_overwrite<std::byte[]>(kReplyRoom)) {}  // NOLINT(modernize-avoid-c-arrays)

Expected<NetlinkSocket> NetlinkSocket::open() {
    SocketHandle socket(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) {
        return system_error(errno, "open a netlink socket for netfilter");
    }
    // An error then tells the header of the message it is about, and not the message again.
    int on = 1;
    if (mnl_socket_setsockopt(socket.get(), NETLINK_CAP_ACK, &on, sizeof(on)) < 0) {
        return system_error(errno, "set NETLINK_CAP_ACK");
    }
    return NetlinkSocket(std::move(socket));
}

Expected<NetlinkSocket> NetlinkSocket::adopt(int descriptor) {
    SocketHandle socket(mnl_socket_fdopen(descriptor));
    if (!socket) return system_error(errno, "take over a netlink socket");
    return NetlinkSocket(std::move(socket));
}

Expected<void> NetlinkSocket::reserve(std::size_t send_bytes, std::size_t receive_bytes) {
    if (gate_ != nullptr) {  // who sends makes room, too: beyond the limits it takes the same right
        receive_room_ = std::max(receive_room_, receive_bytes);
        return {};
    }
    const auto grow = [this](std::size_t wanted, std::size_t& room, int option) -> Expected<void> {
        if (wanted <= room) return {};
        wanted = std::max(wanted, kLeastRoom);
        const int size = static_cast<int>(wanted);
        if (setsockopt(fd(), SOL_SOCKET, option, &size, sizeof(size)) < 0) {
            return system_error(errno, "size a netlink buffer");
        }
        room = wanted;
        return {};
    };
    if (send_bytes > kMostSendRoom) return system_error(EMSGSIZE, "size a netlink buffer");
    if (auto sent = grow(send_bytes, send_room_, SO_SNDBUFFORCE); !sent) return sent;
    return grow(std::min(receive_bytes, kMostReceiveRoom), receive_room_, SO_RCVBUFFORCE);
}

Expected<void> NetlinkSocket::join(int group) {
    if (mnl_socket_setsockopt(socket_.get(), NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0) {
        return system_error(errno, "subscribe to ruleset notifications");
    }
    return {};
}

Expected<void> NetlinkSocket::send(std::span<const std::byte> bytes, std::string_view operation) {
    if (gate_ != nullptr) {
        const int code = gate_->send(bytes, receive_room_);
        if (code == 0) return {};
        return system_error(code, operation);
    }
    for (;;) {
        if (mnl_socket_sendto(socket_.get(), bytes.data(), bytes.size()) >= 0) return {};
        const int code = errno;
        if (code != EINTR) return system_error(code, operation);
    }
}

Expected<void> NetlinkSocket::post(std::span<const std::byte> bytes, std::string_view operation) {
    if (gate_ == nullptr) return send(bytes, operation);
    const int code = gate_->post(bytes, receive_room_);
    if (code == 0) return {};
    return system_error(code, operation);
}

template <class Receive>
Expected<std::size_t> NetlinkSocket::wait_for(Receive receive, std::chrono::milliseconds deadline,
                                              std::string_view operation) {
    std::optional<Clock::time_point> end;  // the clock is only read if we have to wait
    for (;;) {
        Expected<std::optional<std::size_t>> received = receive();
        if (!received) return std::move(received).error();
        if (*received) return **received;
        if (deadline.count() == 0) return std::size_t{0};
        if (!end) end = Clock::now() + deadline;
        auto readable = wait_readable(fd(), *end, operation);
        if (!readable) return std::move(readable).error();
        if (!*readable) return system_error(ETIMEDOUT, operation);
    }
}

Expected<std::size_t> NetlinkSocket::receive(std::span<std::byte> buffer, std::chrono::milliseconds deadline,
                                             std::string_view operation) {
    const auto one = [&]() -> Expected<std::optional<std::size_t>> {
        for (;;) {
            sockaddr_nl from{};
            iovec part{buffer.data(), buffer.size()};
            msghdr header{};
            header.msg_name = &from;
            header.msg_namelen = sizeof(from);
            header.msg_iov = &part;
            header.msg_iovlen = 1;
            const ssize_t length = recvmsg(fd(), &header, MSG_DONTWAIT);
            if (length < 0 && errno == EINTR) continue;
            if (length < 0 && errno == EAGAIN) return std::optional<std::size_t>();
            if (length < 0) return system_error(errno, operation);
            if (from.nl_pid != 0) continue;  // not from the kernel
            if ((static_cast<unsigned>(header.msg_flags) & MSG_TRUNC) != 0) return system_error(EMSGSIZE, operation);
            return std::optional(static_cast<std::size_t>(length));
        }
    };
    return wait_for(one, deadline, operation);
}

Expected<std::size_t> NetlinkSocket::receive_short(std::chrono::milliseconds deadline, std::string_view operation,
                                                   const std::function<void(std::span<const std::byte>)>& take) {
    constexpr std::size_t kAtOnce = kReplyRoom / kShortReply;
    std::array<sockaddr_nl, kAtOnce> from{};
    std::array<iovec, kAtOnce> parts{};
    std::array<mmsghdr, kAtOnce> headers{};
    for (std::size_t i = 0; i < kAtOnce; ++i) {
        parts[i] = {buffer_.get() + i * kShortReply, kShortReply};
        headers[i].msg_hdr.msg_name = &from[i];
        headers[i].msg_hdr.msg_namelen = sizeof(from[i]);
        headers[i].msg_hdr.msg_iov = &parts[i];
        headers[i].msg_hdr.msg_iovlen = 1;
    }
    const auto several = [&]() -> Expected<std::optional<std::size_t>> {
        for (;;) {
            const int count = recvmmsg(fd(), headers.data(), kAtOnce, MSG_DONTWAIT, nullptr);
            if (count < 0 && errno == EINTR) continue;
            if (count < 0 && errno == EAGAIN) return std::optional<std::size_t>();
            if (count < 0) return system_error(errno, operation);
            for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
                if (from[i].nl_pid != 0) continue;  // not from the kernel
                const auto flags = static_cast<unsigned>(headers[i].msg_hdr.msg_flags);
                if ((flags & MSG_TRUNC) != 0) return system_error(EMSGSIZE, operation);
                take({buffer_.get() + i * kShortReply, headers[i].msg_len});
            }
            return std::optional(static_cast<std::size_t>(count));
        }
    };
    return wait_for(several, deadline, operation);
}

Expected<void> NetlinkSocket::request(nlmsghdr& message, std::string_view operation, const OnReply& on_reply,
                                      const std::function<void()>& on_restart) {
    for (int attempt = 0; attempt < kMaxDumpAttempts; ++attempt) {
        message.nlmsg_seq = next_sequence();
        const auto* bytes = reinterpret_cast<const std::byte*>(&message);
        if (auto sent = send({bytes, message.nlmsg_len}, operation); !sent) return sent;
        auto outcome = read_replies(message.nlmsg_seq, operation, on_reply);
        if (!outcome) return std::move(outcome).error();
        if (*outcome == Outcome::done) return {};
        if (on_restart) on_restart();
    }
    return system_error(EINTR, operation);
}

Expected<NetlinkSocket::Outcome> NetlinkSocket::read_replies(std::uint32_t sequence, std::string_view operation,
                                                             const OnReply& on_reply) {
    Outcome outcome = Outcome::more;
    bool interrupted = false;
    while (outcome == Outcome::more) {
        auto received = receive({buffer_.get(), kReplyRoom}, kKernelDeadline, operation);
        if (!received) return std::move(received).error();
        int left = static_cast<int>(*received);
        for (const auto* reply = reinterpret_cast<const nlmsghdr*>(buffer_.get());
             outcome == Outcome::more && mnl_nlmsg_ok(reply, left); reply = mnl_nlmsg_next(reply, &left)) {
            if (reply->nlmsg_seq != sequence) continue;  // of a request that was given up
            interrupted = interrupted || (reply->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
            auto taken = take_reply(*reply, operation, on_reply);
            if (!taken) return taken;
            outcome = *taken;
        }
    }
    return interrupted ? Outcome::interrupted : outcome;
}

Expected<NetlinkSocket::Outcome> NetlinkSocket::take_reply(const nlmsghdr& reply, std::string_view operation,
                                                           const OnReply& on_reply) {
    if (reply.nlmsg_type == NLMSG_DONE) {
        // A dump that fails on its way ends so, with the reason.
        std::int32_t code = 0;
        if (mnl_nlmsg_get_payload_len(&reply) >= sizeof(code)) {
            std::memcpy(&code, mnl_nlmsg_get_payload(&reply), sizeof(code));
        }
        if (code == -EINTR) return Outcome::interrupted;
        if (code < 0) return system_error(-code, operation);
        return Outcome::done;
    }
    if (reply.nlmsg_type == NLMSG_ERROR) {
        const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(&reply));
        if (error->error == -EINTR) return Outcome::interrupted;
        if (error->error != 0) return system_error(-error->error, operation);
        return Outcome::done;
    }
    if (on_reply) {
        if (auto taken = on_reply(reply); !taken) return std::move(taken).error();
    }
    return Outcome::more;
}

}  // namespace messenger::nft
