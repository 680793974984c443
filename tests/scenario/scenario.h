// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alg/base/time.h"
#include "alg/limits.h"
#include "alg/nat/nat_path.h"
#include "alg/net/tuple.h"
#include "alg/policy.h"

namespace messenger::testing {

/// One line of a scenario that begins with '@', and the text below it.
struct Step {
    enum class Kind : std::uint8_t { udp, tcp, media, first, restart, time };
    Kind kind = Kind::time;
    alg::TimePoint at;
    std::string heading;  ///< as written, for the transcript
    alg::FlowTuple tuple;
    std::string payload;  ///< what goes over the wire
    bool marked = false;  ///< the connection carries the mark "this is SIP"
    // TCP only
    bool syn = false;
    bool syn_again = false;  ///< the SYN of before, once more
    bool ack = false;        ///< only of media
    bool fin = false;
    bool rst = false;
    std::optional<std::uint32_t> offset;  ///< where payload stands in its direction; absent: behind what was sent
    std::vector<std::size_t> cuts;        ///< segment boundaries in payload
    std::vector<std::size_t> order;       ///< which segments are sent, from 1; empty: all in order
};

/// tests/scenario/README.md describes the text.
struct Scenario {
    alg::Policy policy;
    alg::Limits limits;
    std::optional<alg::NatPath> nat;  ///< every packet between inside and outside has it
    bool in_queue = false;            ///< packets wait for their verdicts, NAT or not
    bool cut_anywhere = false;        ///< the transcript must be the same wherever TCP payloads are cut
    std::vector<Step> steps;
};

/// Throws std::runtime_error with the line that cannot be read.
[[nodiscard]] Scenario read_scenario(std::string_view text);
[[nodiscard]] std::string read_text_file(const std::filesystem::path& file);

/// What an engine does with it, one block for each step.
[[nodiscard]] std::string play(const Scenario& scenario);

}  // namespace messenger::testing
