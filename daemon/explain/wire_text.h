// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "alg/base/time.h"
#include "alg/net/address.h"
#include "alg/plan.h"

namespace messenger::daemon {

// Text from the wire is any bytes at all. What is printed of it goes through here.

/// The text itself if it is UTF-8 (RFC 3629), else a copy in repaired where each byte that is none has become U+FFFD.
[[nodiscard]] std::string_view repair_utf8(std::string_view bytes, std::string& repaired);

/// Appends text for a terminal. Control characters, bytes that are no UTF-8, and the invisible characters that reorder
/// or hide text become \xNN for each of their bytes; a backslash stays. What goes beyond max_bytes of bytes is cut off,
/// with "..." in its place.
void append_printable(std::string& out, std::string_view bytes, std::size_t max_bytes = 256);
[[nodiscard]] std::string printable(std::string_view bytes, std::size_t max_bytes = 256);

void append_number(std::string& out, std::uint64_t number);
void append_endpoint(std::string& out, const alg::Endpoint& endpoint);  ///< "10.1.2.3:5060", "[2001:db8::1]:5060"
void append_remote(std::string& out, const alg::PinholeKey& key);       ///< "192.0.2.1:*", "[2001:db8::1]:*", "*:*"

/// "1160000000.123456": seconds with microseconds, which is a JSON number, too.
void append_seconds(std::string& out, alg::Duration duration);

/// "udp" or "tcp".
[[nodiscard]] std::string_view name(alg::Transport transport);
/// As an SDP attribute names it: "sendrecv".
[[nodiscard]] std::string_view name(alg::MediaDirection direction);

/// "INVITE sip:bob@example.com", or "200 OK (INVITE)"; bytes of the wire, not yet fit to be printed.
[[nodiscard]] std::string summary(const alg::MessageEvent& message);

/// "remote assistance ({56b9...}); it passes and opens nothing".
[[nodiscard]] std::string session_text(const alg::SessionEvent& session);

/// One sentence that says what was asked for and why it was not granted. Of the bytes of the wire it has who asked,
/// printable.
[[nodiscard]] std::string detail(const alg::RefuseEvent& refusal);

}  // namespace messenger::daemon
