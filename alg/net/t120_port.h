// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>

namespace messenger::alg {

/// Where application sharing listens, over TCP; no client can move it.
inline constexpr std::uint16_t kT120Port = 1503;

}  // namespace messenger::alg
