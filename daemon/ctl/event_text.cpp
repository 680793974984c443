// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/ctl/event_text.h"

#include <cmath>
#include <ctime>
#include <limits>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "daemon/ctl/tell.h"

namespace messenger::daemon {

namespace {

using nlohmann::json;

constexpr std::size_t kSummaryLongest = 160;

[[nodiscard]] std::string format_time(const json& event) {
    const json& time = field(event, "time");
    constexpr double kLatest = 1e11;  // what a time_t of any host can hold
    if (!time.is_number() || !(std::abs(time.get<double>()) < kLatest)) return "-";
    const double seconds = std::floor(time.get<double>());
    constexpr double kPerSecond = 1000;
    return fmt::format("{:%H:%M:%S}.{:03.0f}", fmt::localtime(static_cast<std::time_t>(seconds)),
                       std::floor((time.get<double>() - seconds) * kPerSecond));
}

[[nodiscard]] std::string pinhole(const json& event) {
    return fmt::format("{} {} for {}, {}", shown(event, "proto"), shown(event, "inside"), shown(event, "remote"),
                       shown(event, "purpose"));
}

[[nodiscard]] std::string what_happened(const json& event, const std::string& kind) {
    const auto ends = [&event] { return shown(event, "src") + " > " + shown(event, "dst"); };
    if (kind == "message") return shown(event, "summary", kSummaryLongest) + "  " + ends();
    if (kind == "media") {
        return fmt::format("{} {} at {} port {} ({})", shown(event, "role"), shown(event, "media"),
                           shown(event, "address"), number(event, "port"), shown(event, "direction"));
    }
    const std::string_view not_done = flag(event, "observed") ? "; not done: only looking on" : "";
    if (kind == "open") return fmt::format("{}; waits {} s{}", pinhole(event), shown(event, "timeout"), not_done);
    if (kind == "close") return fmt::format("{}; {}{}", pinhole(event), shown(event, "reason"), not_done);
    if (kind == "refuse") return shown(event, "detail", kSummaryLongest);
    if (kind == "opaque") return fmt::format("{}: {}", ends(), shown(event, "reason"));
    if (kind == "register") return fmt::format("{} for {} s", shown(event, "contact"), number(event, "seconds"));
    if (kind == "one_way") {
        return fmt::format("{}: nothing from the {}: {}", shown(event, "inside"),
                           field(event, "silent") == "inside" ? "inside host" : "peer", shown(event, "text", 400));
    }
    if (kind == "edit") return fmt::format("{} changes (NAT)  {}", number(event, "edits"), ends());
    if (kind == "session") return fmt::format("{} ({})", shown(event, "kind"), shown(event, "what"));
    if (kind == "both_ways") return shown(event, "inside");
    if (kind == "order") return shown(event, "text", 400);
    return shown(event, "lines");
}

}  // namespace

std::string tell_event(const json& event) {
    const std::string kind = shown(event, "event", 16);
    std::string line = fmt::format("{:<12} {:<9} {}", format_time(event), kind, what_happened(event, kind));
    if (field(event, "call_id").is_string()) line += "  call " + shown(event, "call_id", 128);
    return line + '\n';
}

}  // namespace messenger::daemon
