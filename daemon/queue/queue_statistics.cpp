// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/queue/queue_statistics.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string>

#include "alg/base/text.h"

namespace messenger::daemon {

namespace {

/// queue, peer port id, waiting, copy mode, copy range, dropped by the queue, dropped for the user, last id, 1
constexpr std::size_t kColumns = 9;

[[nodiscard]] std::optional<QueueStatistics> parse_line(std::string_view line) {
    std::array<std::uint32_t, kColumns> column{};
    for (std::uint32_t& number : column) {
        line = alg::trim(line);
        const auto value = alg::parse_number(line.substr(0, line.find(' ')));
        if (!value) return std::nullopt;
        number = *value;
        line.remove_prefix(std::min(line.find(' '), line.size()));
    }
    if (column[0] > UINT16_MAX) return std::nullopt;
    return QueueStatistics{static_cast<std::uint16_t>(column[0]), column[2], column[5], column[6]};
}

}  // namespace

std::vector<QueueStatistics> parse_queue_statistics(std::string_view text) {
    std::vector<QueueStatistics> queues;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        if (const auto queue = parse_line(text.substr(0, end))) queues.push_back(*queue);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return queues;
}

QueueStatisticsReader::QueueStatisticsReader()
    : file_(::open(std::string(kQueueStatisticsFile).c_str(), O_RDONLY | O_CLOEXEC)) {}

std::optional<std::vector<QueueStatistics>> QueueStatisticsReader::read() const {
    if (!file_) return std::nullopt;
    std::string text;
    std::array<char, 4096> part{};
    while (true) {
        const ssize_t length = ::pread(file_.get(), part.data(), part.size(), static_cast<off_t>(text.size()));
        if (length == 0) return parse_queue_statistics(text);
        if (length > 0) {
            text.append(part.data(), static_cast<std::size_t>(length));
        } else if (errno != EINTR) {
            return std::nullopt;
        }
    }
}

}  // namespace messenger::daemon
