// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/control/control_protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace messenger::daemon {
namespace {

using nlohmann::json;

TEST(ControlProtocol, ReadsTheRequestThatItWrites) {
    const ControlRequest request{"calls", {{"host", "10.1.2.3"}}};
    const std::string line = format_request(request);
    ASSERT_EQ(line.back(), '\n');
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    const auto read = parse_request(line.substr(0, line.size() - 1));
    ASSERT_TRUE(std::holds_alternative<ControlRequest>(read));
    EXPECT_EQ(std::get<ControlRequest>(read).command, "calls");
    EXPECT_EQ(std::get<ControlRequest>(read).arguments["host"], "10.1.2.3");
}

TEST(ControlProtocol, ReadsARequestWithoutArguments) {
    const auto read = parse_request(R"({"version": 1, "command": "status"})");
    ASSERT_TRUE(std::holds_alternative<ControlRequest>(read));
    EXPECT_EQ(std::get<ControlRequest>(read).arguments, json::object());
}

TEST(ControlProtocol, SaysWhatIsWrongWithARequest) {
    const std::string deep =
        R"({"version":1,"command":"x","arguments":{"a":)" + std::string(1000, '[') + std::string(1000, ']') + "}}";
    struct Row {
        std::string line;
        const char* part;
    };
    for (const Row& row :
         {Row{"", "one JSON object"}, Row{"GET / HTTP/1.1", "one JSON object"}, Row{"[]", "one JSON object"},
          Row{"{\"version\":1", "one JSON object"}, Row{deep, "one JSON object"}, Row{"\xff\xfe", "one JSON object"},
          Row{"{}", "version 1"}, Row{R"({"version":2,"command":"x"})", "version 1"},
          Row{R"({"version":"1","command":"x"})", "version 1"}, Row{R"({"version":1})", "names a command"},
          Row{R"({"version":1,"command":5})", "names a command"},
          Row{R"({"version":1,"command":"x","arguments":[]})", "arguments are a JSON object"}}) {
        const auto read = parse_request(row.line);
        ASSERT_TRUE(std::holds_alternative<ControlResponse>(read)) << row.line;
        EXPECT_FALSE(std::get<ControlResponse>(read).ok);
        EXPECT_THAT(std::get<ControlResponse>(read).error, testing::HasSubstr(row.part)) << row.line;
    }
}

TEST(ControlProtocol, ReadsTheResponseThatItWrites) {
    const auto good = parse_response(format_response({true, json::array({1, "two"}), {}}));
    EXPECT_TRUE(good.ok);
    EXPECT_EQ(good.result, json::array({1, "two"}));
    const auto bad = parse_response(format_response(ControlResponse::failure("no such call")));
    EXPECT_FALSE(bad.ok);
    EXPECT_EQ(bad.error, "no such call");
}

TEST(ControlProtocol, TakesNothingElseForSuccess) {
    for (const auto* line : {"", "[]", "{}", R"({"version":1})", R"({"version":1,"ok":"true"})",
                             R"({"version":9,"ok":true})", R"({"version":1,"ok":false,"error":7})"}) {
        EXPECT_FALSE(parse_response(line).ok) << line;
        EXPECT_FALSE(parse_response(line).error.empty()) << line;
    }
}

TEST(ControlProtocol, WritesBytesThatAreNoTextWithoutFailing) {
    const auto read = parse_response(format_response({true, "caf\xe9\n", {}}));
    EXPECT_EQ(read.result, "caf\xef\xbf\xbd\n");
}

}  // namespace
}  // namespace messenger::daemon
