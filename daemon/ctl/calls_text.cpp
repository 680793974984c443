// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/ctl/calls_text.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include <fmt/format.h>

#include "daemon/ctl/tell.h"
#include "daemon/explain/wire_text.h"

namespace messenger::daemon {

namespace {

using nlohmann::json;

constexpr std::size_t kCallIdLongest = 200;

[[nodiscard]] std::string tell_flow(const json& counter) {
    return fmt::format("{} packets {}", number(counter, "packets"), format_bytes(number(counter, "bytes")));
}

void tell_stream(std::string& out, const json& stream) {
    const bool any = field(stream, "remote") == "*";
    fmt::format_to(std::back_inserter(out), "    {} {}{} {} <> {}; in {}, out {}{}{}{}\n", shown(stream, "kind"),
                   shown(stream, "role"), field(stream, "proto") == "tcp" ? " tcp" : "", shown(stream, "inside"),
                   any ? "any host" : shown(stream, "remote"), tell_flow(field(stream, "in")),
                   tell_flow(field(stream, "out")), flag(stream, "on_hold") ? ", on hold" : "",
                   flag(stream, "open") ? "" : ", closed",
                   flag(stream, "observed") ? ", not opened: only looking on" : "");
    const json& one_way = field(stream, "one_way");
    if (one_way.is_null()) return;
    fmt::format_to(std::back_inserter(out), "    ONE WAY for {}: nothing from the {}; {}\n",
                   format_age(number(one_way, "seconds")),
                   field(one_way, "silent") == "inside" ? "inside host" : "peer", shown(one_way, "text", 400));
}

/// "since 2026-03-01 10:00:00", "2026-03-01 10:00:00 to 10:05:00"; the day of the end is told if it is another.
[[nodiscard]] std::string tell_time(const json& call) {
    const std::string began = format_local_time(field(call, "began"));
    const json& end = field(call, "ended");
    if (end.is_null()) return "since " + began;
    const std::string ended = format_local_time(end);
    constexpr std::size_t kDay = 11;  // of "2026-03-01 "
    const bool same_day = ended.size() > kDay && began.substr(0, kDay) == ended.substr(0, kDay);
    return began + " to " + (same_day ? ended.substr(kDay) : ended);
}

void tell_call(std::string& out, const json& call) {
    fmt::format_to(std::back_inserter(out), "{} {}, {} with {}, {}{}\n", shown(call, "state"),
                   (field(call, "state") == "ended" ? "after " : "") + format_age(number(call, "age_seconds")),
                   shown(call, "inside"), shown(call, "peer"), tell_time(call),
                   flag(call, "restored") ? ", from before a restart" : "");
    fmt::format_to(std::back_inserter(out), "    call {}\n", shown(call, "id", kCallIdLongest));
    fmt::format_to(std::back_inserter(out), "    from {}\n    to   {}\n", shown(call, "from", kCallIdLongest),
                   shown(call, "to", kCallIdLongest));
    if (flag(call, "closed_by_operator")) out += "    CLOSED by an operator: nothing opens for it any more\n";
    for (const json& host : field(call, "blocked")) {
        fmt::format_to(std::back_inserter(out),
                       "    BLOCKED: {} gets nothing opened; messenger-algctl unblock lets it\n",
                       shown(json{{"host", host}}, "host"));
    }
    for (const json& stream : field(call, "streams")) tell_stream(out, stream);
}

}  // namespace

std::string tell_calls(const json& answer) {
    std::string out;
    for (const json& call : field(answer, "calls")) tell_call(out, call);
    if (out.empty()) out = "No calls.\n";
    if (const auto left_out = number(answer, "left_out"); left_out != 0) {
        fmt::format_to(std::back_inserter(out), "... and {} more; see --limit\n", left_out);
    }
    return out;
}

std::string tell_text(const json& answer) {
    const json& text = field(answer, "text");
    if (!text.is_string()) return "";
    std::string out;
    for (std::string_view rest = text.get_ref<const std::string&>(); !rest.empty();) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        append_printable(out, rest.substr(0, end), end);
        out += '\n';
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return out;
}

}  // namespace messenger::daemon
