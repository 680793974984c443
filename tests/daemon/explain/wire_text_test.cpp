// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/explain/wire_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "daemon/explain/json_writer.h"
#include "tests/support/packet_builder.h"

namespace messenger::daemon {
namespace {

using namespace std::string_view_literals;
using namespace std::chrono_literals;
using messenger::testing::address;
using messenger::testing::endpoint;

/// From a heap block of exactly its size.
std::string repaired(std::string_view bytes) {
    const std::vector<char> exact(bytes.begin(), bytes.end());
    std::string copy = "left over from before";
    return std::string(repair_utf8({exact.data(), exact.size()}, copy));
}

std::string shown(std::string_view bytes, std::size_t max_bytes = 256) {
    const std::vector<char> exact(bytes.begin(), bytes.end());
    return printable({exact.data(), exact.size()}, max_bytes);
}

TEST(WireText, LeavesUtf8Alone) {
    for (const std::string_view text : {""sv, "INVITE sip:bob@example.com"sv, "Zo\u00eb \u260e"sv, "a\0b"sv}) {
        EXPECT_EQ(repaired(text), text);
    }
}

TEST(WireText, PutsAReplacementForEachByteThatIsNoUtf8) {
    const auto replacements = [](int count) {
        std::string text;
        while (count-- > 0) text += "\xEF\xBF\xBD";
        return text;
    };
    EXPECT_EQ(repaired("a\xE9t"), "a" + replacements(1) + "t");
    EXPECT_EQ(repaired("\xC0\x80"), replacements(2)) << "overlong";
    EXPECT_EQ(repaired("\xED\xA0\x80"), replacements(3)) << "a surrogate";
    EXPECT_EQ(repaired("\xF4\x90\x80\x80"), replacements(4)) << "above U+10FFFF";
    EXPECT_EQ(repaired("\xE2\x98"), replacements(2)) << "cut off";
    EXPECT_EQ(repaired("\xFFZo\u00eb\xFF."), replacements(1) + "Zo\u00eb" + replacements(1) + ".");
}

TEST(JsonWriter, MakesJsonOfAnyBytes) {
    std::mt19937 random(7);
    for (int i = 0; i < 2000; ++i) {
        std::string bytes(random() % 40, '\0');
        std::generate(bytes.begin(), bytes.end(), [&random] { return static_cast<char>(random()); });
        std::string out;
        JsonWriter writer(out);
        writer.begin();
        writer.text("bytes", bytes);
        writer.number("number", 7);
        writer.end();
        const auto parsed = nlohmann::json::parse(out, nullptr, false);
        ASSERT_TRUE(parsed.is_object()) << out;
        EXPECT_EQ(parsed["bytes"], repaired(bytes));
        EXPECT_EQ(parsed["number"], 7);
        EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 1) << "one line";
    }
}

TEST(WireText, ShowsControlCharactersAsNumbers) {
    EXPECT_EQ(shown("\x1b[2Jbob\x07"), "\\x1B[2Jbob\\x07");
    EXPECT_EQ(shown("a\xC2\x9B"
                    "31m"),
              "a\\xC2\\x9B31m")
        << "CSI among the C1 controls";
    EXPECT_EQ(shown("x\xE2\x80\xAEgpj.exe"), "x\\xE2\\x80\\xAEgpj.exe") << "right-to-left override";
    EXPECT_EQ(shown("\xE9\xFF"), "\\xE9\\xFF");
    EXPECT_EQ(shown("Zoë ☎"), "Zoë ☎");
}

TEST(WireText, CutsLongTextAndSaysSo) {
    EXPECT_EQ(shown("abcdef", 6), "abcdef");
    EXPECT_EQ(shown("abcdefg", 6), "abcdef...");
    EXPECT_EQ(shown("ab\xE2\x98\x8E", 4), "ab\\xE2\\x98...");
}

TEST(WireText, WritesSecondsWithMicroseconds) {
    const auto seconds = [](alg::Duration duration) {
        std::string text;
        append_seconds(text, duration);
        return text;
    };
    EXPECT_EQ(seconds(1160000000s + 123456789ns), "1160000000.123456");
    EXPECT_EQ(seconds(1us), "0.000001");
    EXPECT_EQ(seconds(-1500ms), "-1.500000");
}

TEST(WireText, WritesEndpointsAndRemotes) {
    std::string text;
    append_endpoint(text, endpoint("10.1.2.3", 5060));
    text += ' ';
    append_endpoint(text, endpoint("2001:db8::1", 65535));
    EXPECT_EQ(text, "10.1.2.3:5060 [2001:db8::1]:65535");
    const auto remote = [](const alg::PinholeKey& key) {
        std::string out;
        append_remote(out, key);
        return out;
    };
    EXPECT_EQ(remote({alg::Transport::udp, false, endpoint("10.0.0.1", 1), address("192.0.2.1")}), "192.0.2.1:*");
    EXPECT_EQ(remote({alg::Transport::udp, false, endpoint("fd00::1", 1), address("2001:db8::9")}), "[2001:db8::9]:*");
    EXPECT_EQ(remote({alg::Transport::udp, true, endpoint("10.0.0.1", 1), {}}), "*:*");
}

TEST(WireText, SumsUpMessages) {
    alg::MessageEvent request;
    request.request = true;
    request.method = "INVITE";
    request.request_uri = "sip:bob@example.com";
    EXPECT_EQ(summary(request), "INVITE sip:bob@example.com");
    alg::MessageEvent response;
    response.status = 200;
    response.reason = "OK";
    response.method = "INVITE";
    EXPECT_EQ(summary(response), "200 OK (INVITE)");
    response.reason = "";
    EXPECT_EQ(summary(response), "200 (INVITE)");
}

TEST(WireText, NamesWhatWasRefused) {
    alg::RefuseEvent refusal;
    refusal.tuple.source = endpoint("10.0.0.5", 5060);
    refusal.reason = alg::RefuseReason::not_sender_address;
    refusal.announced = address("192.0.2.77");
    refusal.port = 4000;
    EXPECT_EQ(detail(refusal), "10.0.0.5:5060 asks for 192.0.2.77:4000: " + std::string(describe(refusal.reason)));
    refusal.announced = address("2001:db8::7");
    EXPECT_TRUE(detail(refusal).starts_with("10.0.0.5:5060 asks for [2001:db8::7]:4000: "));
    refusal.port = 0;
    EXPECT_TRUE(detail(refusal).starts_with("10.0.0.5:5060 asks for 2001:db8::7: "));
    refusal.reason = alg::RefuseReason::port_out_of_range;
    refusal.allowed = {5350, 5353};
    refusal.user = "sip:a\x1b@x";
    EXPECT_THAT(detail(refusal), ::testing::StartsWith("10.0.0.5:5060 of sip:a\\x1B@x asks for 2001:db8::7: "));
    EXPECT_THAT(detail(refusal), ::testing::EndsWith(" (5350-5353)"));
    refusal.allowed = {};
    refusal.user = {};
    refusal.announced.reset();
    refusal.port = 22;
    EXPECT_TRUE(detail(refusal).starts_with("10.0.0.5:5060 asks for port 22: "));
    refusal.reason = alg::RefuseReason::not_understood;
    refusal.error = alg::Error::bad_cseq;
    EXPECT_EQ(detail(refusal), "10.0.0.5:5060 sent what is not understood: " + std::string(describe(refusal.error)));
}

}  // namespace
}  // namespace messenger::daemon
