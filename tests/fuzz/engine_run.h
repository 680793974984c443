// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>

#include "alg/engine.h"
#include "tests/fuzz/edit_check.h"
#include "tests/fuzz/engine_input.h"
#include "tests/fuzz/kernel_book.h"
#include "tests/fuzz/sayings.h"
#include "tests/fuzz/wire_check.h"

namespace messenger::test {

/// A conversation between a handful of hosts, through an engine. What must hold whatever they say: security rules 1, 2,
/// 4 and 5; that the changes add up, so that the kernel's sets are what the engine believes; that memory is bounded;
/// and behind NAT, that every message goes on as the one that it was, with endpoints that lead to those it named.
class EngineRun {
   public:
    enum class Kind : std::uint8_t { routed, nat };
    EngineRun(Kind kind, std::uint8_t options);

    void play(std::string_view steps);

   private:
    void step(const testing::InputStep& step);
    void media(const alg::Endpoint& from, const alg::Endpoint& to, unsigned flags);
    void segment(const testing::InputStep& step, const alg::Endpoint& from, const alg::Endpoint& to);
    void packet(const testing::Bytes& bytes, const alg::FlowTuple& tuple, bool marked);
    void expire_until(alg::TimePoint end);
    /// Time ends everything.
    void finish();
    void check_plan();
    void check_added(const alg::PinholeChange& change);
    void check_limits();
    void check_snapshot();
    void check_memory() const;
    void touch_views();

    Kind kind_;
    unsigned options_;
    std::size_t memory_before_;
    alg::Engine engine_;
    alg::Plan plan_;
    alg::TimePoint now_{std::chrono::seconds(1000)};
    KernelBook kernel_;
    Sayings sayings_;
    EditCheck edits_;
    WireCheck wire_;
    alg::NatPath path_;
    std::map<alg::FlowTuple, std::uint32_t> sent_;
    unsigned sum_ = 0;
};

}  // namespace messenger::test
