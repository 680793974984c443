// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <toml++/toml.h>

#include "alg/base/time.h"
#include "alg/net/address.h"
#include "daemon/config/config.h"

namespace messenger::daemon {

/// Where a key's value lives. The type of the member says how it is written and read; there is one alternative for
/// each.
template <class T>
using SlotOf = T& (*)(Config&);
using Slot = std::variant<SlotOf<std::size_t>, SlotOf<std::uint32_t>, SlotOf<std::uint16_t>, SlotOf<std::uint8_t>,
                          SlotOf<bool>, SlotOf<OutsideAddress>, SlotOf<alg::Duration>, SlotOf<std::string>,
                          SlotOf<NumberRange>, SlotOf<PortList>, SlotOf<HostList>, SlotOf<std::vector<alg::Prefix>>,
                          SlotOf<std::vector<std::string>>, SlotOf<std::vector<std::uint16_t>>, SlotOf<EarlyMedia>,
                          SlotOf<Passage>, SlotOf<Fallback>, SlotOf<Malformed>, SlotOf<alg::Compression>,
                          SlotOf<alg::FixedRanges>, SlotOf<TlsMedia>, SlotOf<LogLevel>>;

/// The allowed values, both ends included: of a number, of each number in a list, of a range's ends, or of a duration
/// in milliseconds. Strings, networks and words have none.
struct Bounds {
    std::uint64_t least = 0;
    std::uint64_t most = 0;
};

/// Reads a node into its place in the configuration. Returns every complaint, with the line of what is at fault; the
/// place is changed only if there is none. what: the key's full name, for the complaints.
[[nodiscard]] std::vector<ConfigError> read_value(const toml::node& node, const Slot& slot, Bounds bounds,
                                                  std::string_view what, Config& config);

/// The value as TOML.
[[nodiscard]] std::string format_slot(const Config& config, const Slot& slot);

/// What belongs there, for people: "a whole number from 1 to 4096".
[[nodiscard]] std::string describe_type(const Slot& slot, Bounds bounds);

}  // namespace messenger::daemon
