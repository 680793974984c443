// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/sip/compression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/exact_bytes.h"
#include "tests/support/sip_text.h"

namespace messenger::alg {
namespace {

using testing::wire;

constexpr std::string_view kHead = "From: <sip:a@x>;tag=1\nTo: <sip:x>\nCall-ID: c\n";

std::string negotiate(std::string_view headers) {
    return wire("NEGOTIATE sip:127.0.0.1:5060 SIP/2.0\n" + std::string(kHead) + "CSeq: 1 NEGOTIATE\n" +
                std::string(headers) + "\nContent-Length: 0");
}

std::string answer(std::string_view status, std::string_view cseq, std::string_view headers) {
    return wire("SIP/2.0 " + std::string(status) + "\n" + std::string(kHead) + "CSeq: 1 " + std::string(cseq) + "\n" +
                std::string(headers) + "Content-Length: 0");
}

bool begins(const std::string& text) {
    const test::ExactBytes exact(text);
    SipMessageView view;
    EXPECT_TRUE(view.parse(exact.text(), {})) << text;
    return begins_compression(view);
}

/// The message as it goes on when it is declined.
std::string declined(const std::string& text) {
    const test::ExactBytes exact(text);
    SipMessageView view;
    EXPECT_TRUE(view.parse(exact.text(), {})) << text;
    std::string edited = text;
    decline_compression(view, [&](std::string_view method, std::string_view word) {
        EXPECT_EQ(method.size(), word.size());
        edited.replace(static_cast<std::size_t>(method.data() - exact.text().data()), method.size(), word);
    });
    EXPECT_EQ(edited.size(), text.size());
    return edited;
}

TEST(Compression, BeginsBehindTheAnswerThatAgrees) {
    EXPECT_TRUE(begins(answer("200 OK", "NEGOTIATE", "Compression: LZ77-64K\n")));
    EXPECT_TRUE(begins(answer("299 Fine", "NEGOTIATE", "compression: x\n")));
    EXPECT_FALSE(begins(answer("200 OK", "NEGOTIATE", "")));
    EXPECT_FALSE(begins(answer("200 OK", "REGISTER", "Compression: LZ77-64K\n")));
    EXPECT_FALSE(begins(answer("100 Trying", "NEGOTIATE", "Compression: LZ77-64K\n")));
    EXPECT_FALSE(begins(answer("488 No", "NEGOTIATE", "Compression: LZ77-64K\n")));
    EXPECT_FALSE(begins(negotiate("Compression: LZ77-64K")));
}

TEST(Compression, IsDeclinedByUnknownNamesOfTheSameLength) {
    EXPECT_EQ(declined(negotiate("Compression: LZ77-64K")), negotiate("Compression: xxxxxxxx"));
    EXPECT_EQ(declined(negotiate("Compression : LZ77-64K;level=9 , \n lz77-8K\nX: y")),
              negotiate("Compression : xxxxxxxx;level=9 , \n xxxxxxx\nX: y"));
    EXPECT_EQ(declined(negotiate("Compression: a\nCompression: XX")), negotiate("Compression: x\nCompression: zz"));
}

TEST(Compression, LeavesOtherMessagesAlone) {
    for (const std::string& text : {negotiate("X: y"), negotiate("Compression:"), negotiate("Compression: \"\x01"),
                                    negotiate("Compression: ,;, "), negotiate("Compression: " + std::string(65, 'a')),
                                    answer("200 OK", "NEGOTIATE", "Compression: LZ77-64K\n")}) {
        EXPECT_EQ(declined(text), text);
    }
}

}  // namespace
}  // namespace messenger::alg
