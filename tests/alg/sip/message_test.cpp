// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/sip/message.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "alg/sip/fields.h"
#include "tests/alg/sip/exact_copy.h"

namespace messenger::alg {
namespace {

// A temporary would be gone before its view is used.
template <class Text, class = void>
struct CanParse : std::false_type {};
template <class Text>
struct CanParse<Text, std::void_t<decltype(std::declval<SipMessageView&>().parse(std::declval<Text>(), Limits{}))>>
    : std::true_type {};
static_assert(!CanParse<std::string>::value);
static_assert(CanParse<const std::string&>::value);

/// A message that is kept as long as its view.
class Parsed {
   public:
    explicit Parsed(std::string_view text, const Limits& limits = {})
        : copy_(text), result_(view_.parse(copy_.view(), limits)) {}
    [[nodiscard]] const SipMessageView* operator->() const { return &view_; }
    [[nodiscard]] std::string outcome() const { return std::string(result_ ? "understood" : name(result_.error())); }
    [[nodiscard]] bool is_empty() const {
        return view_.whole().empty() && view_.lines().empty() && view_.call_id().empty();
    }

   private:
    ExactCopy copy_;
    SipMessageView view_;
    Expected<void> result_;
};

constexpr std::string_view kFour = "Call-ID: 1@a\r\nCSeq: 7 BYE\r\nFrom: <sip:a@b>;tag=f\r\nTo: <sip:c@d>;tag=t\r\n";

std::string bye(std::string_view headers, std::string_view body = {}) {
    return "BYE sip:c@d SIP/2.0\r\n" + std::string(headers) + "\r\n" + std::string(body);
}

std::string bye_with(std::string_view more, std::string_view body = {}) {
    return bye(std::string(kFour) + std::string(more), body);
}

TEST(SipMessage, ReadsARequest) {
    const std::string head =
        "INVITE sip:bob@example.com SIP/2.0\r\n"
        "Via: SIP/2.0/TCP 10.1.2.3:7100, SIP/2.0/UDP 10.9.9.9\r\n"
        "Via: SIP/2.0/UDP 10.8.8.8\r\n"
        "From: \"A, \\\"L;tag=no\\\"\" <sip:alice@example.com;tag=uri>;epid=01;tag=77aa\r\n"
        "To: <sip:bob@example.com>\r\n"
        "Call-ID: 9d41e0\r\n"
        "CSeq: 1 INVITE\r\n"
        "ms-text-format: text/plain; charset=UTF-8;ms-body=aGVsbG8=\r\n"
        "X-Other:\r\n"
        "Content-Type: application/sdp\r\n"
        "Content-Length: 5\r\n\r\n";
    const Parsed message(head + "v=0\r\n");
    ASSERT_EQ(message.outcome(), "understood");
    EXPECT_TRUE(message->is_request());
    EXPECT_EQ(message->method(), Method::invite);
    EXPECT_EQ(message->method_text(), "INVITE");
    EXPECT_EQ(message->request_uri(), "sip:bob@example.com");
    EXPECT_EQ(message->status(), 0U);
    EXPECT_EQ(message->cseq(), 1U);
    EXPECT_EQ(message->call_id(), "9d41e0");
    EXPECT_EQ(message->from_tag(), "77aa");
    EXPECT_EQ(message->to(), "<sip:bob@example.com>");
    EXPECT_EQ(message->to_tag(), "");
    EXPECT_EQ(message->top_via(), "SIP/2.0/TCP 10.1.2.3:7100");
    EXPECT_EQ(message->content_type(), "application/sdp");
    EXPECT_EQ(message->body(), "v=0\r\n");
    EXPECT_EQ(message->head(), head);
    EXPECT_EQ(message->whole(), head + "v=0\r\n");
    EXPECT_EQ(message->value(HeaderId::ms_text_format), "text/plain; charset=UTF-8;ms-body=aGVsbG8=");
    EXPECT_EQ(message->value(HeaderId::contact), "");
    EXPECT_EQ(message->value(HeaderId::other), "");
    ASSERT_EQ(message->lines().size(), 10U);
    EXPECT_EQ(message->lines()[7].id, HeaderId::other);
    EXPECT_EQ(message->name_of(message->lines()[7]), "X-Other");
    EXPECT_EQ(message->value_of(message->lines()[7]), "");
}

TEST(SipMessage, ReadsAResponse) {
    const Parsed message(
        "sip/2.0 486 Busy here, sorry\r\nv: SIP/2.0/UDP h\r\nf: <sip:a@b>;tag=1\r\n"
        "t: sip:c@d;x=y;tag=2\r\ni: x\r\nCSeq: 2147483647 NEWMETHOD\r\nl: 0\r\n\r\n");
    ASSERT_EQ(message.outcome(), "understood");
    EXPECT_FALSE(message->is_request());
    EXPECT_EQ(message->status(), 486U);
    EXPECT_EQ(message->reason(), "Busy here, sorry");
    EXPECT_EQ(message->request_uri(), "");
    EXPECT_EQ(message->method(), Method::other);
    EXPECT_EQ(message->method_text(), "NEWMETHOD");
    EXPECT_EQ(message->cseq(), 2147483647U);
    EXPECT_EQ(message->from_tag(), "1");
    EXPECT_EQ(message->to_tag(), "2");
    EXPECT_EQ(Parsed("SIP/2.0 100 \r\n" + std::string(kFour) + "\r\n")->reason(), "");
}

TEST(SipMessage, ReadsCompactNamesFoldsAndBlanksAroundTheColon) {
    const Parsed message(
        "MESSAGE sip:bob@example.com SIP/2.0\r\n"
        "v: SIP/2.0/TCP\r\n 10.1.2.3:7100\r\n"
        "f: \"A, \\\"L\\\"\" <sip:alice@example.com>;tag=1a;\r\n  epid=01ab23cd45\r\n"
        "T\t:\r\n <sip:bob@example.com>;\r\n\ttag = 9z\r\ni: 5f0c\r\nCSeq : 0004\r\n\tMESSAGE\r\n"
        "c: text/plain\r\nl:   5\r\n\r\nhello");
    ASSERT_EQ(message.outcome(), "understood");
    EXPECT_EQ(message->from_tag(), "1a");
    EXPECT_EQ(message->to(), "<sip:bob@example.com>;\r\n\ttag = 9z");
    EXPECT_EQ(message->to_tag(), "9z");
    EXPECT_EQ(message->cseq(), 4U);
    EXPECT_EQ(message->top_via(), "SIP/2.0/TCP\r\n 10.1.2.3:7100");
    EXPECT_EQ(message->body(), "hello");
}

TEST(SipMessage, TakesMixedLineEnds) {
    const Parsed message("BYE sip:c@d SIP/2.0\nCall-ID: 1\r\nCSeq: 1 BYE\nFrom: a\n b\r\nTo: t\n\nx");
    ASSERT_EQ(message.outcome(), "understood");
    EXPECT_EQ(message->from(), "a\n b");
    EXPECT_EQ(message->body(), "x");
}

TEST(SipMessage, KeepsABodyThatBeginsWithABlankApartFromTheHead) {
    const Parsed message(bye_with("l: 6\r\n", " : a\r\n"));
    ASSERT_EQ(message.outcome(), "understood");
    EXPECT_EQ(message->body(), " : a\r\n");
    EXPECT_EQ(message->lines().size(), 5U);
}

TEST(SipMessage, SkipsLineEndsBeforeAndBytesBehindADatagram) {
    const std::string text = bye_with("l: 2\r\n", "ab");
    const Parsed message("\r\n\n" + text + "\r\n\r\nINVITE");
    ASSERT_EQ(message.outcome(), "understood");
    EXPECT_EQ(message->whole(), text);
    EXPECT_EQ(message->body(), "ab");
    EXPECT_EQ(message->call_id(), "1@a");
}

TEST(SipMessage, TakesTheRestOfTheDatagramForTheBodyWithoutContentLength) {
    EXPECT_EQ(Parsed(bye_with("c: text/plain\r\n", "hello"))->body(), "hello");
    EXPECT_EQ(Parsed(bye_with("")).outcome(), "understood");
}

TEST(SipMessage, ReadsAHeadBeforeItsBodyIsThere) {
    const ExactCopy copy(bye_with("Content-Length: 5\r\n", "he"));
    SipMessageView view;
    EXPECT_FALSE(view.parse(copy.view(), Limits{}));
    ASSERT_TRUE(view.parse_head(copy.view(), Limits{}));
    EXPECT_EQ(view.body(), "");
    EXPECT_EQ(view.value(HeaderId::content_length), "5");
    EXPECT_EQ(view.whole().size() + 2, copy.view().size());
    const ExactCopy bad(bye_with("Content-Length: 5a\r\n"));
    EXPECT_FALSE(view.parse_head(bad.view(), Limits{}));
    EXPECT_EQ(view.whole(), "");
}

TEST(SipMessage, RefusesAHeadWithoutItsEmptyLine) {
    const std::string text = bye_with("");
    for (std::size_t length = text.size() - 2; length > 21; --length) {
        EXPECT_EQ(Parsed(text.substr(0, length)).outcome(), "bad_header") << length;
    }
    EXPECT_EQ(Parsed(text.substr(0, 20)).outcome(), "not_sip");
}

struct Row {
    const char* name;
    std::string text;
    const char* outcome;
};

TEST(SipMessage, TellsWhyItIsNotUnderstood) {
    const std::string four(kFour);
    const std::vector<Row> rows = {
        {"empty", "", "not_sip"},
        {"keep-alive", "\r\n\r\n", "not_sip"},
        {"http", "GET / HTTP/1.1\r\n\r\n", "not_sip"},
        {"headers only", four + "\r\n", "not_sip"},
        {"two blanks", "BYE  sip:c@d SIP/2.0\r\n" + four + "\r\n", "not_sip"},
        {"status 99", "SIP/2.0 099 x\r\n" + four + "\r\n", "not_sip"},
        {"no colon", bye_with("Subject\r\n"), "bad_header"},
        {"no name", bye_with(": x\r\n"), "bad_header"},
        {"blank in name", bye_with("Sub ject: x\r\n"), "bad_header"},
        {"NUL in name", bye_with(std::string("l\0: 5\r\n", 7)), "bad_header"},
        {"fold without header", "BYE sip:c@d SIP/2.0\r\n x: y\r\n" + four + "\r\n", "bad_header"},
        {"colon in the fold", bye_with("Subject\r\n : x\r\n"), "bad_header"},
        {"no call-id", bye("CSeq: 7 BYE\r\nFrom: a\r\nTo: b\r\n"), "missing_header"},
        {"no cseq", bye("Call-ID: 7\r\nFrom: a\r\nTo: b\r\n"), "missing_header"},
        {"no from", bye("Call-ID: 7\r\nCSeq: 7 BYE\r\nTo: b\r\n"), "missing_header"},
        {"no to", bye("Call-ID: 7\r\nCSeq: 7 BYE\r\nFrom: a\r\n"), "missing_header"},
        {"empty call-id", bye("Call-ID: \r\nCSeq: 7 BYE\r\nFrom: a\r\nTo: b\r\n"), "missing_header"},
        {"same call-id twice", bye_with("i:   1@a \r\n"), "understood"},
        {"two call-ids", bye_with("i: 2@a\r\n"), "repeated_header"},
        {"call-ids that differ in case", bye_with("i: 1@A\r\n"), "repeated_header"},
        {"two from", bye_with("f: <sip:a@b>;tag=g\r\n"), "repeated_header"},
        {"two to", bye_with("TO: x\r\n"), "repeated_header"},
        {"two cseq", bye_with("cseq: 8 BYE\r\n"), "repeated_header"},
        {"two content-length", bye_with("l: 0\r\nContent-Length: 1\r\n", "x"), "repeated_header"},
        {"same content-length twice", bye_with("l: 1\r\nContent-Length: 1\r\n", "x"), "understood"},
        {"two content-type", bye_with("c: a/b\r\nContent-Type: a/c\r\n"), "repeated_header"},
        {"two contacts", bye_with("m: <sip:a>\r\nContact: <sip:b>\r\n"), "understood"},
        {"negative length", bye_with("l: -1\r\n"), "bad_content_length"},
        {"signed length", bye_with("l: +5\r\n", "hello"), "bad_content_length"},
        {"two lengths", bye_with("l: 5 5\r\n", "hello"), "bad_content_length"},
        {"list of lengths", bye_with("l: 5,5\r\n", "hello"), "bad_content_length"},
        {"length that wraps", bye_with("l: 4294967328\r\n", "hello"), "bad_content_length"},
        {"empty length", bye_with("l:\r\n"), "bad_content_length"},
        {"length one too many", bye_with("l: 6\r\n", "hello"), "body_truncated"},
        {"length far too many", bye_with("l: 2147483647\r\n", "hello"), "body_truncated"},
    };
    for (const Row& row : rows) {
        const Parsed message(row.text);
        EXPECT_EQ(message.outcome(), row.outcome) << row.name;
        EXPECT_EQ(message.is_empty(), message.outcome() != "understood") << row.name;
    }
}

TEST(SipMessage, WantsANumberAndTheRequestsMethodInCSeq) {
    const auto outcome = [](std::string_view cseq) {
        return Parsed(bye("Call-ID: 1\r\nFrom: a\r\nTo: b\r\nCSeq: " + std::string(cseq) + "\r\n")).outcome();
    };
    for (const auto* cseq : {"0 BYE", "2147483647 BYE", "1\tBYE", "00000000000000000001  \r\n BYE"}) {
        EXPECT_EQ(outcome(cseq), "understood") << cseq;
    }
    for (const auto* cseq : {"1", "BYE", "1BYE", "1 INVITE", "1 bye", "1 BYE x", "-1 BYE", "+1 BYE", "1,BYE",
                             "2147483648 BYE", "4294967297 BYE", "36893488147419103232 BYE", "1 BYE,"}) {
        EXPECT_EQ(outcome(cseq), "bad_cseq") << cseq;
    }
    EXPECT_EQ(Parsed("SIP/2.0 200 OK\r\nCall-ID: 1\r\nFrom: a\r\nTo: b\r\nCSeq: 1 a b\r\n\r\n").outcome(), "bad_cseq");
}

TEST(SipMessage, LimitsTheNumberOfHeaders) {
    Limits limits;
    limits.headers = 6;
    EXPECT_EQ(Parsed(bye_with("a: 1\r\nb: 2\r\n"), limits).outcome(), "understood");
    EXPECT_EQ(Parsed(bye_with("a: 1\r\nb: 2\r\nd: 3\r\n"), limits).outcome(), "too_many_headers");
    std::string many;
    for (std::size_t i = 4; i < SipMessageView::kMaxHeaders; ++i) many += "a: 1\r\n";
    limits.headers = 100000;
    EXPECT_EQ(Parsed(bye_with(many), limits).outcome(), "understood");
    EXPECT_EQ(Parsed(bye_with(many + "a: 1\r\n"), limits).outcome(), "too_many_headers");
}

TEST(SipMessage, RefusesANameLongerThanItsLengthField) {
    Limits limits;
    limits.head_bytes = 100'000;
    EXPECT_EQ(Parsed(bye_with(std::string(65535, 'n') + ": 1\r\n"), limits).outcome(), "understood");
    EXPECT_EQ(Parsed(bye_with(std::string(65536, 'n') + ": 1\r\n"), limits).outcome(), "bad_header");
}

TEST(SipMessage, HoldsTheLimitsOfHeadAndBody) {
    Limits limits;
    limits.body_bytes = 10;
    const std::string ten = bye_with("c: text/plain\r\n", "0123456789");
    limits.head_bytes = ten.size() - 10;
    EXPECT_EQ(Parsed(ten, limits).outcome(), "understood");
    limits.head_bytes -= 1;
    EXPECT_EQ(Parsed(ten, limits).outcome(), "too_large");
    limits.head_bytes += 2;
    EXPECT_EQ(Parsed(bye_with("c: text/plain\r\n", "0123456789x"), limits).outcome(), "too_large");
}

TEST(SipMessage, ForgetsTheMessageBefore) {
    SipMessageView view;
    const std::string first = bye_with("c: a/b\r\nm: <sip:x>\r\nl: 1\r\n", "x");
    const std::string second = bye_with("");
    ASSERT_TRUE(view.parse(first, Limits{}));
    EXPECT_EQ(view.content_type(), "a/b");
    ASSERT_TRUE(view.parse(second, Limits{}));
    EXPECT_EQ(view.content_type(), "");
    EXPECT_EQ(view.value(HeaderId::contact), "");
    EXPECT_EQ(view.lines().size(), 4U);
    EXPECT_EQ(view.body(), "");
}

TEST(SipMessage, ReadsTagsOfTheHeaderOnly) {
    const auto tag = [](std::string_view from) {
        const Parsed message(bye("Call-ID: 1\r\nCSeq: 1 BYE\r\nTo: b\r\nFrom: " + std::string(from) + "\r\n"));
        EXPECT_EQ(message.outcome(), "understood") << from;
        return std::string(message->from_tag());
    };
    EXPECT_EQ(tag("<sip:a@b;tag=uri>"), "");
    EXPECT_EQ(tag("\"x;tag=quoted\" <sip:a@b>"), "");
    EXPECT_EQ(tag("\"x;tag=quoted\" <sip:a@b>;TAG=1"), "1");
    EXPECT_EQ(tag("sip:a@b;tag=2"), "2");
    EXPECT_EQ(tag("Bell, A <sip:a@b>;xtag=0;tagx=0;tag = \"3\" ;tag=4"), "3");
    EXPECT_EQ(tag("<sip:a@b>;x=\"y;tag=no\";tag=5"), "5");
    EXPECT_EQ(tag("\"open <sip:a@b>;tag=6"), "");
    EXPECT_EQ(tag("<sip:a@b>From: <sip:a@b>;tag=7"), "");
}

// How most write an address is read in a way of its own, which must not find anything else.
TEST(SipMessage, ReadsTheTagOfAnyAddressAsItsPartsSay) {
    constexpr std::array<std::string_view, 12> kPieces = {"<",    ">", "\"", ";",      ";tag=", "tag",
                                                          "sip:", " ", "\\", ">;tag=", "x",     "\t="};
    constexpr unsigned kLongest = 5;
    const auto by_parts = [](std::string_view address) {
        const auto parts = parse_name_address(address);
        return parts ? find_parameter(parts->parameters, "tag").value_or(std::string_view{}) : std::string_view{};
    };
    std::size_t tags = 0;
    SipMessageView message;
    for (std::size_t number = 0; number < 12 * 12 * 12 * 12 * 12; ++number) {
        std::string from;
        std::size_t rest = number;
        for (unsigned i = 0; i < kLongest; ++i, rest /= kPieces.size()) from += kPieces.at(rest % kPieces.size());
        const std::string text = bye("Call-ID: 1\r\nCSeq: 1 BYE\r\nTo: b\r\nFrom: " + from + "\r\n");
        if (!message.parse(text, Limits{})) continue;
        ASSERT_EQ(message.from_tag(), by_parts(message.from())) << from;
        tags += message.from_tag().empty() ? 0U : 1U;
    }
    EXPECT_GT(tags, 1000U);
}

}  // namespace
}  // namespace messenger::alg
