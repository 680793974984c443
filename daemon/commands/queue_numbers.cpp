// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/commands/queue_numbers.h"

#include <algorithm>

namespace messenger::daemon {

std::vector<QueueStatistics> queue_numbers(const DaemonParts& parts) {
    std::vector<QueueStatistics> ours = parts.queue.statistics();
    const auto told = parts.queue_statistics.read();
    if (!told) return ours;
    for (QueueStatistics& queue : ours) {
        const auto found = std::find_if(told->begin(), told->end(),
                                        [&queue](const QueueStatistics& one) { return one.queue == queue.queue; });
        if (found != told->end()) queue = *found;
    }
    return ours;
}

}  // namespace messenger::daemon
