// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

namespace messenger::bench {

/// A message that every parser of this program reads.
struct Sample {
    std::string text;
    bool sdp = false;  ///< its body is a session description
};

/// A parser that is held against others: reads one message and lets go of it again. False: not understood.
struct Parser {
    const char* name;
    bool (*read)(const Sample& sample);
};
[[nodiscard]] bool read_with_ours(const Sample& sample);
[[nodiscard]] bool read_with_osip(const Sample& sample);
[[nodiscard]] bool read_with_sofia(const Sample& sample);
inline constexpr Parser kParsers[] = {  // NOLINT(modernize-avoid-c-arrays)
    {"ours", read_with_ours},
    {"libosip2", read_with_osip},
    {"sofia_sip", read_with_sofia}};

/// The INVITE of invite.h.
[[nodiscard]] const std::vector<Sample>& invite_sample();
/// The messages below the folders in $MESSENGER_BENCH_MESSAGES (separated by colons) that all parsers understand:
/// what one of them turns away at once is no measure for the others.
[[nodiscard]] const std::vector<Sample>& corpus_samples();

}  // namespace messenger::bench
