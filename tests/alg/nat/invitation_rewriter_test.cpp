// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/nat/invitation_rewriter.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/exact_bytes.h"
#include "tests/support/translations.h"

namespace messenger::alg {
namespace {

using testing::TableTranslation;

TableTranslation usual() {
    TableTranslation table;
    table.host("10.1.2.3", "192.0.2.10").tcp("10.1.2.3:6891", "192.0.2.10:6893");
    table.tcp("10.1.2.3:6892", "192.0.2.10:0");
    return table;
}

std::string rewritten(std::string_view text, bool readable = true) {
    const test::ExactBytes bytes(text);
    EditList edits;
    edits.begin(bytes.text());
    EXPECT_EQ(rewrite_invitation(bytes.text(), usual(), edits), readable);
    EXPECT_FALSE(edits.spoilt());
    std::string out;
    edits.apply(out);
    return out;
}

TEST(InvitationRewriter, ChangesTheListenerAndNothingInternal) {
    EXPECT_EQ(rewritten("Invitation-Command: ACCEPT\r\nRequest-Data: IP-Address:\r\nInvitation-Cookie: 704501\r\n"
                        "ip-address:10.1.2.3\r\nPort:  6891 \r\nPortX: 6891\r\nIP-Address-Internal: 10.1.2.3\r\n"
                        "AuthCookie: 93170562\r\n"),
              "Invitation-Command: ACCEPT\r\nRequest-Data: IP-Address:\r\nInvitation-Cookie: 704501\r\n"
              "ip-address:192.0.2.10\r\nPort:  6893 \r\nPortX: 6891\r\nIP-Address-Internal: 10.1.2.3\r\n"
              "AuthCookie: 93170562\r\n");
}

TEST(InvitationRewriter, ChangesARepeatedListenerEveryTime) {
    EXPECT_EQ(
        rewritten("Invitation-Command: ACCEPT\nIP-Address: 10.1.2.3\nPort: 6891\nIP-Address: 10.1.2.3\nPort: 6891"),
        "Invitation-Command: ACCEPT\nIP-Address: 192.0.2.10\nPort: 6893\nIP-Address: 192.0.2.10\nPort: 6893");
}

TEST(InvitationRewriter, ChangesAnAddressWithoutAPort) {
    EXPECT_EQ(rewritten("Invitation-Command: INVITE\nIP-Address: 10.1.2.3\nSession-Protocol: SM1\n"),
              "Invitation-Command: INVITE\nIP-Address: 192.0.2.10\nSession-Protocol: SM1\n");
}

TEST(InvitationRewriter, LeavesOtherListenersAndRefusedOnes) {
    for (const char* listener : {"10.1.2.3\nPort: 6892", "10.1.2.3\nPort: 6899", "10.1.2.4\nPort: 6891",
                                 "::ffff:10.1.2.3\nPort: 6891", "10.1.2.4"}) {
        const std::string text = std::string("Invitation-Command: ACCEPT\nIP-Address: ") + listener + "\n";
        EXPECT_EQ(rewritten(text), text);
    }
    const std::string no_listener = "Invitation-Command: ACCEPT\nPort: 6891\n";
    EXPECT_EQ(rewritten(no_listener), no_listener);
}

TEST(InvitationRewriter, SaysWhatItCannotRead) {
    for (const char* text : {"IP-Address: 10.1.2.3\nPort: 6891\n", "Invitation-Command: ACCEPT\nIP-Address: here\n",
                             "Invitation-Command: ACCEPT\nPort: 6891\nPort: 6892\nIP-Address: 10.1.2.3\n"}) {
        EXPECT_EQ(rewritten(text, false), text);
    }
}

/// "Invitation-Command: ACCEPT\nIP-Address: 10.1.2.3\nPort: 6891\n", and with the outside listener.
const std::string kInside = "SW52aXRhdGlvbi1Db21tYW5kOiBBQ0NFUFQKSVAtQWRkcmVzczogMTAuMS4yLjMKUG9ydDogNjg5MQo=";
const std::string kOutside = "SW52aXRhdGlvbi1Db21tYW5kOiBBQ0NFUFQKSVAtQWRkcmVzczogMTkyLjAuMi4xMApQb3J0OiA2ODkzCg==";

std::string header_rewritten(std::string_view value, bool readable = true) {
    const test::ExactBytes bytes(value);
    EditList edits;
    edits.begin(bytes.text());
    InvitationHeaderRewriter rewriter;
    EXPECT_EQ(rewriter.rewrite(bytes.text(), usual(), edits), readable);
    EXPECT_FALSE(edits.spoilt());
    std::string out;
    edits.apply(out);
    return out;
}

TEST(InvitationHeaderRewriter, ChangesWhatIsEncoded) {
    const std::string type = "text/x-msmsgsinvite; charset=UTF-8;ms-body=";
    EXPECT_EQ(header_rewritten(type + kInside), type + kOutside);
    EXPECT_EQ(header_rewritten(type + '"' + kInside + "\";x=y"), type + '"' + kOutside + "\";x=y");
}

TEST(InvitationHeaderRewriter, LeavesPaddingAwayWhereItWas) {
    const std::string type = "text/x-msmsgsinvite;ms-body=";
    EXPECT_EQ(header_rewritten(type + kInside.substr(0, kInside.find('='))),
              type + kOutside.substr(0, kOutside.find('=')));
}

TEST(InvitationHeaderRewriter, LeavesOtherTypes) {
    const std::string value = "text/plain;ms-body=" + kInside;
    EXPECT_EQ(header_rewritten(value), value);
    EXPECT_EQ(header_rewritten(""), "");
}

TEST(InvitationHeaderRewriter, KeepsTheHeaderWhereNothingChanges) {
    // IP-Address: 10.1.2.4
    const std::string value =
        "text/x-msmsgsinvite;ms-body=SW52aXRhdGlvbi1Db21tYW5kOiBBQ0NFUFQKSVAtQWRkcmVzczogMTAuMS4yLjQKUG9ydDogNjg5MQo";
    EXPECT_EQ(header_rewritten(value), value);
}

TEST(InvitationHeaderRewriter, SaysWhatItCannotRead) {
    for (const std::string& value :
         {std::string("text/x-msmsgsinvite"), std::string("text/x-msmsgsinvite;ms-body=****"),
          std::string("text/x-msmsgsinvite;ms-body=aGVsbG8="),
          "text/x-msmsgsinvite;ms-body=" + std::string(std::size_t{8} << 10U, 'A')}) {
        EXPECT_EQ(header_rewritten(value, false), value);
    }
}

}  // namespace
}  // namespace messenger::alg
