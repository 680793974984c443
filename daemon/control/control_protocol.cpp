// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/control/control_protocol.h"

#include <utility>

namespace messenger::daemon {

namespace {

using nlohmann::json;

[[nodiscard]] std::string to_line(const json& object) {
    return object.dump(-1, ' ', true, json::error_handler_t::replace) + '\n';
}

[[nodiscard]] bool is_our_version(const json& object) {
    const auto version = object.find("version");
    return version != object.end() && version->is_number_integer() && *version == kControlVersion;
}

/// Nested deeper than any request or response of ours. Writing or copying JSON recurses, so depth is bounded here.
constexpr int kDeepest = 16;

[[nodiscard]] json parse_object(std::string_view line) {
    bool too_deep = false;
    const auto watch_depth = [&](int depth, json::parse_event_t /*event*/, json& /*parsed*/) {
        too_deep |= depth > kDeepest;
        return !too_deep;
    };
    json object = json::parse(line, watch_depth, false);
    if (too_deep || !object.is_object()) return json(json::value_t::discarded);
    return object;
}

}  // namespace

std::variant<ControlRequest, ControlResponse> parse_request(std::string_view line) {
    json object = parse_object(line);
    if (object.is_discarded()) return ControlResponse::failure("a request is one JSON object on one line");
    if (!is_our_version(object)) {
        return ControlResponse::failure("this daemon speaks version " + std::to_string(kControlVersion));
    }
    const auto command = object.find("command");
    if (command == object.end() || !command->is_string()) return ControlResponse::failure("a request names a command");
    ControlRequest request;
    request.command = command->get<std::string>();
    const auto arguments = object.find("arguments");
    if (arguments == object.end()) return request;
    if (!arguments->is_object()) return ControlResponse::failure("arguments are a JSON object");
    request.arguments = std::move(*arguments);
    return request;
}

ControlResponse parse_response(std::string_view line) {
    json object = json::parse(line, nullptr, false);
    if (!object.is_object()) return ControlResponse::failure("the daemon's answer is not understood");
    if (!is_our_version(object)) {
        return ControlResponse::failure("the daemon speaks another version than " + std::to_string(kControlVersion));
    }
    const auto ok = object.find("ok");
    if (ok != object.end() && ok->is_boolean() && ok->get<bool>())
        return {true, std::move(object["result"]), {}, false};
    const auto error = object.find("error");
    const bool told = error != object.end() && error->is_string();
    return ControlResponse::failure(told ? error->get<std::string>() : "the daemon's answer is not understood");
}

std::string format_request(const ControlRequest& request) {
    return to_line({{"version", kControlVersion}, {"command", request.command}, {"arguments", request.arguments}});
}

std::string format_response(const ControlResponse& response) {
    if (response.ok) return to_line({{"version", kControlVersion}, {"ok", true}, {"result", response.result}});
    return to_line({{"version", kControlVersion}, {"ok", false}, {"error", response.error}});
}

}  // namespace messenger::daemon
