// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <netinet/in.h>

#include "tests/support/packet_builder.h"

namespace messenger::bench {

using testing::Bytes;
using testing::ByteSpan;

/// Nanoseconds of the clock that the kernel stamps packets with.
[[nodiscard]] std::uint64_t wall_clock();
/// Nanoseconds that this process has had of a processor; what the kernel does for its system calls is in it.
[[nodiscard]] std::uint64_t own_cpu_time();
/// From now on this process runs on that processor alone; a negative number leaves it free.
void stay_on(int processor);

/// One host of the lab as its wire sees it: IPv4 packets out, made by us down to their headers, and those that arrive,
/// with the kernel's time. Errors are exceptions (std::system_error).
class Wire {
   public:
    /// name: of the network namespace, as in /run/netns.
    explicit Wire(const std::string& name);
    ~Wire();
    Wire(const Wire&) = delete;
    Wire& operator=(const Wire&) = delete;
    Wire(Wire&&) = delete;
    Wire& operator=(Wire&&) = delete;

    /// Copies the packet into the batch; a full batch is sent.
    void put(ByteSpan packet);
    /// One system call for the whole batch.
    void flush();

    /// Readable when packets wait.
    [[nodiscard]] int fd() const { return receiver_; }
    using Receiver = std::function<void(ByteSpan packet, std::uint64_t arrived)>;
    /// Those that wait, without blocking. Returns how many.
    std::size_t receive(const Receiver& receiver);
    /// Packets that arrived on eth0 so far, by the interface's own count: nobody has to read them.
    [[nodiscard]] std::uint64_t arrived() const;

   private:
    static constexpr std::size_t kBatch = 64;
    static constexpr std::size_t kSlot = 2048;
    static constexpr std::size_t kControl = 64;

    std::string name_;
    int sender_ = -1;
    int receiver_ = -1;
    int count_ = -1;
    std::vector<std::byte> out_;
    std::vector<std::byte> in_;
    std::vector<std::byte> control_;
    std::vector<sockaddr_in> to_;
    std::vector<iovec> out_slots_;
    std::vector<iovec> in_slots_;
    std::vector<mmsghdr> out_headers_;
    std::vector<mmsghdr> in_headers_;
    std::size_t waiting_ = 0;
};

}  // namespace messenger::bench
