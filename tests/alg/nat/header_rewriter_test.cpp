// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/nat/header_rewriter.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/exact_bytes.h"
#include "tests/support/translations.h"

namespace messenger::alg {
namespace {

using testing::TableTranslation;

const std::string kFour = "Call-ID: 1@10.1.2.3\r\nCSeq: 7 INVITE\r\nFrom: <sip:a@10.1.2.3>;tag=f\r\nTo: <sip:c@d>\r\n";

/// The header lines as a rewriter leaves them.
template <class Rewrite>
std::string rewritten(const std::string& lines, Rewrite&& rewrite, const std::string& uri = "sip:c@d") {
    const std::string start = "INVITE " + uri + " SIP/2.0\r\n" + kFour;
    const test::ExactBytes bytes(start + lines + "\r\n");
    SipMessageView message;
    EXPECT_TRUE(message.parse_head(bytes.text(), Limits{}));
    EditList edits;
    edits.begin(message.whole());
    rewrite(message, edits);
    EXPECT_FALSE(edits.spoilt());
    std::string out;
    edits.apply(out);
    SipMessageView again;
    EXPECT_TRUE(again.parse_head(out, Limits{})) << out;
    const std::size_t four = out.find(kFour);
    if (four == std::string::npos) return "other headers changed";
    if (uri != "sip:c@d") return std::string(again.request_uri());
    return out.substr(four + kFour.size(), out.size() - four - kFour.size() - 2);
}

TableTranslation usual() {
    TableTranslation table;
    table.tcp("10.1.2.3:7100", "192.0.2.10:40100").tcp("10.1.2.3:5061", "192.0.2.10:5061");
    table.tcp("10.1.2.3:5060", "192.0.2.10:5060");
    table.udp("10.1.2.3:5060", "192.0.2.10:40060").udp("10.1.2.3:5062", "192.0.2.10:5060");
    return table;
}

std::string contact(const std::string& value, Transport transport = Transport::udp) {
    const TableTranslation table = usual();
    const std::string lines = rewritten(
        "Contact: " + value + "\r\n",
        [&](const SipMessageView& message, EditList& edits) { rewrite_contacts(message, table, transport, edits); });
    return lines.substr(9, lines.size() - 11);
}

TEST(HeaderRewriter, ChangesMaddrAndPortButNotADomain) {
    EXPECT_EQ(contact("<sip:alice@example.com:7100;maddr=10.1.2.3;transport=tcp>"),
              "<sip:alice@example.com:40100;maddr=192.0.2.10;transport=tcp>");
    EXPECT_EQ(contact("<sip:alice@example.com;maddr=\"10.1.2.3\";x=y>;q=1"),
              "<sip:alice@example.com:40060;maddr=\"192.0.2.10\";x=y>;q=1");
    EXPECT_EQ(contact("<sip:alice@10.1.2.3:7100;transport=tcp;maddr=10.1.2.3>"),
              "<sip:alice@192.0.2.10:40100;transport=tcp;maddr=192.0.2.10>");
    EXPECT_EQ(contact("<sip:alice@10.9.9.9:7100;transport=tcp;maddr=10.1.2.3>"),
              "<sip:alice@10.9.9.9:40100;transport=tcp;maddr=192.0.2.10>");
}

TEST(HeaderRewriter, ChangesHostAndPort) {
    EXPECT_EQ(contact("\"A, <L\" <sip:alice@10.1.2.3:5060>;expires=3600"),
              "\"A, <L\" <sip:alice@192.0.2.10:40060>;expires=3600");
    EXPECT_EQ(contact("sip:alice@10.1.2.3:5060;transport=tcp"), "sip:alice@192.0.2.10:40060;transport=tcp");
    EXPECT_EQ(contact("<sip:10.1.2.3>"), "<sip:192.0.2.10:40060>");
}

TEST(HeaderRewriter, WritesAPortOnlyWhereItIsNotTheUsualOne) {
    EXPECT_EQ(contact("<sip:10.1.2.3>", Transport::tcp), "<sip:192.0.2.10>");
    EXPECT_EQ(contact("<sip:10.1.2.3:5060>", Transport::tcp), "<sip:192.0.2.10:5060>");
    EXPECT_EQ(contact("<sip:10.1.2.3:5062>"), "<sip:192.0.2.10:5060>");
}

TEST(HeaderRewriter, TakesTheTransportFromTheUriAndElseFromTheFlow) {
    EXPECT_EQ(contact("<sip:10.1.2.3:7100;transport=\"TCP\">"), "<sip:192.0.2.10:40100;transport=\"TCP\">");
    EXPECT_EQ(contact("<sip:10.1.2.3:7100>", Transport::tcp), "<sip:192.0.2.10:40100>");
    EXPECT_EQ(contact("<sip:10.1.2.3:7100>", Transport::udp), "<sip:10.1.2.3:7100>");
    EXPECT_EQ(contact("<sip:10.1.2.3:5060;transport=udp>", Transport::tcp), "<sip:192.0.2.10:40060;transport=udp>");
    EXPECT_EQ(contact("<sip:10.1.2.3;transport=tls>"), "<sip:192.0.2.10;transport=tls>");
    EXPECT_EQ(contact("<sips:10.1.2.3>"), "<sips:192.0.2.10>");
    EXPECT_EQ(contact("<sip:10.1.2.3:7100;transport=ws>", Transport::tcp), "<sip:10.1.2.3:7100;transport=ws>");
    EXPECT_EQ(contact("<sips:10.1.2.3:5060;transport=udp>"), "<sips:10.1.2.3:5060;transport=udp>");
}

TEST(HeaderRewriter, LeavesContactsThatAreNotItsBusiness) {
    for (const char* value :
         {"<sip:alice@example.com:7100;maddr=10.1.2.3;transport=tcp>;proxy=replace",
          "<sip:10.1.2.3:7100;transport=tcp>;Proxy=\"Replace\"", "*", "<sip:alice@pc.example.com:7100;transport=tcp>",
          "<sip:alice@10.1.2.3:7100;maddr=pc.example.com;transport=tcp>", "<sip:alice@d;opaque=user:epid:X;gruu>",
          "<tel:+1>", "<sip:10.1.2.4:7100;transport=tcp>", "<sip:[::ffff:10.1.2.3]:7100;transport=tcp>", "\"broken"}) {
        EXPECT_EQ(contact(value), value);
    }
}

TEST(HeaderRewriter, ChangesEveryValueOfEveryContact) {
    const TableTranslation table = usual();
    EXPECT_EQ(
        rewritten("Contact: <sip:a@10.1.2.3>, \"b,\" <sip:b@10.1.2.3:5062>\r\nm:<sip:c@10.1.2.3>,\r\n <sip:d@e>\r\n",
                  [&](const SipMessageView& message, EditList& edits) {
                      rewrite_contacts(message, table, Transport::udp, edits);
                  }),
        "Contact: <sip:a@192.0.2.10:40060>, \"b,\" <sip:b@192.0.2.10:5060>\r\n"
        "m:<sip:c@192.0.2.10:40060>,\r\n <sip:d@e>\r\n");
}

TEST(HeaderRewriter, NeverPutsAZeroPortIntoAContact) {
    const TableTranslation table = TableTranslation().udp("10.1.2.3:5060", "192.0.2.10:0");
    EXPECT_EQ(rewritten("Contact: <sip:10.1.2.3>\r\n",
                        [&](const SipMessageView& message, EditList& edits) {
                            rewrite_contacts(message, table, Transport::udp, edits);
                        }),
              "Contact: <sip:10.1.2.3>\r\n");
}

TEST(HeaderRewriter, TurnsTheRequestUriBack) {
    const TableTranslation table = TableTranslation().tcp("192.0.2.10:1624", "10.1.2.3:7100");
    const auto turned = [&](const std::string& uri) {
        return rewritten(
            "",
            [&](const SipMessageView& message, EditList& edits) {
                rewrite_request_uri(message, table, Transport::tcp, edits);
            },
            uri);
    };
    EXPECT_EQ(turned("sip:192.0.2.10:1624;transport=tcp;ms-received-cid=12c00"),
              "sip:10.1.2.3:7100;transport=tcp;ms-received-cid=12c00");
    EXPECT_EQ(turned("sip:bob@192.0.2.10:1624"), "sip:bob@10.1.2.3:7100");
    EXPECT_EQ(turned("sip:bob@192.0.2.10:1625"), "sip:bob@192.0.2.10:1625");
    EXPECT_EQ(turned("sip:bob@example.com:1624"), "sip:bob@example.com:1624");
}

TEST(HeaderRewriter, ChangesWhereATransferGoes) {
    const TableTranslation table = usual();
    const auto refer_to = [&](const std::string& header) {
        const std::string lines = rewritten(header + "\r\n", [&](const SipMessageView& message, EditList& edits) {
            rewrite_refer_to(message, table, Transport::udp, edits);
        });
        return lines.substr(0, lines.size() - 2);
    };
    EXPECT_EQ(refer_to("Refer-To: <sip:c@10.1.2.3:5062?Replaces=1%4010.1.2.3%3Bto-tag%3Dx>"),
              "Refer-To: <sip:c@192.0.2.10:5060?Replaces=1%4010.1.2.3%3Bto-tag%3Dx>");
    EXPECT_EQ(refer_to("r: <sip:c@10.1.2.3:7100;transport=tcp>;x=10.1.2.3"),
              "r: <sip:c@192.0.2.10:40100;transport=tcp>;x=10.1.2.3");
    EXPECT_EQ(refer_to("Refer-To: sip:c@10.1.2.3"), "Refer-To: sip:c@192.0.2.10:40060");
    for (const char* header : {"Refer-To: <sip:c@example.com>", "Refer-To: <tel:+1>", "Refer-To: <sip:c@10.1.2.9>",
                               "Referred-By: <sip:c@10.1.2.3:5062>", "Refer-To:"}) {
        EXPECT_EQ(refer_to(header), header);
    }
}

std::string via(const std::string& value, std::uint16_t port) {
    const std::string lines =
        rewritten("v: " + value + "\r\nVia: SIP/2.0/UDP 10.1.2.3:1\r\n",
                  [&](const SipMessageView& message, EditList& edits) { rewrite_via_port(message, port, edits); });
    const std::string second = "\r\nVia: SIP/2.0/UDP 10.1.2.3:1\r\n";
    EXPECT_TRUE(lines.ends_with(second));
    return lines.substr(3, lines.size() - 3 - second.size());
}

TEST(HeaderRewriter, ChangesThePortOfTheTopViaAlone) {
    EXPECT_EQ(via("SIP/2.0/UDP 10.1.2.3:5060;branch=z, SIP/2.0/UDP 10.1.2.3:5060", 40060),
              "SIP/2.0/UDP 10.1.2.3:40060;branch=z, SIP/2.0/UDP 10.1.2.3:5060");
    EXPECT_EQ(via("SIP / 2.0 / UDP 10.1.2.3 : 5060 ;branch=z", 40060), "SIP / 2.0 / UDP 10.1.2.3 : 40060 ;branch=z");
    EXPECT_EQ(via("SIP/2.0/UDP 10.1.2.3;branch=z", 40060), "SIP/2.0/UDP 10.1.2.3:40060;branch=z");
    EXPECT_EQ(via("SIP/2.0/UDP 10.1.2.3:40060;branch=z", 0), "SIP/2.0/UDP 10.1.2.3;branch=z");
    EXPECT_EQ(via("SIP/2.0/UDP 10.1.2.3;branch=z", 0), "SIP/2.0/UDP 10.1.2.3;branch=z");
    EXPECT_EQ(via("SIP/2.0/UDP 10.1.2.3:40060", 40060), "SIP/2.0/UDP 10.1.2.3:40060");
    EXPECT_EQ(via("nonsense", 40060), "nonsense");
}

std::string content_length(const std::string& lines, std::ptrdiff_t growth) {
    return rewritten(
        lines, [&](const SipMessageView& message, EditList& edits) { rewrite_content_length(message, growth, edits); });
}

TEST(HeaderRewriter, AddsToContentLengthAndKeepsItsForm) {
    EXPECT_EQ(content_length("Content-Length: 391\r\n", 6), "Content-Length: 397\r\n");
    EXPECT_EQ(content_length("l   :   391  \r\n", 6), "l   :   397  \r\n");
    EXPECT_EQ(content_length("content-length:\r\n 99\r\n", 2), "content-length:\r\n 101\r\n");
    EXPECT_EQ(content_length("Content-Length: 00099\r\n", 2), "Content-Length: 00101\r\n");
    EXPECT_EQ(content_length("Content-Length: 00101\r\n", -2), "Content-Length: 00099\r\n");
    EXPECT_EQ(content_length("Content-Length: 0000000000000000101\r\n", -2), "Content-Length: 0000000000000000099\r\n");
    EXPECT_EQ(content_length("Content-Length: 09\r\n", 100), "Content-Length: 109\r\n");
    EXPECT_EQ(content_length("Content-Length: 9\r\nl: 9\r\n", 1), "Content-Length: 10\r\nl: 10\r\n");
}

TEST(HeaderRewriter, AddsNoContentLengthAndNoImpossibleOne) {
    EXPECT_EQ(content_length("Content-Type: application/sdp\r\n", 6), "Content-Type: application/sdp\r\n");
    EXPECT_EQ(content_length("Content-Length: 5\r\n", -6), "Content-Length: 5\r\n");
    EXPECT_EQ(content_length("Content-Length: 2147483647\r\n", 1), "Content-Length: 2147483647\r\n");
}

}  // namespace
}  // namespace messenger::alg
