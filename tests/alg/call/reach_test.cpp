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

// An answer without a tag makes the INVITE itself the dialog, and another answer makes one more of it.
TEST_F(ReachTest, ADialogThatIsMadeOfAnotherHoldsNothingYet) {
    establish("c1", "", 0);
    hang_up("c1", 2, 1);
    say(out(), request("INVITE", 3, "") + "\nContact: <sip:a@10.1.2.3>", ours(), 40);
    std::string untagged = response(200, "INVITE", 3);
    say(in(), untagged.replace(untagged.find(";tag=b"), 6, ""), theirs(), 40);
    pass_time(70);
    ASSERT_NE(callback(), nullptr);
    say(in(), response(200, "INVITE", 3, "b2"), theirs(), 71);
    say(out(), request("BYE", 4, ";tag=b2"), "", 72);
    EXPECT_NE(callback(), nullptr) << "the other dialog has it";
}

}  // namespace
}  // namespace messenger::alg
