// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "alg/base/time.h"
#include "alg/plan.h"

namespace messenger::daemon {

/// The events of one call, packed one after the other: some 100 bytes for each, where the events themselves would take
/// 200 and their texts as much again. Call-ID, From and To are not kept; whoever replays has them once for all. Of an
/// edited message, the lines that change are kept, up to a kilobyte.
class EventBuffer {
   public:
    /// Keeps the event. Messages, m= lines and edits are left out once there are `limit` bytes, and decisions once
    /// there are twice as many: in a long call they are what is worth the room.
    void append(const alg::Event& event, alg::TimePoint at, std::size_t limit);

    using Visitor = std::function<void(alg::TimePoint at, const alg::Event& event)>;
    struct Names {
        std::string_view call_id;
        std::string_view from;
        std::string_view to;
    };
    /// Every event in its order. Views in them live until the visitor returns.
    void replay(const Names& names, const Visitor& visit) const;

    [[nodiscard]] std::uint64_t left_out() const { return left_out_; }
    void reserve(std::size_t bytes) { bytes_.reserve(bytes); }
    /// What it takes beside itself.
    [[nodiscard]] std::size_t memory() const { return bytes_.capacity(); }
    /// Empty again, with its memory kept.
    void clear() {
        bytes_.clear();
        left_out_ = 0;
    }

   private:
    std::string bytes_;
    std::uint64_t left_out_ = 0;
};

}  // namespace messenger::daemon
