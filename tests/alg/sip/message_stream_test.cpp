// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/sip/message_stream.h"

#include <gmock/gmock.h>

#include "tests/support/exact_bytes.h"
#include "tests/support/sip_text.h"

namespace messenger::alg {
namespace {

using test::ExactBytes;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using testing::wire;

/// Feeds runs of bytes and keeps what comes out.
struct Feeder {
    Limits limits;
    MessageStream stream;
    MessageStream::Spent spent;
    std::vector<std::string> messages;
    int too_large = 0;
    std::size_t last = 0;  ///< the message after which none can follow, from 1; 0: none

    std::optional<OpaqueReason> feed(std::string_view bytes) {
        const ExactBytes exact(bytes);
        spent.clear();
        std::vector<std::string_view> found;
        const auto reason = stream.feed(
            exact.text(), limits, spent,
            [&](std::string_view message) -> std::optional<OpaqueReason> {
                found.push_back(message);
                return found.size() == last ? std::optional(OpaqueReason::compressed) : std::nullopt;
            },
            [&] { ++too_large; }, [](std::string_view) { return false; });
        for (const std::string_view message : found) messages.emplace_back(message);  // all live until here
        return reason;
    }
};

std::string message(std::string_view body) {
    return wire("MESSAGE sip:b@example.com SIP/2.0\nCall-ID: x\nContent-Length: *\n\n" + std::string(body));
}

TEST(MessageStream, HandsOutAMessageInPlace) {
    Feeder feeder;
    EXPECT_FALSE(feeder.feed(message("hello")));
    EXPECT_THAT(feeder.messages, ElementsAre(message("hello")));
    EXPECT_TRUE(feeder.spent.empty());
    EXPECT_TRUE(feeder.stream.at_boundary());
}

TEST(MessageStream, GivesTheSameMessagesWhereverTheStreamIsCut) {
    const std::string whole = "\r\n\r\n" + message("one") + message("") + "\r\n" + message("two\r\n\r\nSIP/2.0 200 OK");
    const std::vector<std::string> expected{message("one"), message(""), message("two\r\n\r\nSIP/2.0 200 OK")};
    for (std::size_t first = 0; first <= whole.size(); ++first) {
        for (const std::size_t second : {first, first + 1, first + 40, whole.size()}) {
            const std::size_t end = std::min(second, whole.size());
            Feeder feeder;
            EXPECT_FALSE(feeder.feed(whole.substr(0, first)));
            EXPECT_FALSE(feeder.feed(whole.substr(first, end - first)));
            EXPECT_FALSE(feeder.feed(whole.substr(end)));
            ASSERT_THAT(feeder.messages, ElementsAreArray(expected)) << first << " " << end;
            ASSERT_TRUE(feeder.stream.at_boundary());
            ASSERT_EQ(feeder.stream.buffered(), 0U);
        }
    }
}

TEST(MessageStream, TakesSingleBytes) {
    Feeder feeder;
    for (const char byte : "\r\n" + message("hello") + message("again")) EXPECT_FALSE(feeder.feed({&byte, 1}));
    EXPECT_THAT(feeder.messages, ElementsAre(message("hello"), message("again")));
}

TEST(MessageStream, DoesNotPileUpKeepAlives) {
    Feeder feeder;
    for (int i = 0; i < 1000; ++i) EXPECT_FALSE(feeder.feed(i % 2 == 0 ? "\r" : "\n\r\n"));
    EXPECT_EQ(feeder.stream.buffered(), 0U);
    EXPECT_FALSE(feeder.feed(message("hello")));
    EXPECT_THAT(feeder.messages, ElementsAre(message("hello")));
}

TEST(MessageStream, LooksAtNothingBehindTheLastMessage) {
    Feeder feeder;
    feeder.last = 2;
    EXPECT_EQ(feeder.feed(message("one") + message("last") + "no SIP"), OpaqueReason::compressed);
    EXPECT_THAT(feeder.messages, ElementsAre(message("one"), message("last")));
}

TEST(MessageStream, SkipsABodyAboveTheLimitAndGoesOn) {
    const std::string text = message(std::string(100, 'x')) + message("small");
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        Feeder feeder;
        feeder.limits.body_bytes = 99;
        EXPECT_FALSE(feeder.feed(text.substr(0, cut)));
        EXPECT_FALSE(feeder.feed(text.substr(cut)));
        ASSERT_THAT(feeder.messages, ElementsAre(message("small"))) << cut;
        ASSERT_EQ(feeder.too_large, 1) << cut;
    }
}

TEST(MessageStream, ReadsABodyOfExactlyTheLimit) {
    Feeder feeder;
    feeder.limits.body_bytes = 100;
    EXPECT_FALSE(feeder.feed(message(std::string(100, 'x'))));
    EXPECT_EQ(feeder.messages.size(), 1U);
}

TEST(MessageStream, SaysWhyAStreamCannotBeFollowed) {
    struct Row {
        std::string name;
        std::string bytes;
        OpaqueReason reason;
    };
    const std::vector<Row> rows{
        {"HTTP", "POST / HTTP/1.1\r\n", OpaqueReason::not_sip},
        {"garbage behind a message", message("hello") + "garbage\r\n", OpaqueReason::not_sip},
        {"two lengths", "BYE sip:b SIP/2.0\r\nContent-Length: 1\r\nl: 2\r\n\r\n", OpaqueReason::bad_framing},
        {"no length but a type", "BYE sip:b SIP/2.0\r\nContent-Type: a/b\r\n\r\n", OpaqueReason::bad_framing},
        {"a head without end", "BYE sip:b SIP/2.0\r\nX: " + std::string(400, 'x'), OpaqueReason::too_large},
    };
    for (const Row& row : rows) {
        for (std::size_t cut = 0; cut <= row.bytes.size(); ++cut) {
            Feeder feeder;
            feeder.limits.head_bytes = 300;
            auto reason = feeder.feed(row.bytes.substr(0, cut));
            if (!reason) reason = feeder.feed(row.bytes.substr(cut));
            ASSERT_EQ(reason, row.reason) << row.name << " cut at " << cut;
        }
    }
}

}  // namespace
}  // namespace messenger::alg
