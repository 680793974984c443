// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/trial/sip_text.h"

#include <gtest/gtest.h>

#include "alg/sip/message.h"
#include "tests/support/packet_builder.h"

namespace messenger::daemon {
namespace {

using testing::endpoint;

const SipParty kCaller{endpoint("10.1.2.3", 5060), alg::Transport::udp, "inside", "a"};
const SipParty kCallee{endpoint("203.0.113.9", 5060), alg::Transport::udp, "server", "b"};

TEST(SipText, WhatItWritesIsSipForTheGateway) {
    const SipRequest request{"INVITE", "sip:server@203.0.113.9", "c1", "", 1, write_sdp(endpoint("10.1.2.3", 40000)),
                             ""};
    const std::string invite = write_request(kCaller, kCallee, request);
    const std::string answer = write_response(invite, 200, kCallee, write_sdp(endpoint("203.0.113.9", 50000)));
    for (const std::string& text : {invite, answer}) {
        EXPECT_EQ(message_length(text), text.size());
        EXPECT_EQ(message_length(text + text), text.size());
        EXPECT_EQ(message_length(text.substr(0, text.size() - 1)), 0U);
        EXPECT_EQ(header_of(text, "Call-ID"), "c1");
        EXPECT_EQ(header_of(text, "Content-Type"), "application/sdp");
    }
    EXPECT_EQ(header_of(answer, "To"), "<sip:server@trial.invalid>;tag=b");
    EXPECT_EQ(header_of(answer, "Via"), header_of(invite, "Via"));
    EXPECT_EQ(media_port_of(invite), 40000);
    EXPECT_EQ(contact_of(invite), "sip:inside@10.1.2.3:5060");
    EXPECT_NE(write_request(kCaller, kCallee, request), invite) << "a branch of its own for each";
}

TEST(SipText, ARegistrarKeepsTheContactAsItCame) {
    const std::string text = write_request(kCaller, kCaller, {"REGISTER", "sip:203.0.113.9", "c2", "", 1, "", ""});
    EXPECT_EQ(header_of(write_response(text, 200, kCallee, ""), "Contact"), "<sip:inside@10.1.2.3:5060>;expires=600");
}

TEST(SipText, WhatIsNotThereIsEmpty) {
    EXPECT_EQ(header_of("", "To"), "");
    EXPECT_EQ(header_of("INVITE x SIP/2.0\r\n\r\nTo: body\r\n", "To"), "");
    EXPECT_EQ(contact_of("SIP/2.0 200 OK\r\nContact: >x<\r\n\r\n"), "");
    EXPECT_EQ(media_port_of("m=audio 1"), 0);
    EXPECT_EQ(message_length("\r\n"), 0U);
}

}  // namespace
}  // namespace messenger::daemon
