// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include <libmnl/libmnl.h>

#include "nft/expected.h"
#include "nft/handle.h"
#include "nft/netlink_gate.h"

namespace messenger::nft {

/// A NETLINK_NETFILTER socket. Not for two threads at once.
class NetlinkSocket {
   public:
    /// What one reply is handed to. An error makes request() stop and return it.
    using OnReply = std::function<Expected<void>(const nlmsghdr&)>;

    [[nodiscard]] static Expected<NetlinkSocket> open();
    /// The socket with this descriptor, which is closed with it, in another process than the one that opened it.
    [[nodiscard]] static Expected<NetlinkSocket> adopt(int descriptor);

    /// From now on another process sends what is to be sent. Borrowed; outlives this object.
    void send_through(NetlinkGate& gate) { gate_ = &gate; }

    [[nodiscard]] int fd() const { return mnl_socket_get_fd(socket_.get()); }
    /// By this number the kernel names us as the origin of a change.
    [[nodiscard]] std::uint32_t portid() const { return mnl_socket_get_portid(socket_.get()); }
    [[nodiscard]] std::uint32_t next_sequence() { return ++sequence_; }

    /// Room for messages of this size and for as many bytes of replies, of these 64 MiB at most; past the limits in
    /// /proc/sys, which CAP_NET_ADMIN may.
    [[nodiscard]] Expected<void> reserve(std::size_t send_bytes, std::size_t receive_bytes);
    [[nodiscard]] Expected<void> join(int group);

    /// The kernel works on netfilter requests before this returns; the replies then wait to be received.
    [[nodiscard]] Expected<void> send(std::span<const std::byte> bytes, std::string_view operation);
    /// Which messages of the last send() a gate turned down (NetlinkGate::turned_down).
    [[nodiscard]] std::span<const std::uint32_t> turned_down() const {
        return gate_ == nullptr ? std::span<const std::uint32_t>() : gate_->turned_down();
    }
    /// Through a gate, without waiting for it (NetlinkGate::post); else the same.
    [[nodiscard]] Expected<void> post(std::span<const std::byte> bytes, std::string_view operation);
    /// What one datagram holds, at most deadline from now. A deadline of 0 does not wait: 0 bytes if there is nothing.
    /// Errors: timed_out, replies_lost.
    [[nodiscard]] Expected<std::size_t> receive(std::span<std::byte> buffer, std::chrono::milliseconds deadline,
                                                std::string_view operation);
    /// Waits likewise, and hands on each datagram that is there then, up to some of them with one system call: for
    /// answers of at most kShortReply bytes. How many there were.
    [[nodiscard]] Expected<std::size_t> receive_short(std::chrono::milliseconds deadline, std::string_view operation,
                                                      const std::function<void(std::span<const std::byte>)>& take);
    static constexpr std::size_t kShortReply = 4096;
    /// Sends one message (with NLM_F_ACK or NLM_F_DUMP set) and hands on what answers it, to its end. A dump that
    /// somebody changed while it was read is asked for again, so on_restart must forget what on_reply collected.
    [[nodiscard]] Expected<void> request(nlmsghdr& message, std::string_view operation, const OnReply& on_reply,
                                         const std::function<void()>& on_restart = {});

   private:
    explicit NetlinkSocket(SocketHandle socket);
    /// Calls receive, which gives absent where nothing was there, until it gives something or the deadline has come: 0
    /// for one of 0, else an error.
    template <class Receive>
    [[nodiscard]] Expected<std::size_t> wait_for(Receive receive, std::chrono::milliseconds deadline,
                                                 std::string_view operation);
    enum class Outcome : std::uint8_t { more, done, interrupted };
    [[nodiscard]] Expected<Outcome> read_replies(std::uint32_t sequence, std::string_view operation,
                                                 const OnReply& on_reply);
    [[nodiscard]] static Expected<Outcome> take_reply(const nlmsghdr& reply, std::string_view operation,
                                                      const OnReply& on_reply);

    SocketHandle socket_;
    NetlinkGate* gate_ = nullptr;
    std::uint32_t sequence_;
    std::size_t send_room_ = 0;
    std::size_t receive_room_ = 0;
    std::unique_ptr<std::byte[]> buffer_;  // NOLINT(modernize-avoid-c-arrays): the heap block replies are read into
};

/// How long we wait for the kernel. It answers within a system call; only a module that has to be loaded takes longer.
inline constexpr std::chrono::milliseconds kKernelDeadline{5000};

}  // namespace messenger::nft
