// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

namespace messenger::daemon {

// What is spoken on the control socket: one JSON object per line, a response for each request, in order.
//   {"version": 1, "command": "calls", "arguments": {"host": "10.1.2.3"}}
//   {"version": 1, "ok": true, "result": [...]}
//   {"version": 1, "ok": false, "error": "no such call"}
// After the response to "follow", the daemon sends a line for each event until the client closes the connection:
//   {"event": "open", "time": 1700000000.123456, ...}

/// A line of another version is refused with an error that names ours.
inline constexpr int kControlVersion = 1;
/// Of a request, its newline not counted.
inline constexpr std::size_t kLongestRequest = std::size_t{64} * 1024;

struct ControlRequest {
    std::string command;
    nlohmann::json arguments = nlohmann::json::object();
};

struct ControlResponse {
    bool ok = true;
    nlohmann::json result;  ///< if ok
    std::string error;      ///< if not
    bool follow = false;    ///< lines of events come on this connection from now on, and no request is read

    [[nodiscard]] static ControlResponse failure(std::string error) {
        return {false, nullptr, std::move(error), false};
    }
};

/// line: without its newline. What is no request is answered by the response that comes in its place.
[[nodiscard]] std::variant<ControlRequest, ControlResponse> parse_request(std::string_view line);
/// Absent fields, or another version, become a failure that says so.
[[nodiscard]] ControlResponse parse_response(std::string_view line);

/// One line, with its newline. Bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string format_request(const ControlRequest& request);
[[nodiscard]] std::string format_response(const ControlResponse& response);

}  // namespace messenger::daemon
