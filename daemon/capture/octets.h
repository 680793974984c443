// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>

namespace messenger::daemon {

using Octets = std::span<const std::byte>;

// Numbers in network byte order. The caller has checked that they lie inside.

[[nodiscard]] inline std::uint8_t read8(Octets octets, std::size_t at) {
    assert(at < octets.size());
    return std::to_integer<std::uint8_t>(octets[at]);
}

[[nodiscard]] inline std::uint16_t read16(Octets octets, std::size_t at) {
    return static_cast<std::uint16_t>((read8(octets, at) << 8U) | read8(octets, at + 1));
}

[[nodiscard]] inline std::uint32_t read32(Octets octets, std::size_t at) {
    return (static_cast<std::uint32_t>(read16(octets, at)) << 16U) | read16(octets, at + 2);
}

}  // namespace messenger::daemon
