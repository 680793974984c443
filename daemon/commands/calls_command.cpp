// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/commands/calls_command.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "daemon/commands/find_call.h"
#include "daemon/journal/call_story.h"
#include "daemon/process/sanitize.h"

namespace messenger::daemon {

namespace {

using nlohmann::json;

constexpr std::size_t kCallsShown = 1000;
constexpr std::size_t kMostCallsShown = 2000;  // packets wait while they are described

[[nodiscard]] json list_calls(const DaemonParts& parts, std::size_t limit, bool recent) {
    json calls = json::array();
    std::size_t left_out = 0;
    for (const CallRecord& record : parts.journal.all()) {
        if (!recent && !parts.journal.is_live(record)) continue;
        if (calls.size() < limit) {
            calls.push_back(describe_call(parts.journal, record, parts.loop.now()));
        } else {
            ++left_out;
        }
    }
    return {{"calls", std::move(calls)}, {"left_out", left_out}, {"one_way", parts.media.one_way_now()}};
}

[[nodiscard]] json events_of(const CallRecord& record) {
    json events = json::array();
    const std::string text = call_event_lines(record);
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t end = rest.find('\n');
        events.push_back(json::parse(rest.substr(0, end)));
        rest.remove_prefix(end + 1);
    }
    return events;
}

/// What the journal holds of the latest calls, in the order in which it happened; at most the last `limit`.
[[nodiscard]] json recent_events(const DaemonParts& parts, std::size_t limit) {
    json events = json::array();
    const auto& records = parts.journal.all();
    for (auto record = records.rbegin(); record != records.rend() && events.size() < limit; ++record) {
        for (json& event : events_of(*record)) events.push_back(std::move(event));
    }
    std::stable_sort(events.begin(), events.end(),
                     [](const json& a, const json& b) { return a["time"].get<double>() < b["time"].get<double>(); });
    const std::size_t left_out = events.size() - std::min(events.size(), limit);
    events.erase(events.begin(), events.begin() + static_cast<std::ptrdiff_t>(left_out));
    return {{"events", std::move(events)}, {"left_out", left_out}};
}

}  // namespace

CallRecord& find_call(CallJournal& journal, const std::string& name) {
    bool ambiguous = false;
    CallRecord* record = journal.find(name, &ambiguous);
    if (record != nullptr) return *record;
    const std::string shown = sanitize(name);
    if (ambiguous) throw CommandRefused("several calls begin with \"" + shown + "\"; give more of the Call-ID");
    throw CommandRefused("there is no such call, live or recent: \"" + shown + '"');
}

void add_calls_commands(CommandTable& commands, const DaemonParts& parts) {
    commands.add("calls", [&parts](const CommandArguments& arguments) {
        if (const auto id = arguments.text("id")) {
            const CallRecord& record = find_call(parts.journal, *id);
            parts.media.refresh(record, parts.loop.now());
            return json{{"calls", json::array({describe_call(parts.journal, record, parts.loop.now())})},
                        {"left_out", 0},
                        {"one_way", parts.media.one_way_now()}};
        }
        parts.media.refresh(parts.loop.now());
        return list_calls(parts, arguments.number("limit", kCallsShown, kMostCallsShown), arguments.flag("recent"));
    });
    commands.add("events", [&parts](const CommandArguments& arguments) {
        return recent_events(parts, arguments.number("limit", kCallsShown, kMostCallsShown));
    });
    commands.add_following("follow", [](const CommandArguments& /*arguments*/) { return json::object(); });
    commands.add("explain", [&parts](const CommandArguments& arguments) {
        const CallRecord& record = find_call(parts.journal, arguments.required_text("id"));
        parts.media.refresh(record, parts.loop.now());
        return json{{"call", describe_call(parts.journal, record, parts.loop.now())},
                    {"text", tell_call(record)},
                    {"events", events_of(record)},
                    {"left_out", record.events.left_out()}};
    });
}

}  // namespace messenger::daemon
