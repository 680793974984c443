// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>

#include "daemon/control/control_protocol.h"

namespace messenger::daemon {

/// Why a command was not carried out, as a sentence for the person who gave it.
class CommandRefused : public std::runtime_error {
   public:
    using std::runtime_error::runtime_error;
};

/// The arguments of a command. What is missing or of another type is refused in words that name it.
class CommandArguments {
   public:
    explicit CommandArguments(const nlohmann::json& arguments) : arguments_(arguments) {}

    [[nodiscard]] std::optional<std::string> text(std::string_view name) const;
    [[nodiscard]] std::string required_text(std::string_view name) const;
    /// False if it is missing.
    [[nodiscard]] bool flag(std::string_view name) const;
    /// At most `most`, whatever was asked for.
    [[nodiscard]] std::size_t number(std::string_view name, std::size_t initial, std::size_t most) const;

   private:
    const nlohmann::json& arguments_;
};

/// The commands of the control socket, by name.
class CommandTable {
   public:
    /// Returns the result; throws CommandRefused.
    using Handler = std::function<nlohmann::json(const CommandArguments&)>;

    void add(std::string name, Handler handler) { commands_.insert_or_assign(std::move(name), std::move(handler)); }
    /// A command whose connection follows the events once it has been answered.
    void add_following(const std::string& name, Handler handler) {
        add(name, std::move(handler));
        following_.insert(name);
    }
    /// A command that is not there is answered with the names of those that are.
    [[nodiscard]] ControlResponse answer(const ControlRequest& request) const;

   private:
    std::map<std::string, Handler, std::less<>> commands_;
    std::set<std::string, std::less<>> following_;
};

}  // namespace messenger::daemon
