// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/edited_connections.h"

#include <algorithm>
#include <fstream>
#include <string>

#include "daemon/translate.h"

namespace messenger::daemon {

namespace {

/// Before other descriptors have their turn.
constexpr std::size_t kRenewedAtOnce = 128;
/// Of those that had packets within an interval, ended ones included.
constexpr std::size_t kMostNoted = 65536;

/// Of conntrack's shorter time for such a connection; a renewal comes within two intervals.
constexpr int kIntervalsPerTime = 4;
constexpr auto kLongestInterval = std::chrono::minutes(1);

[[nodiscard]] std::chrono::seconds read_seconds(const std::string& setting, std::chrono::seconds otherwise) {
    std::ifstream file("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_" + setting);
    std::chrono::seconds::rep seconds = 0;
    return file >> seconds && seconds > 0 ? std::chrono::seconds(seconds) : otherwise;
}

}  // namespace

EditedConnections::Times read_connection_times() {
    using std::chrono::seconds;
    const seconds shorter =
        std::min(read_seconds("unacknowledged", seconds(300)), read_seconds("max_retrans", seconds(300)));
    EditedConnections::Times times;
    times.established = read_seconds("established", times.established);
    times.interval = std::min<alg::Duration>(kLongestInterval, alg::Duration(shorter) / kIntervalsPerTime);
    return times;
}

void EditedConnections::note(const alg::FlowTuple& connection, alg::TimePoint now) {
    if (noted_.size() >= kMostNoted) {
        next_ = now;  // its next packet will find room
        return;
    }
    noted_.insert(std::min(connection, connection.reversed()));
    if (!next_) next_ = now + times_.interval;
}

nft::Expected<void> EditedConnections::renew(alg::TimePoint now) {
    if (!next_ || now < *next_) return {};
    if (due_.empty()) {
        due_.assign(noted_.begin(), noted_.end());
        noted_.clear();
    }
    const std::size_t left = due_.size() - std::min(due_.size(), kRenewedAtOnce);
    some_.clear();
    for (std::size_t i = left; i < due_.size(); ++i) some_.push_back(to_nft(due_[i]));
    const auto renewed = conntrack_.renew_established(some_, times_.established);
    if (!renewed) noted_.insert(due_.begin() + static_cast<std::ptrdiff_t>(left), due_.end());
    due_.resize(left);
    if (!due_.empty()) {
        next_ = now;
    } else if (!noted_.empty()) {
        next_ = now + times_.interval;
    } else {
        next_.reset();
    }
    if (!renewed) return renewed.error();
    return {};
}

}  // namespace messenger::daemon
