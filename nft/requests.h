// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include <libmnl/libmnl.h>

#include "nft/expected.h"
#include "nft/netlink_socket.h"

namespace messenger::nft {

/// Requests that have nothing to do with each other, in as few datagrams as possible: for all in one, this process
/// makes one system call, and the process that sends for it takes one turn. Not a transaction: the kernel works on one
/// after the other, and does each or refuses it. Keeps its storage.
class Requests {
   public:
    /// What one request is answered with besides its code; index counts them from 0.
    using OnReply = std::function<void(std::size_t index, const nlmsghdr& reply)>;

    void clear();
    /// Appends a copy. Without NLM_F_ACK it is one that the kernel answers with one message; no dump.
    void add(const nlmsghdr& message);
    [[nodiscard]] std::size_t size() const { return places_.size(); }
    [[nodiscard]] bool empty() const { return places_.empty(); }

    /// Sends all that was added, and reads what answers it. Gives for each request 0 or errno; borrowed until clear().
    /// One that the process which sends for us turns down (EACCES) is alone in that. operation: for errors of the
    /// socket. After such an error, some may have been done.
    [[nodiscard]] Expected<std::span<const int>> send(NetlinkSocket& socket, std::string_view operation,
                                                      const OnReply& on_reply = {});

    /// Half of send(): as many as one datagram may hold are on their way when it returns, and read_answers() does the
    /// rest once something else has been asked through the same gate (NetlinkGate::post).
    [[nodiscard]] Expected<void> post(NetlinkSocket& socket, std::string_view operation);
    [[nodiscard]] Expected<std::span<const int>> read_answers(NetlinkSocket& socket, std::string_view operation);

   private:
    [[nodiscard]] Expected<void> send_from(NetlinkSocket& socket, std::size_t first, std::string_view operation,
                                           const OnReply& on_reply);
    [[nodiscard]] Expected<void> send_some(NetlinkSocket& socket, std::size_t first, std::size_t count,
                                           std::string_view operation, const OnReply& on_reply);
    [[nodiscard]] Expected<void> send_alone(NetlinkSocket& socket, std::size_t first, std::size_t count,
                                            std::string_view operation, const OnReply& on_reply);
    /// Makes them ready to be sent in one datagram, and gives its bytes.
    [[nodiscard]] Expected<std::span<const std::byte>> prepare(NetlinkSocket& socket, std::size_t first,
                                                               std::size_t count);
    /// Until each is answered, or for a deadline of 0 as long as answers are there.
    [[nodiscard]] Expected<void> take_answers(NetlinkSocket& socket, std::size_t first, std::size_t count,
                                              std::chrono::milliseconds deadline, std::string_view operation,
                                              const OnReply& on_reply);
    [[nodiscard]] nlmsghdr& message(std::size_t index);

    std::vector<std::byte> bytes_;
    std::vector<std::size_t> places_;  ///< where each begins in bytes_
    std::vector<int> codes_;
    std::size_t posted_ = 0;  ///< the first so many
};

}  // namespace messenger::nft
