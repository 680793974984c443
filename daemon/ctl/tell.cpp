// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/ctl/tell.h"

#include <array>
#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "daemon/process/sanitize.h"

namespace messenger::daemon {

const nlohmann::json& field(const nlohmann::json& object, std::string_view name) {
    static const nlohmann::json nothing;
    if (!object.is_object()) return nothing;
    const auto found = object.find(name);
    return found == object.end() ? nothing : *found;
}

std::string shown(const nlohmann::json& object, std::string_view name, std::size_t longest) {
    const nlohmann::json& value = field(object, name);
    if (value.is_string()) return sanitize(value.get_ref<const std::string&>(), longest);
    return value.is_null() ? "?" : sanitize(value.dump(-1, ' ', true), longest);
}

std::uint64_t number(const nlohmann::json& object, std::string_view name) {
    const nlohmann::json& value = field(object, name);
    return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}

bool flag(const nlohmann::json& object, std::string_view name) {
    const nlohmann::json& value = field(object, name);
    return value.is_boolean() && value.get<bool>();
}

std::string format_local_time(const nlohmann::json& seconds) {
    constexpr std::uint64_t kLatest = 100'000'000'000;  // what a time_t of any host can hold
    if (!seconds.is_number_unsigned() || seconds.get<std::uint64_t>() >= kLatest) return "?";
    return fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::localtime(static_cast<std::time_t>(seconds.get<std::uint64_t>())));
}

std::string format_age(std::uint64_t seconds) {
    constexpr std::uint64_t kMinute = 60;
    constexpr std::uint64_t kHour = 60 * kMinute;
    constexpr std::uint64_t kDay = 24 * kHour;
    const std::uint64_t hours = seconds % kDay / kHour;
    const std::uint64_t minutes = seconds % kHour / kMinute;
    if (seconds >= kDay) {
        return fmt::format("{} d {:02}:{:02}:{:02}", seconds / kDay, hours, minutes, seconds % kMinute);
    }
    if (seconds >= kHour) return fmt::format("{}:{:02}:{:02}", hours, minutes, seconds % kMinute);
    return fmt::format("{}:{:02}", minutes, seconds % kMinute);
}

std::string format_bytes(std::uint64_t bytes) {
    constexpr double kStep = 1000;
    constexpr std::array<std::string_view, 4> kUnits{"kB", "MB", "GB", "TB"};
    if (bytes < static_cast<std::uint64_t>(kStep)) return fmt::format("{} B", bytes);
    auto value = static_cast<double>(bytes) / kStep;
    std::size_t unit = 0;
    while (value >= kStep && unit + 1 < kUnits.size()) {
        value /= kStep;
        ++unit;
    }
    return fmt::format("{:.1f} {}", value, kUnits.at(unit));
}

}  // namespace messenger::daemon
