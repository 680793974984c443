// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/explain/wire_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "tests/support/packet_builder.h"

namespace messenger::daemon {
namespace {

using namespace std::string_view_literals;
using namespace std::chrono_literals;
using messenger::testing::address;
using messenger::testing::endpoint;

/// From a heap block of exactly its size.
std::string json(std::string_view bytes) {
    const std::vector<char> exact(bytes.begin(), bytes.end());
    std::string out;
    append_json_string(out, {exact.data(), exact.size()});
    return out;
}

std::string shown(std::string_view bytes, std::size_t max_bytes = 256) {
    const std::vector<char> exact(bytes.begin(), bytes.end());
    return printable({exact.data(), exact.size()}, max_bytes);
}

TEST(WireText, LeavesPlainTextInJsonAlone) {
    EXPECT_EQ(json("INVITE sip:bob@example.com"), R"("INVITE sip:bob@example.com")");
    EXPECT_EQ(json("Zoë ☎"), "\"Zoë ☎\"");
    EXPECT_EQ(json(""), R"("")");
}

TEST(WireText, EscapesWhatJsonCannotHold) {
    EXPECT_EQ(json("a\"b\\c\r\n\t\x01\x7f\0z"sv), R"("a\"b\\c\r\n\t\u0001\u007f\u0000z")");
}

TEST(WireText, PutsAReplacementForEachByteThatIsNoUtf8) {
    EXPECT_EQ(json("\xE9t"), R"("\ufffdt")");
    EXPECT_EQ(json("\xC0\x80"), R"("\ufffd\ufffd")") << "overlong";
    EXPECT_EQ(json("\xED\xA0\x80"), R"("\ufffd\ufffd\ufffd")") << "a surrogate";
    EXPECT_EQ(json("\xF4\x90\x80\x80"), R"("\ufffd\ufffd\ufffd\ufffd")") << "above U+10FFFF";
    EXPECT_EQ(json("\xE2\x98"), R"("\ufffd\ufffd")") << "cut off";
}

TEST(WireText, MakesJsonOfAnyBytes) {
    std::mt19937 random(7);
    for (int i = 0; i < 2000; ++i) {
        std::string bytes(random() % 40, '\0');
        std::generate(bytes.begin(), bytes.end(), [&random] { return static_cast<char>(random()); });
        const auto parsed = nlohmann::json::parse(json(bytes), nullptr, false);
        ASSERT_TRUE(parsed.is_string());
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
    refusal.announced.reset();
    refusal.port = 22;
    EXPECT_TRUE(detail(refusal).starts_with("10.0.0.5:5060 asks for port 22: "));
    refusal.reason = alg::RefuseReason::not_understood;
    refusal.error = alg::Error::bad_cseq;
    EXPECT_EQ(detail(refusal), "10.0.0.5:5060 sent what is not understood: " + std::string(describe(refusal.error)));
}

}  // namespace
}  // namespace messenger::daemon
