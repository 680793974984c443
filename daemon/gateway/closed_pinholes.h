// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "alg/engine.h"
#include "nft/ruleset.h"

namespace messenger::daemon {

/// Looks whether closed pinholes have stayed closed. A packet that refreshes one while the kernel is about to commit
/// its removal makes it anew (nft/commit_order.h: a window of microseconds), and media would then keep it alive. Each
/// is looked at soon, when such packets are through, and once more, for a packet that was held up for longer: a virtual
/// machine may be stopped anywhere. One that was open is removed and looked at again.
class ClosedPinholes {
   public:
    /// Whether it has been opened again since.
    using IsWanted = std::function<bool(const alg::PinholeKey&)>;

    void add(const alg::PinholeKey& key) { closed_.push_back(key); }
    [[nodiscard]] bool has_new() const { return !closed_.empty(); }
    [[nodiscard]] bool has_looked_at() const { return !closed_once_.empty() || !due_.empty(); }

    /// What there is to look at, at one time or another.
    [[nodiscard]] std::vector<alg::PinholeKey> all() const;

    /// At what was added since the last look. To be called when that has been committed. Both looks stage what has
    /// to be removed again, and return how many those are.
    std::size_t look(const IsWanted& is_wanted, nft::Ruleset& ruleset, nft::Transaction& staged);
    /// Once more, at what there was at the call before this one: between its two looks lies at least the time between
    /// two calls.
    std::size_t look_late(const IsWanted& is_wanted, nft::Ruleset& ruleset, nft::Transaction& staged);

   private:
    struct Seen {
        std::vector<alg::PinholeKey> closed;
        std::size_t open = 0;
    };
    [[nodiscard]] Seen look_at(std::vector<alg::PinholeKey> keys, const IsWanted& is_wanted, nft::Ruleset& ruleset,
                               nft::Transaction& staged);

    std::vector<alg::PinholeKey> closed_;       ///< since the last look
    std::vector<alg::PinholeKey> closed_once_;  ///< seen closed by a look, since the last late one
    std::vector<alg::PinholeKey> due_;          ///< for the next late look
};

}  // namespace messenger::daemon
