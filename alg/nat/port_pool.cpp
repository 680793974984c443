// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/nat/port_pool.h"

#include <cassert>

namespace messenger::alg {

std::optional<std::uint16_t> PortPool::take(std::uint16_t preferred, std::size_t count, PortRange range,
                                            bool keep_number, bool keep_parity) {
    if (count == 0) return std::nullopt;
    if (keep_number && preferred != 0 && is_free(preferred, count)) {
        mark(preferred, count);
        return preferred;
    }
    if (range.last < range.first || count > std::size_t{range.last} - range.first + 1) return std::nullopt;
    const std::size_t places = std::size_t{range.last} - range.first + 2 - count;
    // From where the last search ended, once around.
    std::size_t offset = next_ >= range.first && next_ <= range.last ? next_ - range.first : 0;
    for (std::size_t tried = 0; tried < places; ++tried, ++offset) {
        const std::size_t first = range.first + offset % places;
        if ((keep_parity && (first - preferred) % 2 != 0) || !is_free(first, count)) continue;
        mark(first, count);
        next_ = first + count;
        return static_cast<std::uint16_t>(first);
    }
    return std::nullopt;
}

bool PortPool::take_exactly(std::uint16_t port) {
    if (!is_free(port, 1)) return false;
    mark(port, 1);
    return true;
}

void PortPool::give_back(std::uint16_t port) {
    assert(taken_[port]);
    if (!taken_[port]) return;
    taken_[port] = false;
    --count_;
}

bool PortPool::is_free(std::size_t first, std::size_t count) const {
    if (count > taken_.size() - first) return false;
    for (std::size_t port = first; port < first + count; ++port) {
        if (taken_[port] || policy_.is_reserved(port)) return false;
    }
    return true;
}

void PortPool::mark(std::size_t first, std::size_t count) {
    for (std::size_t port = first; port < first + count; ++port) taken_[port] = true;
    count_ += count;
}

}  // namespace messenger::alg
