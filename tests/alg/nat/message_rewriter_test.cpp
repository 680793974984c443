// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/nat/message_rewriter.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/support/allocation_count.h"
#include "tests/support/exact_bytes.h"
#include "tests/support/sip_text.h"
#include "tests/support/translations.h"

namespace messenger::alg {
namespace {

using testing::TableTranslation;
using testing::wire;

/// What became of a message.
struct Outcome {
    std::string text;
    Skipped skipped = Skipped::none;
};

Outcome rewrite(const std::string& text, const Rewrite& what) {
    const test::ExactBytes bytes(text);
    const auto message = std::make_unique<SipMessageView>();
    const auto rewriter = std::make_unique<MessageRewriter>();
    EditList edits;
    const auto parsed = message->parse(bytes.text(), Limits{});
    EXPECT_TRUE(parsed) << (parsed ? "" : name(parsed.error())) << '\n' << text;
    Outcome outcome;
    outcome.skipped = rewriter->rewrite(*message, Limits{}, what, edits);
    EXPECT_FALSE(edits.spoilt());
    edits.apply(outcome.text);
    EXPECT_EQ(outcome.text.size(), message->whole().size() + static_cast<std::size_t>(edits.growth()));
    EXPECT_TRUE(message->parse(outcome.text, Limits{})) << outcome.text;
    EXPECT_EQ(message->whole().size(), outcome.text.size());
    return outcome;
}

TableTranslation usual() {
    TableTranslation table;
    table.host("10.1.2.3", "192.0.2.10");
    table.udp("10.1.2.3:5350", "192.0.2.10:40350").udp("10.1.2.3:5351", "192.0.2.10:40351");
    table.udp("10.1.2.3:5352", "192.0.2.10:40352").udp("10.1.2.3:5353", "192.0.2.10:40353");
    table.tcp("10.1.2.3:7100", "192.0.2.10:7100").tcp("10.1.2.3:1503", "192.0.2.10:1503");
    table.tcp("10.1.2.3:6891", "192.0.2.10:6891").udp("10.1.2.3:5060", "192.0.2.10:40060");
    return table;
}

std::string outbound(const std::string& text, Skipped skipped = Skipped::none) {
    const TableTranslation table = usual();
    const Outcome outcome = rewrite(text, Rewrite{Rewrite::Direction::outbound, table, Transport::tcp, std::nullopt});
    EXPECT_EQ(name(outcome.skipped), name(skipped));
    return outcome.text;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    for (; at != std::string::npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
    return text;
}

constexpr std::string_view kCommon =
    "INVITE sip:bob@example.com SIP/2.0\n"
    "Via: SIP/2.0/TCP 10.1.2.3:7100\n"
    "From: <sip:alice@example.com>;tag=77aa;epid=01ab23cd45\n"
    "To: <sip:bob@example.com>\n"
    "Call-ID: 9d41e0\n"
    "CSeq: 1 INVITE\n"
    "Contact: <sip:alice@example.com:7100;maddr=10.1.2.3;transport=tcp>;proxy=replace\n";

std::string invite(const std::string& headers, const std::string& body) {
    return wire(std::string(kCommon) + headers + "Content-Length: *\n\n" + body);
}

const std::string kSdp = "Content-Type: application/sdp\n";

constexpr std::string_view kOffer =
    "v=0\n"
    "o=- 0 0 IN IP4 10.1.2.3\n"
    "s=session\n"
    "c=IN IP4 10.1.2.3\n"
    "b=CT:1000\n"
    "t=0 0\n"
    "m=audio 5350 RTP/AVP 97 111 112 6 0 8 4 5 3 101\n"
    "k=base64:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo\n"
    "a=rtpmap:97 red/8000\n"
    "a=rtpmap:101 telephone-event/8000\n"
    "a=fmtp:101 0-16\n"
    "a=encryption:optional\n"
    "m=video 5352 RTP/AVP 34 31\n"
    "k=base64:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo\n"
    "a=rtpmap:34 H263/90000\n"
    "a=encryption:optional\n";

std::string moved_offer() {
    std::string offer = replaced(std::string(kOffer), "10.1.2.3", "192.0.2.10");
    offer = replaced(offer, "audio 5350", "audio 40350");
    return replaced(offer, "video 5352", "video 40352");
}

TEST(MessageRewriter, ChangesTheFewestBytesOfAnAudioAndVideoOffer) {
    const std::string text = invite(kSdp, std::string(kOffer));
    EXPECT_NE(text.find("Content-Length: 391"), std::string::npos);
    const std::string out = outbound(text);
    EXPECT_EQ(out, invite(kSdp, moved_offer()));
    EXPECT_NE(out.find("Content-Length: 397"), std::string::npos);
}

TEST(MessageRewriter, MovesTheConnectionOfAnInstantMessageSession) {
    const std::string body =
        "v=0\no=- 0 0 IN IP4 10.1.2.3\ns=session\nc=IN IP4 10.1.2.3\nt=0 0\nm=x-ms-message 5060 sip null\n";
    EXPECT_EQ(outbound(invite(kSdp, body)), invite(kSdp, replaced(body, "10.1.2.3", "192.0.2.10")));
}

TEST(MessageRewriter, MovesApplicationSharing) {
    const std::string body =
        "v=0\no=- 0 0 IN IP4 10.1.2.3\ns=session\nc=IN IP4 10.1.2.3\nt=0 0\n"
        "m=application 1503 tcp msdata\na=sendonly\na=encryption:optional\n";
    const std::string text = invite(kSdp, body);
    EXPECT_NE(text.find("Content-Length: 133"), std::string::npos);
    EXPECT_EQ(outbound(text), invite(kSdp, replaced(body, "10.1.2.3", "192.0.2.10")));
}

TEST(MessageRewriter, MovesTheListenerOfAFileTransfer) {
    const std::string body =
        "Invitation-Command: ACCEPT\nRequest-Data: IP-Address:\nInvitation-Cookie: 704501\n"
        "IP-Address: 10.1.2.3\nPort: 6891\nPortX: 11178\nAuthCookie: 93170562\n";
    const std::string type = "Content-Type: text/x-msmsgsinvite; charset=UTF-8\n";
    const std::string text = invite(type, body);
    EXPECT_NE(text.find("Content-Length: 152"), std::string::npos);
    const std::string out = outbound(text);
    EXPECT_EQ(out, invite(type, replaced(body, "10.1.2.3", "192.0.2.10")));
    EXPECT_NE(out.find("Content-Length: 154"), std::string::npos);
}

TEST(MessageRewriter, MovesAnInvitationInTheHeaderBesideTheSdp) {
    const std::string header = "ms-text-format: text/x-msmsgsinvite; charset=UTF-8;ms-body=";
    const std::string inside = "SW52aXRhdGlvbi1Db21tYW5kOiBBQ0NFUFQKSVAtQWRkcmVzczogMTAuMS4yLjMKUG9ydDogNjg5MQo=";
    const std::string outside = "SW52aXRhdGlvbi1Db21tYW5kOiBBQ0NFUFQKSVAtQWRkcmVzczogMTkyLjAuMi4xMApQb3J0OiA2ODkxCg==";
    EXPECT_EQ(outbound(invite(header + inside + "\n" + kSdp, std::string(kOffer))),
              invite(header + outside + "\n" + kSdp, moved_offer()));
}

/// The two descriptions of section 12 of the protocol notes.
std::string two_dialects(const std::string& address, int fallback, int offer, const std::string& more = {}) {
    const auto port = [](int number) { return std::to_string(number); };
    const std::string session = "v=0\no=- 0 0 IN IP4 " + address + "\ns=session\nc=IN IP4 " + address + "\nt=0 0\n";
    const std::string first = session + "m=audio " + port(fallback) + " RTP/AVP 114 0 8 101\n" +
                              "a=candidate:q8Zk+R/x1 1 Yt0pAA UDP 0.830 " + address + " " + port(fallback) + "\n" +
                              "a=candidate:q8Zk+R/x1 2 Yt0pAA UDP 0.830 " + address + " " + port(fallback + 1) + "\n";
    const std::string second = session + "m=audio " + port(offer) + " RTP/SAVP 114 0 8 101\n" +
                               "a=ice-ufrag:Ab1C\na=ice-pwd:0123456789abcdefghijklmn\n" +
                               "a=candidate:1 1 UDP 2130706431 " + address + " " + port(offer) + " typ host\n" +
                               "a=candidate:1 2 UDP 2130705918 " + address + " " + port(offer + 1) + " typ host\n" +
                               "a=candidate:2 1 TCP-ACT 1684797951 10.1.2.3 50020 typ srflx raddr 10.1.2.3 rport 50020";
    return "--bnd1\nContent-Type: application/sdp\n"
           "Content-Disposition: session; handling=optional; ms-proxy-2007fallback\n" +
           more + "\n" + first +
           "--bnd1\nContent-Type: application/sdp\nContent-Disposition: session; handling=optional\n\n" + second +
           "\n--bnd1--\n";
}

const std::string kAlternative = "Content-Type: multipart/alternative;boundary=\"bnd1\"\n";

TEST(MessageRewriter, MovesBothOffersOfCommunicator2007AndTheirCandidates) {
    TableTranslation table;
    for (const char* const port : {"50010", "50011", "50020", "50021"}) {
        table.udp(std::string("10.1.2.3:") + port, std::string("192.0.2.10:4") + (port + 1));
    }
    const Outcome outcome = rewrite(invite(kAlternative, two_dialects("10.1.2.3", 50010, 50020)),
                                    Rewrite{Rewrite::Direction::outbound, table, Transport::tcp, std::nullopt});
    EXPECT_EQ(outcome.text, invite(kAlternative, two_dialects("192.0.2.10", 40010, 40020)));
    EXPECT_EQ(outcome.skipped, Skipped::none);
}

TEST(MessageRewriter, MovesOneOfTwoParts) {
    TableTranslation table;
    table.udp("10.1.2.3:50020", "192.0.2.10:40020").udp("10.1.2.3:50021", "192.0.2.10:40021");
    const std::string text = invite(kAlternative, two_dialects("10.1.2.3", 50010, 50020));
    const Outcome outcome = rewrite(text, Rewrite{Rewrite::Direction::outbound, table, Transport::tcp, std::nullopt});
    const std::size_t second = outcome.text.find("--bnd1", outcome.text.find("--bnd1\r\n") + 6);
    EXPECT_EQ(outcome.text.substr(0, second).find("192.0.2.10"), std::string::npos);
    EXPECT_NE(outcome.text.find("m=audio 40020 RTP/SAVP", second), std::string::npos);
}

std::string nested(const std::string& offer, const std::string& type = "multipart/mixed;boundary=in",
                   const std::string& length = {}) {
    return "--bnd1\nContent-Type: text/plain\n\n10.1.2.3\n--bnd1\n" + length + "Content-Type: " + type +
           "\n\n--in\nContent-Type: application/sdp\n\n" + offer + "\n--in--\n\n--bnd1--\n";
}

TEST(MessageRewriter, MovesADescriptionInAMultipartInAMultipart) {
    EXPECT_EQ(outbound(invite(kAlternative, nested(std::string(kOffer)))), invite(kAlternative, nested(moved_offer())));
}

TEST(MessageRewriter, CorrectsTheContentLengthOfAPartThatHasOne) {
    const std::string type = "multipart/mixed;boundary=in";
    EXPECT_EQ(outbound(invite(kAlternative, nested(std::string(kOffer), type, "Content-Length:  0460\n"))),
              invite(kAlternative, nested(moved_offer(), type, "Content-Length:  0466\n")));
}

TEST(MessageRewriter, LeavesEncodedBodies) {
    for (const char* headers : {"Content-Type: application/sdp\nContent-Encoding: gzip\n",
                                "Content-Type: multipart/mixed;boundary=b\ne: gzip\n"}) {
        const std::string text = invite(headers, std::string(kOffer));
        EXPECT_EQ(outbound(text, Skipped::encoded), text);
    }
    const std::string other = invite("Content-Type: text/plain\nContent-Encoding: gzip\n", std::string(kOffer));
    EXPECT_EQ(outbound(other), other);
    const std::string part = "--bnd1\nContent-Transfer-Encoding: base64\nContent-Type: application/sdp\n\n" +
                             std::string(kOffer) + "\n--bnd1--\n";
    EXPECT_EQ(outbound(invite(kAlternative, part), Skipped::encoded), invite(kAlternative, part));
}

TEST(MessageRewriter, LeavesSmime) {
    const std::string outer = "Content-Type: multipart/signed;boundary=in\n";
    const std::string body = "--in\nContent-Type: application/sdp\n\n" + std::string(kOffer) + "\n--in--\n";
    EXPECT_EQ(outbound(invite(outer, body), Skipped::signed_body), invite(outer, body));
    const std::string inner = nested(std::string(kOffer), "multipart/signed;boundary=in");
    EXPECT_EQ(outbound(invite(kAlternative, inner), Skipped::signed_body), invite(kAlternative, inner));
    const std::string enveloped = "Content-Type: application/pkcs7-mime\n";
    EXPECT_EQ(outbound(invite(enveloped, "x\n"), Skipped::signed_body), invite(enveloped, "x\n"));
}

TEST(MessageRewriter, LeavesBodyAndContactThatAnIdentityHeaderSigns) {
    const std::string signed_headers =
        "Contact: <sip:10.1.2.3:5060;transport=udp>\nIdentity: "
        "\"ZYNBbHC00VMZr2kZt6VmCvPonWJMGvQTBDqghoWeLxJfzB2a1pxAr3VgrB0SsSAa\"\n"
        "Identity-Info: <https://atlanta.example.com/atlanta.cer>;alg=rsa-sha1\n" +
        kSdp;
    const std::string text = invite(signed_headers, std::string(kOffer));
    EXPECT_EQ(outbound(text, Skipped::signed_body), text);
    const std::string compact = invite(replaced(signed_headers, "Identity: ", "y: "), std::string(kOffer));
    EXPECT_EQ(outbound(compact, Skipped::signed_body), compact);
}

TEST(MessageRewriter, ChangesWhatAPassportDoesNotSign) {
    const std::string headers =
        "Identity: eyJhbGciOi.eyJkZXN0Ijp7.Q4iSVcb1;info=<https://cert.example.org/passport.cer>;alg=ES256\n" + kSdp;
    EXPECT_EQ(outbound(invite(headers, std::string(kOffer))), invite(headers, moved_offer()));
}

TEST(MessageRewriter, LeavesOtherBodies) {
    for (const char* type : {"Content-Type: text/plain\n", "", "Content-Type: nonsense\n"}) {
        const std::string text = invite(type, std::string(kOffer));
        EXPECT_EQ(outbound(text), text);
    }
}

TEST(MessageRewriter, SaysWhichBodiesItCannotRead) {
    const std::string sdp = invite(kSdp, "v=0\nc=IN IP4 10.1.2.3\nm=audio\n");
    EXPECT_EQ(outbound(sdp, Skipped::unreadable), sdp);
    const std::string parts = invite("Content-Type: multipart/mixed\n", std::string(kOffer));
    EXPECT_EQ(outbound(parts, Skipped::unreadable), parts);
    const std::string invitation = invite("Content-Type: text/x-msmsgsinvite\n", "IP-Address: 10.1.2.3\n");
    EXPECT_EQ(outbound(invitation, Skipped::unreadable), invitation);
    const std::string header = invite("ms-text-format: text/x-msmsgsinvite;ms-body=****\n", "");
    EXPECT_EQ(outbound(header, Skipped::unreadable), header);
}

TEST(MessageRewriter, EditsTheHeadAloneWhenTheBodyNeedsTooManyEdits) {
    std::string body = "v=0\nc=IN IP4 10.1.2.3\nm=audio 5350 RTP/AVP 0\n";
    for (std::size_t i = 0; i < EditList::kMaxEdits; ++i) {
        body += "a=candidate:1 1 UDP 2130706431 10.1.2.3 5350 typ host\n";
    }
    const std::string contact = "Contact: <sip:10.1.2.3:5060;transport=udp>\n";
    EXPECT_EQ(outbound(invite(contact + kSdp, body), Skipped::too_many),
              invite(replaced(contact, "10.1.2.3:5060", "192.0.2.10:40060") + kSdp, body));
}

TEST(MessageRewriter, EditsNothingWhenTheHeadNeedsTooManyEdits) {
    std::string contact = "Contact: <sip:10.1.2.3:5060;transport=udp>";
    for (std::size_t i = 0; i < EditList::kMaxEdits; ++i) contact += ",<sip:10.1.2.3:5060;transport=udp>";
    const std::string text = invite(contact + "\n" + kSdp, std::string(kOffer));
    EXPECT_EQ(outbound(text, Skipped::too_many), text);
}

TEST(MessageRewriter, AddsNoContentLength) {
    const std::string text = wire(std::string(kCommon) + kSdp + "\n" + std::string(kOffer));
    EXPECT_EQ(outbound(text), wire(std::string(kCommon) + kSdp + "\n" + moved_offer()));
}

TEST(MessageRewriter, LeavesTheContactThatTheServerReplaces) {
    const std::string text = invite("", "");
    EXPECT_EQ(outbound(text), text);
}

std::string with_via_port(const std::string& text, Rewrite::Direction direction, std::uint16_t port) {
    const TableTranslation none;
    return rewrite(text, Rewrite{direction, none, Transport::udp, port}).text;
}

TEST(MessageRewriter, ChangesViaOfARequestOnTheWayOutAndOfItsResponseOnTheWayIn) {
    const std::string request = invite("", "");
    const std::string response = replaced(request, "INVITE sip:bob@example.com SIP/2.0", "SIP/2.0 200 OK");
    EXPECT_EQ(with_via_port(request, Rewrite::Direction::outbound, 40060),
              replaced(request, "SIP/2.0/TCP 10.1.2.3:7100", "SIP/2.0/TCP 10.1.2.3:40060"));
    EXPECT_EQ(with_via_port(response, Rewrite::Direction::inbound, 40060),
              replaced(response, "SIP/2.0/TCP 10.1.2.3:7100", "SIP/2.0/TCP 10.1.2.3:40060"));
    EXPECT_EQ(with_via_port(request, Rewrite::Direction::inbound, 40060), request);
    EXPECT_EQ(with_via_port(response, Rewrite::Direction::outbound, 40060), response);
}

TEST(MessageRewriter, TurnsTheRequestUriBackOnTheWayIn) {
    const std::string text = replaced(invite(kSdp, "v=0\nc=IN IP4 192.0.2.10\nm=audio 40350 RTP/AVP 0\n"),
                                      "sip:bob@example.com SIP", "sip:bob@192.0.2.10:40100 SIP");
    TableTranslation table;
    table.tcp("192.0.2.10:40100", "10.1.2.4:7100").udp("192.0.2.10:40350", "10.1.2.3:5350");
    const std::string in =
        rewrite(text, Rewrite{Rewrite::Direction::inbound, table, Transport::tcp, std::nullopt}).text;
    EXPECT_EQ(in, replaced(invite(kSdp, "v=0\nc=IN IP4 10.1.2.3\nm=audio 5350 RTP/AVP 0\n"), "sip:bob@example.com SIP",
                           "sip:bob@10.1.2.4:7100 SIP"));
}

TEST(MessageRewriter, EditsAHeadBeforeItsBodyIsThere) {
    const std::string whole = invite("Contact: <sip:10.1.2.3:5060;transport=udp>\n" + kSdp, std::string(kOffer));
    const test::ExactBytes bytes(std::string_view(whole).substr(0, whole.find("v=0")));
    SipMessageView head;
    ASSERT_TRUE(head.parse_head(bytes.text(), Limits{}));
    const TableTranslation table = usual();
    MessageRewriter rewriter;
    EditList edits;
    EXPECT_EQ(rewriter.rewrite_head(head, Rewrite{Rewrite::Direction::outbound, table, Transport::tcp, {}}, edits),
              Skipped::none);
    std::string out;
    edits.apply(out);
    EXPECT_EQ(out, replaced(std::string(bytes.text()), "10.1.2.3:5060;", "192.0.2.10:40060;"));
}

TEST(MessageRewriter, KnowsWhichBodiesMayCarryAddresses) {
    for (const char* type : {"application/sdp", "Application/SDP;charset=utf-8", "multipart/alternative;boundary=b",
                             "text/x-msmsgsinvite; charset=UTF-8"}) {
        EXPECT_TRUE(body_may_carry_addresses(type, "")) << type;
        EXPECT_FALSE(body_may_carry_addresses(type, "gzip")) << type;
    }
    for (const char* type : {"text/plain", "", "application/pidf+xml", "multipart/signed;boundary=b", "nonsense"}) {
        EXPECT_FALSE(body_may_carry_addresses(type, "")) << type;
    }
}

TEST(MessageRewriter, TakesNoHeapOnceItIsWarm) {
    const TableTranslation table = usual();
    const Rewrite what{Rewrite::Direction::outbound, table, Transport::tcp, std::nullopt};
    const std::string header =
        "ms-text-format: text/x-msmsgsinvite; charset=UTF-8;ms-body="
        "SW52aXRhdGlvbi1Db21tYW5kOiBBQ0NFUFQKSVAtQWRkcmVzczogMTAuMS4yLjMKUG9ydDogNjg5MQo=\n";
    const std::string text = invite(header + kAlternative, nested(std::string(kOffer)));
    SipMessageView message;
    ASSERT_TRUE(message.parse(text, Limits{}));
    MessageRewriter rewriter;
    EditList edits;
    (void)rewriter.rewrite(message, Limits{}, what, edits);
    const std::size_t before = test::allocation_count();
    (void)rewriter.rewrite(message, Limits{}, what, edits);
    EXPECT_EQ(test::allocation_count(), before);
    EXPECT_GT(edits.size(), 5U);
}

}  // namespace
}  // namespace messenger::alg
