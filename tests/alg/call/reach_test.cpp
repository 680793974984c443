// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/alg/call/signalling_fixture.h"

namespace messenger::alg {
namespace {

using testing::address;
using testing::endpoint;

const CallbackTable::Key kServer{Transport::udp, endpoint("10.1.2.3", 5060), address("198.51.100.20")};

class ReachTest : public SignallingFixture {
   protected:
    /// A call through the server; it may call back after 25 seconds.
    void establish(const std::string& call_id, const std::string& lines, int now) {
        call_id_ = call_id;
        say(out(), request("INVITE", 1, "") + "\nContact: <sip:a@10.1.2.3>", ours(), now);
        say(in(), response(200, "INVITE", 1) + "\nRecord-Route: <sip:198.51.100.20;lr>" + lines, theirs(), now);
    }
    void hang_up(const std::string& call_id, int cseq, int now) {
        call_id_ = call_id;
        say(out(), request("BYE", cseq), "", now);
    }
    [[nodiscard]] const CallbackTable::Callback* callback() const { return signalling_.callbacks().find(kServer); }
};

// The server of a call may call back until the call ends, however often its end is put off.
TEST_F(ReachTest, LastsAsLongAsTheCall) {
    establish("c1", "\nSession-Expires: 400", 0);
    for (int now = 0; now < 8000; now += 100) {
        if (now % 200 == 0) {
            say(out(), request("UPDATE", now + 2), "", now);
            say(in(), response(200, "UPDATE", now + 2) + "\nSession-Expires: 400", "", now);
        }
        pass_time(now + 50);
        ASSERT_NE(callback(), nullptr) << now;
        ASSERT_GT(callback()->until, at(now + 50)) << now;
    }
    pass_time(8300);
    EXPECT_EQ(callback(), nullptr) << "the session has run out";
}

}  // namespace
}  // namespace messenger::alg
