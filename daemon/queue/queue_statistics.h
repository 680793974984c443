// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace messenger::daemon {

/// What the kernel counts about one queue. With NETLINK_NO_ENOBUFS this is the only place where losses show.
struct QueueStatistics {
    std::uint16_t queue = 0;
    std::uint32_t waiting = 0;        ///< packets without verdict
    std::uint32_t queue_dropped = 0;  ///< dropped because the queue was full
    std::uint32_t user_dropped = 0;   ///< dropped because our receive buffer was full
};

inline constexpr std::string_view kQueueStatisticsFile = "/proc/net/netfilter/nfnetlink_queue";

/// text: the file's content, one line per queue. Lines that cannot be read are left out.
[[nodiscard]] std::vector<QueueStatistics> parse_queue_statistics(std::string_view text);

}  // namespace messenger::daemon
