// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/sdp/invitation.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/exact_bytes.h"

namespace messenger::alg {
namespace {

constexpr std::string_view kInvite =
    "Application-Name: File Transfer\r\n"
    "Application-GUID: {5D3E02AB-6190-11d3-BBBB-00C04F795683}\r\n"
    "Invitation-Command: INVITE\r\n"
    "Invitation-Cookie: 704501\r\n"
    "Application-File: plan: final.doc\r\n"
    "Application-FileSize: 48128\r\n"
    "Connectivity: N\r\n"
    "Encryption: R\r\n";

constexpr std::string_view kAccept =
    "\r\n"
    "Invitation-Command: ACCEPT\r\n"
    "Request-Data: IP-Address:\r\n"
    "Invitation-Cookie: 704501\r\n"
    "IP-Address: 10.1.2.3\r\n"
    "IP-Address-Internal: 192.168.0.9\r\n"
    "Port: 6891\r\n"
    "PortX: 11178\r\n"
    "AuthCookie: 93170562\r\n"
    "Sender-Connect: TRUE\r\n"
    "\r\n";

std::string outcome(std::string_view text) {
    const test::ExactBytes bytes(text);
    const auto view = parse_invitation(bytes.text());
    return view ? "ok" : std::string(name(view.error()));
}

TEST(Invitation, ReadsAnOfferOfAFile) {
    const test::ExactBytes bytes(kInvite);
    const auto view = parse_invitation(bytes.text());
    ASSERT_TRUE(view);
    EXPECT_EQ(view->command, InvitationCommand::invite);
    EXPECT_EQ(view->cookie, "704501");
    EXPECT_EQ(view->application_name, "File Transfer");
    EXPECT_TRUE(view->is_file_transfer());
    EXPECT_TRUE(view->cannot_listen);
    EXPECT_FALSE(view->sender_connect);
    EXPECT_FALSE(view->address);
    EXPECT_FALSE(view->port);
    EXPECT_FALSE(view->internal_address);
    EXPECT_FALSE(view->internal_port);
}

TEST(Invitation, ReadsAddressesAndPortsAndWhereTheyStand) {
    const test::ExactBytes bytes(kAccept);
    const auto view = parse_invitation(bytes.text());
    ASSERT_TRUE(view);
    EXPECT_EQ(view->command, InvitationCommand::accept);
    EXPECT_FALSE(view->is_file_transfer());
    EXPECT_TRUE(view->sender_connect);
    EXPECT_FALSE(view->cannot_listen);
    ASSERT_TRUE(view->address && view->port && view->internal_address && view->internal_port);
    EXPECT_EQ(view->address->address.to_string(), "10.1.2.3");
    EXPECT_EQ(view->internal_address->address.to_string(), "192.168.0.9");
    EXPECT_EQ(view->port->port, 6891);
    EXPECT_EQ(view->internal_port->port, 11178);

    const auto offset = [&](std::string_view part) {
        return static_cast<std::size_t>(part.data() - bytes.text().data());
    };
    EXPECT_EQ(offset(view->address->text), kAccept.find("10.1.2.3"));
    EXPECT_EQ(offset(view->internal_address->text), kAccept.find("192.168.0.9"));
    EXPECT_EQ(offset(view->port->text), kAccept.find("6891"));
    EXPECT_EQ(offset(view->internal_port->text), kAccept.find("11178"));
}

TEST(Invitation, ReadsACancellation) {
    const test::ExactBytes bytes("Invitation-Command: CANCEL\nInvitation-Cookie: 1\nCancel-Code: REJECT_NOT_INSTALLED");
    const auto view = parse_invitation(bytes.text());
    ASSERT_TRUE(view);
    EXPECT_EQ(view->command, InvitationCommand::cancel);
    EXPECT_EQ(view->cancel_code, "REJECT_NOT_INSTALLED");
}

TEST(Invitation, ComparesNamesAndTheGuidInAnyCase) {
    const test::ExactBytes bytes(
        "INVITATION-COMMAND:invite\r\napplication-guid:{5d3e02ab-6190-11D3-bbbb-00c04f795683}\r\n");
    const auto view = parse_invitation(bytes.text());
    ASSERT_TRUE(view);
    EXPECT_EQ(view->command, InvitationCommand::invite);
    EXPECT_TRUE(view->is_file_transfer());
}

TEST(Invitation, KnowsOtherCommandsAndApplicationsFromFileTransfer) {
    const test::ExactBytes bytes(
        "Invitation-Command: SUSPEND\r\nApplication-GUID: {F1B1920C-6A3C-4ce7-B18C-AFAB305FD03D}\r\n");
    const auto view = parse_invitation(bytes.text());
    ASSERT_TRUE(view);
    EXPECT_EQ(view->command, InvitationCommand::other);
    EXPECT_FALSE(view->is_file_transfer());
}

TEST(Invitation, TakesAFieldWithoutValueForAbsent) {
    const test::ExactBytes bytes(
        "Invitation-Command: ACCEPT\r\nIP-Address:\r\nPort: \r\nPortX:\r\nIP-Address-Internal:\r\n");
    const auto view = parse_invitation(bytes.text());
    ASSERT_TRUE(view);
    EXPECT_FALSE(view->address);
    EXPECT_FALSE(view->port);
}

TEST(Invitation, RefusesAddressesAndPortsThatCannotBeRead) {
    for (const std::string_view line :
         {"IP-Address: 10.1.2", "IP-Address: pc.example.com", "IP-Address: 10.1.2.3 10.1.2.4", "IP-Address-Internal: x",
          "Port: 0", "Port: 65536", "Port: -1", "Port: 6891x", "PortX: x"}) {
        EXPECT_EQ(outcome("Invitation-Command: ACCEPT\r\n" + std::string(line) + "\r\n"), "bad_invitation") << line;
    }
}

TEST(Invitation, RefusesAFieldWithTwoValues) {
    const std::string accept = "Invitation-Command: ACCEPT\r\nIP-Address: 10.1.2.3\r\nPort: 6891\r\n";
    EXPECT_EQ(outcome(accept + "IP-Address: 10.1.2.3\r\nX: 1\r\nX: 2\r\n"), "ok");
    EXPECT_EQ(outcome(accept + "IP-Address: 10.1.2.4\r\n"), "bad_invitation");
    EXPECT_EQ(outcome(accept + "port: 6892\r\n"), "bad_invitation");
    EXPECT_EQ(outcome(accept + "Invitation-Command: INVITE\r\n"), "bad_invitation");
}

TEST(Invitation, RefusesWhatIsNoInvitation) {
    for (const std::string_view text :
         {"", "\r\n", "hello", "Application-Name: x\r\n", "Invitation-Command:\r\n",
          "Invitation-Command: INVITE\r\nno colon\r\n", "Invitation-Command: INVITE\r\n: x\r\n",
          "Invitation-Command: INVITE\r\nIP-Address : 10.1.2.3\r\n", "Invitation-Command: INVITE\r\n\tfolded: x\r\n",
          "Invitation-Command: INVITE\r\n\r\nIP-Address: 10.1.2.3\r\n", "Invitation-Command: INVITE\r\nn\xc3: x\r\n"}) {
        EXPECT_EQ(outcome(text), "bad_invitation") << text;
    }
}

}  // namespace
}  // namespace messenger::alg
