// SPDX-License-Identifier: GPL-2.0-or-later
// Nothing that somebody writes into a message may forge a line of an output, or speak to a terminal.
#include <algorithm>
#include <memory>
#include <random>
#include <sstream>
#include <string>

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include "daemon/control/control_protocol.h"
#include "daemon/ctl/calls_text.h"
#include "daemon/ctl/check_text.h"
#include "daemon/ctl/event_text.h"
#include "daemon/ctl/order_text.h"
#include "daemon/ctl/status_text.h"
#include "daemon/explain/event_lines.h"
#include "daemon/gateway/event_log.h"
#include "daemon/journal/call_story.h"
#include "daemon/journal/one_way_log.h"
#include "tests/daemon/journal/journal_fixture.h"

namespace messenger::daemon {
namespace {

using nlohmann::json;

/// Texts that have done harm somewhere: terminal control, forged lines, broken and treacherous UTF-8, formats, JSON.
[[nodiscard]] std::string hostile_text(std::mt19937& random) {
    static const std::vector<std::string> kPieces{"\x1b[2J\x1b[1;1H",
                                                  "\x1b]0;owned\x07",
                                                  "\r",
                                                  "\x08\x08",
                                                  "\x7f",
                                                  "\xc2\x9b"
                                                  "31m",
                                                  "\xe2\x80\xae",
                                                  "\xff\xfe",
                                                  "\xed\xa0\x80",
                                                  "\xc0\xaf",
                                                  "%s%n",
                                                  "{}",
                                                  "\"},{\"event\":\"open\"",
                                                  "\\u001b[2J",
                                                  "'; rm -rf /",
                                                  "\xf0\x9f\x92\xa9",
                                                  "</b>",
                                                  "\t",
                                                  "\xe2\x80\xa8",
                                                  std::string(300, 'A'),
                                                  "plain"};
    std::string text;
    const std::size_t pieces = 1 + random() % 4;
    for (std::size_t i = 0; i < pieces; ++i) text += kPieces[random() % kPieces.size()];
    return text;
}

/// Printable, with line feeds between lines only: what a terminal shows and does nothing else with.
void expect_printable(const std::string& text, std::size_t lines_at_most) {
    std::string repaired;
    ASSERT_EQ(repair_utf8(text, repaired), text) << "not UTF-8";
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t end = rest.find('\n');
        ASSERT_NE(end, std::string_view::npos) << "no line at its end";
        const std::string_view line = rest.substr(0, end);
        // append_printable() changes exactly what is not fit to be printed.
        ASSERT_EQ(printable(line, line.size()), line);
        rest.remove_prefix(end + 1);
    }
    ASSERT_LE(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')), lines_at_most) << text;
}

class HostileTextTest : public JournalFixture {
   protected:
    std::mt19937 random_{20240229};
    static constexpr int kRounds = 300;
};

TEST_F(HostileTextTest, HarmsNoOutputForPeople) {
    for (int round = 0; round < kRounds; ++round) {
        const auto text = [this] { return hostile_text(random_); };
        const json stream = {{"kind", text()},   {"role", text()},
                             {"proto", text()},  {"inside", text()},
                             {"remote", text()}, {"open", false},
                             {"observed", true}, {"one_way", {{"silent", text()}, {"text", text()}, {"seconds", 3U}}}};
        const json call = {{"id", text()},    {"from", text()},  {"to", text()},        {"inside", text()},
                           {"peer", text()},  {"state", text()}, {"streams", {stream}}, {"restored", true},
                           {"began", text()}, {"ended", text()}, {"blocked", {text()}}, {"closed_by_operator", true}};
        expect_printable(tell_calls({{"calls", {call}}, {"left_out", 2U}}), 10);
        expect_printable(tell_text({{"text", text() + '\n' + text() + '\n'}}), 2);
        expect_printable(tell_pinholes({{"pinholes", {stream}}, {"left_out", 0}}), 2);
        const json outside = {{"name", text()}, {"address", text()}, {"advertised", text()}, {"udp", text()}};
        expect_printable(tell_status({{"version", text()},
                                      {"blocked", {text()}},
                                      {"passage", text()},
                                      {"queues", {{{"queue", text()}}}},
                                      {"nat", {{"interfaces", {outside}}, {"bindings", text()}}}}),
                         30);
        json binding = {{"proto", text()},     {"inside", text()},     {"outside", text()},
                        {"interface", text()}, {"call_ids", {text()}}, {"purposes", {text(), text()}}};
        binding["lingering"] = round % 2 == 0;
        expect_printable(tell_bindings({{"bindings", {binding}},
                                        {"callbacks", {{{"proto", text()}, {"outside", text()}, {"remote", text()}}}},
                                        {"left_out", 1U}}),
                         4);
        expect_printable(tell_block({{"host", text()}, {"changed", true}}), 1);
        expect_printable(tell_unblock({{"host", text()}, {"changed", true}}), 1);
        expect_printable(tell_close({{"id", text()}, {"closed", text()}}), 1);
        expect_printable(tell_observe({{"observe", text()}}), 1);
        expect_printable(tell_reload({{"file", text()}, {"restart_needed", {text()}}}), 2);
        // Names of interfaces and comments of rules are written by others, too. Long words are broken into lines.
        const json finding = {
            {"severity", text()}, {"name", text()}, {"what", text()}, {"why", text()}, {"to_do", {text(), text()}}};
        expect_printable(tell_doctor({{"findings", {finding}}, {"result", text()}}), 60);
        const json leg = {{"outcome", text()}, {"transport", text()}, {"text", text()}, {"stopped_by", text()}};
        json trial = {{"family", text()}, {"inside", text()}, {"failure", text()}, {"legs", {leg}}};
        trial["not_copied"] = {{{"table", text()}, {"reason", text()}}};
        trial["daemon_log"] = text() + '\n' + text();
        expect_printable(tell_selftest({{"trials", {trial}}, {"problems", {text()}}, {"result", text()}}), 11);
        for (const char* kind : {"message", "media", "edit", "session", "open", "close", "refuse", "opaque", "register",
                                 "one_way", "both_ways", "order", "missed", "\x1b[2J\n"}) {
            json event = {{"event", kind}, {"time", 1e300}};
            for (const char* name :
                 {"summary", "src",       "dst",    "call_id", "from",   "to",      "role",    "media",
                  "address", "direction", "proto",  "inside",  "remote", "purpose", "timeout", "reason",
                  "detail",  "contact",   "silent", "text",    "lines",  "kind",    "what"}) {
                event[name] = text();
            }
            expect_printable(tell_event(event), 1);
        }
    }
}

TEST_F(HostileTextTest, HarmsNoOutputWhoseFieldsHaveOtherTypes) {
    for (const json& odd :
         {json(nullptr), json(5), json("text"), json::array({1, "two"}), json::object(), json(-1.5)}) {
        for (const json& whole :
             {odd, json{{"calls", odd}}, json{{"calls", {odd}}}, json{{"pinholes", {odd}}},
              json{{"calls", {{{"streams", odd}}}}}, json{{"bindings", odd}}, json{{"bindings", {odd}}},
              json{{"callbacks", {odd}}}, json{{"findings", odd}}, json{{"findings", {odd}}}, json{{"trials", {odd}}},
              json{{"nat", {{"interfaces", odd}}}}, json{{"queues", odd}, {"counters", odd}},
              json{{"event", odd}, {"time", odd}}, json{{"text", odd}}}) {
            expect_printable(tell_calls(whole), 100);
            expect_printable(tell_pinholes(whole), 100);
            expect_printable(tell_bindings(whole), 100);
            expect_printable(tell_doctor(whole), 100);
            expect_printable(tell_selftest(whole), 100);
            expect_printable(tell_status(whole), 100);
            expect_printable(tell_event(whole), 1);
            expect_printable(tell_text(whole), 100);
        }
    }
}

/// What comes of a whole call with such names, in everything that the daemon itself writes.
TEST_F(HostileTextTest, HarmsNeitherLogNorEventsNorAccount) {
    std::ostringstream log_text;
    Log log(LogLevel::debug, LogFormat::people, std::make_shared<spdlog::sinks::ostream_sink_st>(log_text));
    EventLog event_log(log);
    OneWayLog one_way_log(log);
    std::string lines_text;
    EventLines lines(lines_text, EventLines::CallIdText::shown);
    for (int round = 0; round < kRounds; ++round) {
        const std::string id = hostile_text(random_);
        const std::string name = hostile_text(random_);
        alg::Plan plan;
        alg::MessageEvent message;
        message.tuple = {testing::endpoint("10.1.2.3", 5060), testing::endpoint("203.0.113.9", 5060),
                         alg::Transport::udp};
        message.request = true;
        message.method = "INVITE";
        message.request_uri = name;
        message.reason = name;
        message.call_id = id;
        message.from = name;
        message.to = name;
        plan.events.emplace_back(message);
        message.request = false;
        message.method = name;
        plan.events.emplace_back(message);
        alg::MediaEvent media;
        media.media = name;
        media.protocol = name;
        media.address = name;
        media.port = 5;
        media.call_id = id;
        plan.events.emplace_back(media);
        const alg::PinholeKey key{alg::Transport::udp, true, testing::endpoint("10.1.2.3", 40000), {}};
        plan.events.emplace_back(alg::OpenEvent{key, {}, std::chrono::seconds(5), true, id});
        alg::RefuseEvent refuse;
        refuse.call_id = id;
        plan.events.emplace_back(refuse);
        plan.events.emplace_back(alg::CloseEvent{key, {}, alg::CloseReason::bye, id});
        const std::string edited = name + "\nsecond";
        alg::EditList edits;
        edits.begin(edited);
        edits.replace(std::string_view(edited).substr(0, 1), id);
        plan.events.emplace_back(alg::EditEvent{message.tuple, &edits, false, id});
        event_log.on_plan(plan, now());
        journal().on_plan(plan, now());
        for (const alg::Event& event : plan.events) lines.write(event, now());
        CallRecord* record = journal().find(id);
        ASSERT_NE(record, nullptr);
        record->pinholes[0].one_way.reported = OneWay{};
        one_way_log.on_one_way(*record, record->pinholes[0], OneWay{});
        expect_printable(tell_call(*record), 100);
        // The socket: ASCII, one line.
        const json described = describe_call(journal(), *record, now());
        const std::string answer = format_response({true, described, {}, false});
        ASSERT_EQ(answer.find('\n'), answer.size() - 1);
        ASSERT_TRUE(std::all_of(answer.begin(), answer.end() - 1, [](char c) { return c >= ' ' && c <= '~'; }));
        expect_printable(tell_calls({{"calls", {parse_response(answer).result}}}), 10);
        // The events: each line is one object, whatever its strings hold.
        for (std::string_view rest = lines_text; !rest.empty();) {
            const std::size_t end = rest.find('\n');
            const json event = json::parse(rest.substr(0, end));
            ASSERT_TRUE(event.is_object());
            expect_printable(tell_event(event), 1);
            rest.remove_prefix(end + 1);
        }
        ASSERT_EQ(std::count(lines_text.begin(), lines_text.end(), '\n'), 7);
        ASSERT_TRUE(std::none_of(lines_text.begin(), lines_text.end(),
                                 [](char c) { return (c >= 0 && c < ' ' && c != '\n'); }));
        lines_text.clear();
    }
    const std::string logged = log_text.str();
    EXPECT_GT(logged.size(), 1000U);
    EXPECT_TRUE(std::all_of(logged.begin(), logged.end(), [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
}

}  // namespace
}  // namespace messenger::daemon
