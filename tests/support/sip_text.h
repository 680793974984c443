// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace messenger::testing {

/// A message as people write it, with LF, as it goes over the wire: CRLF, and "Content-Length: *" put in.
[[nodiscard]] inline std::string wire(std::string_view text) {
    const std::size_t empty = text.find("\n\n");
    const auto with_crlf = [](std::string_view lines) {
        std::string out;
        for (const char c : lines) out += c == '\n' ? std::string("\r\n") : std::string(1, c);
        return out;
    };
    const std::string body = empty == std::string_view::npos ? "" : with_crlf(text.substr(empty + 2));
    std::string head = with_crlf(text.substr(0, empty));
    if (const std::size_t star = head.find("Content-Length: *"); star != std::string::npos) {
        head.replace(star + 16, 1, std::to_string(body.size()));
    }
    return head + "\r\n\r\n" + body;
}

/// A session description with one c= line and the m= and a= lines given.
[[nodiscard]] inline std::string sdp(std::string_view address, std::string_view lines) {
    const bool v6 = address.find(':') != std::string_view::npos;
    return "v=0\no=- 0 0 IN IP4 192.0.2.1\ns=-\nc=IN " + std::string(v6 ? "IP6 " : "IP4 ") + std::string(address) +
           "\nt=0 0\n" + std::string(lines);
}

}  // namespace messenger::testing
