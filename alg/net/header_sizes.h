// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>

namespace messenger::alg {

// The shortest that each header can be, in bytes (RFC 791, RFC 8200, RFC 768, RFC 9293).
inline constexpr std::size_t kIpv4HeaderSize = 20;
inline constexpr std::size_t kIpv6HeaderSize = 40;
inline constexpr std::size_t kUdpHeaderSize = 8;
inline constexpr std::size_t kTcpHeaderSize = 20;

}  // namespace messenger::alg
