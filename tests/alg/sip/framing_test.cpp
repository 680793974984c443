// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/sip/framing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "tests/alg/sip/exact_copy.h"

namespace messenger::alg {
namespace {

Expected<Frame> frame_of(std::string_view text, const Limits& limits = {}) {
    const ExactCopy copy(text);
    std::size_t scanned = 0;
    return find_frame(copy.view(), limits, scanned);
}

void expect_error(std::string_view text, Error error) {
    const auto frame = frame_of(text);
    ASSERT_FALSE(frame) << text;
    EXPECT_EQ(name(frame.error()), name(error)) << text;
}

void expect_head(std::string_view text, std::size_t skip, std::size_t head, std::size_t body) {
    const auto frame = frame_of(text);
    ASSERT_TRUE(frame) << text << name(frame.error());
    EXPECT_EQ(frame->state, Frame::State::head) << text;
    EXPECT_EQ(frame->skip, skip) << text;
    EXPECT_EQ(frame->head_bytes, head) << text;
    EXPECT_EQ(frame->body_bytes, body) << text;
}

std::string head_with(std::string_view headers) {
    return "BYE sip:a@b SIP/2.0\r\n" + std::string(headers) + "\r\n";
}

void expect_body(std::string_view headers, std::size_t body) {
    const std::string head = head_with(headers);
    expect_head(head, 0, head.size(), body);
}

TEST(SipFraming, FindsHeadAndBodyOfTheFirstMessage) {
    const std::string head = "MESSAGE sip:bob@example.com SIP/2.0\r\nCSeq : 4 MESSAGE\r\nl:   5\r\n\r\n";
    expect_head(head, 0, head.size(), 5);
    expect_head(head + "hello", 0, head.size(), 5);
    expect_head("\r\n\r\n" + head + "helloSIP/2.0 200 OK\r\n", 4, head.size(), 5);
    expect_head("\r\n\n" + head, 3, head.size(), 5);
    expect_head("SIP/2.0 200 OK\r\n\r\n", 0, 18, 0);
}

TEST(SipFraming, TakesLoneLineFeedsForLineEnds) {
    expect_head("SIP/2.0 200 OK\nl: 3\n\n", 0, 21, 3);
    expect_head("SIP/2.0 200 OK\r\nl: 3\n\r\n", 0, 23, 3);
    expect_head("SIP/2.0 200 OK\nl: 3\r\n\n", 0, 22, 3);
}

TEST(SipFraming, CountsKeepAlivesWhileNoMessageHasCome) {
    for (const auto& [text, skip] : std::vector<std::pair<std::string, std::size_t>>{
             {"", 0}, {"\r", 0}, {"\r\n", 2}, {"\r\n\r", 2}, {"\r\n\r\n", 4}, {"\r\nINVITE", 2}}) {
        const auto frame = frame_of(text);
        ASSERT_TRUE(frame) << skip;
        EXPECT_EQ(frame->state, Frame::State::need_more);
        EXPECT_EQ(frame->skip, skip);
    }
    expect_error("\r\n\rINVITE", Error::not_sip);
}

TEST(SipFraming, KeepsAFoldAndABlankLineApart) {
    // The line of one blank continues the header before it; the head ends with the really empty one.
    expect_body("Subject: a\r\n \r\nl: 7\r\n", 7);
}

TEST(SipFraming, ReadsContentLengthHoweverItIsWritten) {
    expect_body("Content-Length: 12\r\n", 12);
    expect_body("content-LENGTH\t :12\r\n", 12);
    expect_body("l:\r\n  12\r\n \r\n", 12);
    expect_body("L:012\r\n", 12);
    expect_body("Content-Length: 2147483647\r\n", 2147483647);
    expect_body("Content-Length: 5\r\nl: 5\r\n", 5);
    expect_body("X-Content-Length: 5\r\nContent-Lengt: 6\r\nContent-Length5: 7\r\n", 0);
    expect_body("Subject: x\r\n Content-Length: 9\r\n", 0);  // a fold is no header
}

TEST(SipFraming, RefusesAContentLengthThatIsNotOneNumber) {
    for (const auto* value : {"", "+5", "-1", "5 5", "5,5", "5;a", "0x5", "a", "4294967328", "2147483648",
                              "18446744073709551621", "5\r\n 5", "\"5\"", "5\r5"}) {
        expect_error(head_with("Content-Length: " + std::string(value) + "\r\n"), Error::bad_content_length);
    }
    expect_error(head_with("Content-Length: 5\r\nl: 6\r\n"), Error::bad_content_length);
}

TEST(SipFraming, NeedsAContentLengthWhereThereIsAContentType) {
    expect_body("", 0);
    expect_error(head_with("c: text/plain\r\n"), Error::bad_content_length);
    expect_body("c: text/plain\r\nl: 0\r\n", 0);
}

struct Decision {
    const char* text;
    std::size_t impossible_at;  ///< index of the first byte that no start line can have there
};

TEST(SipFraming, LetsOtherProtocolsGoAtTheFirstImpossibleByte) {
    for (const Decision& row : std::vector<Decision>{{"\x16\x03\x01", 0},
                                                     {"GET / HTTP/1.1\r\n", 6},
                                                     {"GET sip:a SIP/1.0\r\n", 14},
                                                     {"HTTP/1.1 200 OK\r\n", 4},
                                                     {"SIP/3.0 200 OK\r\n", 4},
                                                     {"SIP/2.1 200 OK\r\n", 6},
                                                     {"SIP/2.0  200 OK\r\n", 8},
                                                     {"SIP/2.0 0", 8},
                                                     {"SIP/2.0 700", 8},
                                                     {"SIP/2.0 4294967301", 11},
                                                     {"SIP/2.0 2x0", 9},
                                                     {"SIP/2.0 200 O\rK", 14},
                                                     {"SIP/2.0 200 O\x01", 13},
                                                     {" INVITE", 0},
                                                     {"/x", 0},
                                                     {"INVITE\r\n", 6},
                                                     {"INVITE\tsip:a", 6},
                                                     {"INVITE  sip:a", 7},
                                                     {"INVITE sip:a\r\n", 12},
                                                     {"INVITE sip:a  SIP", 13},
                                                     {"INVITE sip:a; lr SIP/2.0", 14},
                                                     {"INVITE sip:a SIP/2.0 \r\n", 20},
                                                     {"INVITE sip:a SIP/2.0\rX", 21},
                                                     {"INVITE sip:a SIP/2.00", 20},
                                                     {"INVITE sip:a\x7f", 12},
                                                     {"EHLO[", 4}}) {
        const std::string_view text(row.text);
        ASSERT_LT(row.impossible_at, text.size()) << text;
        for (std::size_t length = 0; length <= text.size(); ++length) {
            const ExactCopy copy(text.substr(0, length));
            EXPECT_EQ(may_begin_message(copy.view()), length <= row.impossible_at) << copy.view();
            EXPECT_EQ(frame_of(copy.view()).has_value(), length <= row.impossible_at) << copy.view();
        }
    }
    EXPECT_TRUE(may_begin_message(std::string(64, 'M')));
    EXPECT_TRUE(may_begin_message(std::string(64, 'M') + " "));
    EXPECT_FALSE(may_begin_message(std::string(65, 'M')));
}

TEST(SipFraming, KnowsAWholeStartLine) {
    for (const std::string text : {"INVITE sip:bob@example.com SIP/2.0\r\n", "SIP/2.0 200 OK\r\n", "SIP/2.0 100 \r\n",
                                   "SIP/2.0 100\r\n", "sip/2.0 699 \xd0\xbd\xd0\xb5\n", "a foo@bar sip/2.0\n"}) {
        EXPECT_TRUE(begins_with_start_line(text)) << text;
        EXPECT_TRUE(begins_with_start_line(text + "Via: x")) << text;
        for (std::size_t length = 0; length < text.size(); ++length) {
            const ExactCopy copy(text.substr(0, length));
            EXPECT_TRUE(may_begin_message(copy.view())) << copy.view();
            EXPECT_FALSE(begins_with_start_line(copy.view())) << copy.view();
        }
    }
    EXPECT_FALSE(begins_with_start_line("\r\nSIP/2.0 200 OK\r\n"));
}

TEST(SipFraming, LimitsTheHead) {
    Limits limits;
    const std::string head = head_with("l: 3\r\n");
    limits.head_bytes = head.size();
    ASSERT_TRUE(frame_of(head + "abc", limits));
    EXPECT_EQ(frame_of(head + "abc", limits)->state, Frame::State::head);
    limits.head_bytes = head.size() - 1;
    ASSERT_FALSE(frame_of(head + "abc", limits));
    EXPECT_EQ(frame_of(head + "abc", limits).error(), Error::too_large);
    const std::string endless = "INVITE sip:" + std::string(200, 'a');
    limits.head_bytes = 100;
    EXPECT_TRUE(frame_of(endless.substr(0, 100), limits));
    ASSERT_FALSE(frame_of(endless.substr(0, 101), limits));
    EXPECT_EQ(frame_of(endless.substr(0, 101), limits).error(), Error::too_large);
}

/// What a stream is made of, when it comes in pieces of the given size and each call sees all there is so far.
std::vector<std::string> messages_in_pieces(std::string_view stream, std::size_t piece) {
    std::vector<std::string> found;
    std::size_t begin = 0;
    std::size_t scanned = 0;
    for (std::size_t end = 0; end <= stream.size();
         end = end == stream.size() ? end + 1 : std::min(end + piece, stream.size())) {
        for (;;) {
            const ExactCopy copy(stream.substr(begin, end - begin));
            const auto frame = find_frame(copy.view(), Limits{}, scanned);
            if (!frame) {
                found.emplace_back(name(frame.error()));
                return found;
            }
            const std::size_t total = frame->head_bytes + frame->body_bytes;
            if (frame->state != Frame::State::head || end - begin - frame->skip < total) break;
            found.emplace_back(stream.substr(begin + frame->skip, total));
            begin += frame->skip + total;
            scanned = 0;
        }
    }
    return found;
}

TEST(SipFraming, FindsTheSameMessagesHoweverTheStreamIsCut) {
    const std::string first =
        "\r\n\r\nMESSAGE sip:bob@example.com SIP/2.0\r\ni : 5\r\n f0c\r\nl:\r\n 7\r\n\r\n\r\n\r\nabc";
    const std::string second = "SIP/2.0 200 OK\nContent-Length: 0\n\n";
    const std::string third = "BYE sip:a SIP/2.0\r\n\r\n";
    const std::string stream = first + second + third + "\r\n" + "GET / HTTP/1.1\r\n";
    const std::vector<std::string> expected = {first.substr(4), second, third, "not_sip"};
    for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
        EXPECT_EQ(messages_in_pieces(stream, piece), expected) << piece;
    }
}

TEST(SipFraming, LooksAtEachByteOfASlowHeadOnce) {
    // A start line and a header as long as the limit lets them be, one byte at a time. Rereading either for each byte
    // would be some 10^9 steps; the bound is far above what one pass takes, even under sanitizers.
    Limits limits;
    limits.head_bytes = 64 * 1024;
    const std::string head = "INVITE sip:" + std::string(30000, 'a') +
                             " SIP/2.0\r\nSubject: " + std::string(30000, 'b') + "\r\nl: 0\r\n\r\n";
    std::size_t scanned = 0;
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t length = 0; length < head.size(); ++length) {
        const auto frame = find_frame(std::string_view(head).substr(0, length), limits, scanned);
        ASSERT_TRUE(frame);
        ASSERT_EQ(frame->state, Frame::State::need_more) << length;
        ASSERT_EQ(scanned, length);
    }
    const auto frame = find_frame(head, limits, scanned);
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->head_bytes, head.size());
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
}

TEST(SipFraming, GivesTheSameAnswerWhenAskedAgain) {
    const std::string head = head_with("l: 3\r\n");
    std::size_t scanned = 0;
    for (int round = 0; round < 3; ++round) {
        const auto frame = find_frame(head, Limits{}, scanned);
        ASSERT_TRUE(frame);
        EXPECT_EQ(frame->head_bytes, head.size());
        EXPECT_EQ(frame->body_bytes, 3U);
    }
}

}  // namespace
}  // namespace messenger::alg
