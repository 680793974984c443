// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace messenger::nft {

/// Sends on a netlink socket in place of a process that may not. Netfilter asks for CAP_NET_ADMIN at every send, and of
/// the process that sends; what answers waits in the socket, for any process that has it, and reading asks for nothing.
class NetlinkGate {
   public:
    NetlinkGate() = default;
    NetlinkGate(const NetlinkGate&) = delete;
    NetlinkGate& operator=(const NetlinkGate&) = delete;
    NetlinkGate(NetlinkGate&&) = delete;
    NetlinkGate& operator=(NetlinkGate&&) = delete;
    virtual ~NetlinkGate() = default;

    /// Returns when the kernel has worked on the request. answers: bytes that the replies may need in the socket's
    /// buffer. 0 or errno: EACCES if the request is not one that this process may make.
    [[nodiscard]] virtual int send(std::span<const std::byte> request, std::size_t answers) = 0;
    /// The same without waiting: the kernel has worked on it, or it was turned down, when the next send(), on whatever
    /// socket of that process, returns. 0 or errno.
    [[nodiscard]] virtual int post(std::span<const std::byte> request, std::size_t answers) = 0;
    /// After a send() that gave EACCES: the numbers (nlmsg_seq) of those messages that are to blame alone, so that the
    /// rest may be asked for without them. None: all of it is. Until the next send().
    [[nodiscard]] virtual std::span<const std::uint32_t> turned_down() const { return {}; }
};

}  // namespace messenger::nft
