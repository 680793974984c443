// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/source_check.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace messenger::daemon {

namespace {

// Not every change of a route is reported to us (see InterfaceMonitor).
constexpr auto kBelieved = std::chrono::seconds(10);
constexpr std::size_t kMostKnown = 16'384;  // a flood of forged addresses makes us ask, not grow

}  // namespace

void SourceCheck::set_inside(std::vector<std::uint32_t> interfaces) {
    inside_ = std::move(interfaces);
    forget();
}

bool SourceCheck::is_forged(const alg::IpAddress& source, std::uint32_t interface, alg::TimePoint now) {
    if (interface == 0 || std::find(inside_.begin(), inside_.end(), interface) != inside_.end()) return false;
    if (known_.size() >= kMostKnown) forget();
    const auto [known, fresh] = known_.try_emplace({source, interface});
    Answer& answer = known->second;
    if (fresh || now - answer.asked >= kBelieved) {
        answer.asked = now;
        answer.forged = find_interface_(source) != interface;
    }
    return answer.forged;
}

}  // namespace messenger::daemon
