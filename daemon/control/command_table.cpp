// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/control/command_table.h"

#include <algorithm>
#include <cstdint>

namespace messenger::daemon {

std::optional<std::string> CommandArguments::text(std::string_view name) const {
    const auto found = arguments_.find(name);
    if (found == arguments_.end()) return std::nullopt;
    if (!found->is_string()) throw CommandRefused("the argument " + std::string(name) + " is a string");
    return found->get<std::string>();
}

std::string CommandArguments::required_text(std::string_view name) const {
    auto value = text(name);
    if (!value || value->empty()) throw CommandRefused("the argument " + std::string(name) + " is missing");
    return *std::move(value);
}

bool CommandArguments::flag(std::string_view name) const {
    const auto found = arguments_.find(name);
    if (found == arguments_.end()) return false;
    if (!found->is_boolean()) throw CommandRefused("the argument " + std::string(name) + " is true or false");
    return found->get<bool>();
}

std::size_t CommandArguments::number(std::string_view name, std::size_t initial, std::size_t most) const {
    const auto found = arguments_.find(name);
    if (found == arguments_.end()) return initial;
    const bool counts = found->is_number_unsigned() || (found->is_number_integer() && found->get<std::int64_t>() >= 0);
    if (!counts) throw CommandRefused("the argument " + std::string(name) + " is a whole number");
    return std::min(found->get<std::size_t>(), most);
}

ControlResponse CommandTable::answer(const ControlRequest& request) const {
    const auto found = commands_.find(request.command);
    if (found == commands_.end()) {
        std::string names;
        for (const auto& [name, handler] : commands_) names += (names.empty() ? "" : ", ") + name;
        return ControlResponse::failure("there is no such command; there are " + names);
    }
    try {
        return {true, found->second(CommandArguments(request.arguments)), {}, following_.contains(request.command)};
    } catch (const CommandRefused& refusal) {
        return ControlResponse::failure(refusal.what());
    }
}

}  // namespace messenger::daemon
