// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "daemon/process/fd.h"

namespace messenger::daemon {

/// How one queue does. The kernel counts all of it, but shows it to root alone; QueueSocket::statistics() has what can
/// be known without.
struct QueueStatistics {
    std::uint16_t queue = 0;
    std::uint32_t waiting = 0;                   ///< packets without verdict
    std::optional<std::uint32_t> queue_dropped;  ///< dropped because the queue was full; only the kernel knows
    std::uint32_t user_dropped = 0;              ///< dropped because our receive buffer was full
};

inline constexpr std::string_view kQueueStatisticsFile = "/proc/net/netfilter/nfnetlink_queue";

/// text: the file's content, one line per queue. Lines that cannot be read are left out.
[[nodiscard]] std::vector<QueueStatistics> parse_queue_statistics(std::string_view text);

/// The file, opened once: only root and its group may open it, and the daemon is an ordinary user by the time somebody
/// asks. The unit gives the file to the daemon's group before the start. It shows the queues of the network namespace
/// that this process was in when it opened it. Who was neither gets no numbers.
class QueueStatisticsReader {
   public:
    QueueStatisticsReader();
    /// Absent if the file may not be read.
    [[nodiscard]] std::optional<std::vector<QueueStatistics>> read() const;

   private:
    Fd file_;
};

}  // namespace messenger::daemon
