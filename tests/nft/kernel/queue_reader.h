// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <thread>

#include <libmnl/libmnl.h>

#include "nft/address.h"
#include "nft/handle.h"

namespace messenger::nft::testing {

struct QueuedPacket {
    FlowTuple tuple;
    std::uint32_t mark = 0;
};

/// Listens on an NFQUEUE of the namespace it is made in and accepts every packet, from a thread of its own.
class QueueReader {
   public:
    /// What is done before the packet goes on; returns the packet mark to set, if any.
    using OnPacket = std::function<std::optional<std::uint32_t>(const QueuedPacket&)>;

    QueueReader(std::uint16_t queue, OnPacket on_packet);
    ~QueueReader();
    QueueReader(const QueueReader&) = delete;
    QueueReader& operator=(const QueueReader&) = delete;
    QueueReader(QueueReader&&) = delete;
    QueueReader& operator=(QueueReader&&) = delete;

    [[nodiscard]] unsigned packets() const { return packets_; }

   private:
    void read();
    void take(const nlmsghdr& message);

    std::uint16_t queue_;
    OnPacket on_packet_;
    SocketHandle socket_;
    std::atomic<bool> stopping_ = false;
    std::atomic<unsigned> packets_ = 0;
    std::thread thread_;
};

}  // namespace messenger::nft::testing
