// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/ctl/check_text.h"

#include <iterator>
#include <string_view>

#include <fmt/format.h>

#include "daemon/ctl/tell.h"
#include "daemon/explain/lines.h"

namespace messenger::daemon {

namespace {

using nlohmann::json;

constexpr std::size_t kLongest = 1000;

[[nodiscard]] std::string_view heading(const std::string& severity) {
    if (severity == "failure") return "FAILS    ";
    if (severity == "warning") return "WARNING  ";
    if (severity == "unknown") return "UNKNOWN  ";
    return "note     ";
}

[[nodiscard]] std::string_view mark_of(const std::string& outcome) {
    if (outcome == "good") return "ok    ";
    if (outcome == "bad") return "FAILS ";
    if (outcome == "unknown") return "?     ";
    return "-     ";
}

void tell_finding(std::string& out, const json& finding) {
    constexpr std::size_t kIndent = 9;
    append_wrapped(out, std::string(heading(shown(finding, "severity"))), kIndent, shown(finding, "what", kLongest));
    append_wrapped(out, std::string(kIndent, ' '), kIndent, shown(finding, "why", kLongest));
    for (const json& line : field(finding, "to_do")) {
        // Not wrapped: it is there to be copied.
        fmt::format_to(std::back_inserter(out), "{:{}}    {}\n", "", kIndent,
                       shown(json{{"line", line}}, "line", kLongest));
    }
}

void tell_trial(std::string& out, const json& trial) {
    fmt::format_to(std::back_inserter(out), "{} from {} ({}) by {} to {}, media {}{}\n", shown(trial, "family"),
                   shown(trial, "inside"), shown(trial, "inside_interface"), shown(trial, "outside_interface"),
                   shown(trial, "server"), shown(trial, "peer"),
                   flag(trial, "translated") ? "; your rules hide the inside host" : "");
    if (field(trial, "failure").is_string()) {
        fmt::format_to(std::back_inserter(out), "  not tried: {}\n", shown(trial, "failure", kLongest));
    }
    for (const json& refusal : field(trial, "not_copied")) {
        fmt::format_to(std::back_inserter(out), "  without table {}: {}\n", shown(refusal, "table"),
                       shown(refusal, "reason", kLongest));
    }
    for (const json& leg : field(trial, "legs")) {
        const std::string outcome = shown(leg, "outcome");
        fmt::format_to(std::back_inserter(out), "  {}{:<4} {}{}\n", mark_of(outcome), shown(leg, "transport"),
                       shown(leg, "text", kLongest),
                       outcome == "not_tried" ? ": not tried, for what it builds on failed" : "");
        for (const char* more : {"detail", "stopped_by"}) {
            if (!field(leg, more).is_string()) continue;
            fmt::format_to(std::back_inserter(out), "             {}\n", shown(leg, more, kLongest));
        }
        if (field(leg, "untracked_by").is_string()) {
            fmt::format_to(std::back_inserter(out), "             kept from conntrack by {}\n",
                           shown(leg, "untracked_by", kLongest));
        }
    }
}

}  // namespace

std::string tell_doctor(const json& report) {
    std::string out;
    for (const json& finding : field(report, "findings")) tell_finding(out, finding);
    const std::string result = shown(report, "result");
    if (result == "good") {
        out += "Calls pass: they were tried through a copy of the live rules.\n";
    } else if (result == "unknown") {
        out += "Nothing was found that fails, but not everything could be told.\n";
    }
    return out;
}

std::string tell_selftest(const json& report) {
    std::string out;
    for (const json& trial : field(report, "trials")) {
        tell_trial(out, trial);
        const json& log = field(trial, "daemon_log");
        if (!log.is_string()) continue;
        out += "  the daemon's last words:\n";
        std::string_view rest = log.get_ref<const std::string&>();
        while (!rest.empty()) {
            const std::size_t end = std::min(rest.find('\n'), rest.size());
            fmt::format_to(std::back_inserter(out), "    {}\n",
                           shown(json{{"line", std::string(rest.substr(0, end))}}, "line", kLongest));
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
    }
    for (const json& problem : field(report, "problems")) {
        fmt::format_to(std::back_inserter(out), "not tried: {}\n", shown(json{{"text", problem}}, "text", kLongest));
    }
    const std::string result = shown(report, "result");
    out += result == "good" ? "Everything is as it should be.\n"
                            : fmt::format(
                                  "Not everything is as it should be ({}); messenger-algctl doctor says what to "
                                  "do.\n",
                                  result);
    return out;
}

}  // namespace messenger::daemon
