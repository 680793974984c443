// SPDX-License-Identifier: GPL-2.0-or-later
// Whole calls are in tests/scenario; here is what they cannot show.
#include "alg/call/signalling.h"

#include "tests/alg/call/signalling_fixture.h"

namespace messenger::alg {
namespace {

using testing::address;
using testing::endpoint;

class SignallingTest : public SignallingFixture {
   protected:
    PinholeKey held_{Transport::udp, false, endpoint("10.1.2.3", 5350), address("203.0.113.30")};
    CallLabel label_{make_call_key("c1"), dialog_key(make_tag("a"), make_tag("b")), "c1"};

    void restore() {
        signalling_.restore(held_, {MediaKind::audio, PortRole::rtp}, label_, std::chrono::seconds(100), at(0));
    }
};

TEST_F(SignallingTest, ClosesARestoredPinholeWithTheByeOfEitherParty) {
    for (const bool caller : {true, false}) {
        restore();
        if (caller) {
            say(out(), request("BYE", 7));
        } else {
            say(in(), "BYE sip:a@example.com SIP/2.0\nFrom: <sip:b@x>;tag=b\nTo: <sip:a@x>;tag=a\nCSeq: 1 BYE");
        }
        ASSERT_EQ(plan_.changes.size(), 1U);
        EXPECT_EQ(plan_.changes[0].kind, PinholeChange::Kind::remove);
        EXPECT_EQ(plan_.changes[0].key, held_);
        pass_time(100);
        EXPECT_EQ(signalling_.calls().size(), 0U);
    }
}

TEST_F(SignallingTest, LeavesARestoredPinholeAloneWhenTheTagsAreWrong) {
    restore();
    say(out(), request("BYE", 7, ";tag=other"));
    EXPECT_TRUE(plan_.changes.empty());
    EXPECT_EQ(events<RefuseEvent>().at(0).reason, RefuseReason::wrong_dialog);
}

TEST_F(SignallingTest, ReplacesARestoredPinholeByTheNextNegotiation) {
    restore();
    say(out(), request("INVITE", 7), ours());
    EXPECT_TRUE(plan_.changes.empty()) << "not before the answer";
    say(in(), response(200, "INVITE", 7), theirs());
    EXPECT_TRUE(plan_.changes.empty()) << "the same port and remote";
    say(out(), request("INVITE", 8), ours(5400));
    say(in(), response(200, "INVITE", 8), theirs());
    ASSERT_EQ(plan_.changes.size(), 1U);
    EXPECT_EQ(plan_.changes[0].kind, PinholeChange::Kind::remove);
    EXPECT_EQ(plan_.changes[0].key, held_);
}

/// A session refresh says nothing of files.
TEST_F(SignallingTest, LeavesARestoredFileTransferAloneWhenMediaAreNegotiated) {
    restore();
    const PinholeKey file{Transport::tcp, false, endpoint("10.1.2.3", 6891), address("203.0.113.30")};
    signalling_.restore(file, {MediaKind::application, PortRole::file}, label_, std::chrono::hours(2), at(0));
    say(out(), request("INVITE", 7), ours(5400));
    say(in(), response(200, "INVITE", 7), theirs());
    ASSERT_EQ(plan_.changes.size(), 2U);
    EXPECT_EQ(plan_.changes[0].kind, PinholeChange::Kind::remove);
    EXPECT_EQ(plan_.changes[0].key, held_);
    EXPECT_EQ(plan_.changes[1].kind, PinholeChange::Kind::add);
    say(out(), request("BYE", 8));
    EXPECT_EQ(plan_.changes.size(), 2U) << "the file's, too";
    EXPECT_EQ(signalling_.pinholes().size(), 0U);
}

/// Of a call between two inside hosts, through a server outside.
TEST_F(SignallingTest, LeavesTheRestoredPinholesOfTheOtherInsideHostUntilItHearsTheAnswer) {
    const auto hold = [&](const char* inside, const char* remote) {
        const PinholeKey key{Transport::udp, false, endpoint(inside, 5350), address(remote)};
        signalling_.restore(key, {MediaKind::image, PortRole::udp}, label_, std::chrono::seconds(100), at(0));
    };
    hold("10.1.2.3", "10.1.9.9");
    hold("10.1.9.9", "10.1.2.3");
    const FlowTuple to_callee{out().destination, endpoint("10.1.9.9", 5060), Transport::udp};
    const std::string callees = testing::sdp("10.1.9.9", "m=image 5350 udptl t38");
    say(out(), request("INVITE", 7), ours());
    say(to_callee, request("INVITE", 7), ours());
    say(to_callee.reversed(), response(200, "INVITE", 7), callees);
    EXPECT_TRUE(plan_.changes.empty());
    say(in(), response(200, "INVITE", 7), callees);
    EXPECT_TRUE(plan_.changes.empty());
    // From here on both are as if there had been no restart.
    say(out(), request("INVITE", 8), ours(5400));
    say(to_callee, request("INVITE", 8), ours(5400));
    say(to_callee.reversed(), response(200, "INVITE", 8), callees);
    say(in(), response(200, "INVITE", 8), callees);
    EXPECT_EQ(signalling_.pinholes().size(), 2U);
    EXPECT_EQ(events<CloseEvent>().size(), 1U);
}

/// The same for a proxy inside that carries the media of both parties: it has two agreements.
TEST_F(SignallingTest, LeavesTheRestoredPinholesOfAProxyUntilBothPartiesHaveAgreed) {
    for (const auto& [port, remote] : {std::pair{5350, "203.0.113.30"}, std::pair{5352, "203.0.113.77"}}) {
        const PinholeKey key{Transport::udp, false, endpoint("10.1.2.3", static_cast<std::uint16_t>(port)),
                             address(remote)};
        signalling_.restore(key, {MediaKind::image, PortRole::udp}, label_, std::chrono::seconds(100), at(0));
    }
    const FlowTuple to_callee{out().source, endpoint("203.0.113.77", 5060), Transport::udp};
    say(in(), request("INVITE", 7), theirs());
    say(to_callee, request("INVITE", 7), ours(5352));
    say(to_callee.reversed(), response(200, "INVITE", 7), testing::sdp("203.0.113.77", "m=image 4000 udptl t38"));
    EXPECT_TRUE(plan_.changes.empty());
    say(out(), response(200, "INVITE", 7), ours());
    EXPECT_TRUE(plan_.changes.empty());
    EXPECT_EQ(signalling_.pinholes().size(), 2U);
}

/// Its BYE may have gone another way; but where something is said, there was none.
TEST_F(SignallingTest, EndsACallWhoseMediaAreSilentSomeTimeAfterItsLastMessage) {
    say(out(), request("INVITE", 1, ""), ours());
    say(in(), response(200, "INVITE", 1), theirs());
    pass_time(60);
    EXPECT_EQ(events<CloseEvent>().size(), 1U);
    const auto lives = [&](int seconds) {
        pass_time(seconds);
        return signalling_.calls().size() == 1 && signalling_.calls().find(make_call_key("c1"))->alive();
    };
    say(out(), request("MESSAGE", 2), "", 300);
    EXPECT_TRUE(lives(599));
    say(in(), request("MESSAGE", 3), "", 599);
    EXPECT_TRUE(lives(898));
    EXPECT_FALSE(lives(899));
}

TEST_F(SignallingTest, EndsNoCallInWhichSomethingIsOpenAgainAfterASilence) {
    say(out(), request("INVITE", 1, ""), ours());
    say(in(), response(200, "INVITE", 1), theirs());
    pass_time(60);
    say(out(), request("INVITE", 2), ours(), 359);
    EXPECT_EQ(events<OpenEvent>().size(), 1U);
    pass_time(360);
    EXPECT_TRUE(signalling_.calls().find(make_call_key("c1"))->alive());
    EXPECT_EQ(signalling_.pinholes().size(), 1U);
}

TEST_F(SignallingTest, LetsARestoredPinholeDieOfSilence) {
    restore();
    pass_time(100);
    ASSERT_EQ(plan_.changes.size(), 1U);
    EXPECT_EQ(plan_.changes[0].kind, PinholeChange::Kind::forget);
}

TEST_F(SignallingTest, MakesNoCallOfWhatIsNoInvitation) {
    for (const char* method : {"BYE", "ACK", "PRACK", "CANCEL", "OPTIONS", "MESSAGE"}) {
        say(out(), request(method, 1), ours());
        EXPECT_EQ(signalling_.calls().size(), 0U) << method;
    }
    say(in(), response(200, "INVITE", 1), theirs());
    EXPECT_EQ(signalling_.calls().size(), 0U);
}

TEST_F(SignallingTest, SaysWhichDescriptionsPassed) {
    say(out(), request("INVITE", 1, ""), ours());
    ASSERT_EQ(events<MediaEvent>().size(), 1U);
    EXPECT_FALSE(events<MediaEvent>()[0].answer);
    EXPECT_EQ(events<MediaEvent>()[0].port, 5350);
    say(in(), response(200, "INVITE", 1), theirs());
    EXPECT_TRUE(events<MediaEvent>().at(0).answer);
}

TEST_F(SignallingTest, KeepsADialogOutOfTheBlueOnlyForTheTimeOfAnInvite) {
    say(in(), "UPDATE sip:a@x SIP/2.0\nFrom: <sip:b@x>;tag=p\nTo: <sip:a@x>;tag=q\nCSeq: 1 UPDATE", theirs());
    EXPECT_EQ(signalling_.calls().size(), 1U);
    pass_time(180);
    pass_time(212);
    EXPECT_EQ(signalling_.calls().size(), 0U);
}

TEST_F(SignallingTest, ByeInOneEarlyDialogLeavesTheOthers) {
    say(out(), request("INVITE", 1, ""), ours());
    say(in(), response(180, "INVITE", 1, "b"));
    say(out(), request("BYE", 2));
    say(in(), response(200, "INVITE", 1, "other"), theirs());
    EXPECT_EQ(events<OpenEvent>().size(), 1U);
}

TEST_F(SignallingTest, ComparesTheTextOfACallId) {
    say(out(), request("INVITE", 1, ""), ours());
    EXPECT_EQ(signalling_.calls().size(), 1U);
    ASSERT_NE(signalling_.calls().all().begin()->second.id(), "");
    EXPECT_EQ(signalling_.calls().all().begin()->second.id(), "c1");
}

std::string lines(std::initializer_list<int> ports) {
    std::string all;
    for (const int port : ports) all += "m=image " + std::to_string(port) + " udptl t38\n";
    return all;
}

// RFC 3264 section 6: the m= lines of an answer are those of its offer, in their order.
TEST_F(SignallingTest, PairsLinesByTheirNumberThoughOthersOpenNothing) {
    say(out(), request("INVITE", 1, ""), testing::sdp("10.1.2.3", lines({1000, 5350, 5360, 0, 5380})));
    say(in(), response(200, "INVITE", 1), testing::sdp("203.0.113.30", lines({41000, 0, 42000, 43000, 44000})));
    ASSERT_EQ(plan_.seeds.size(), 2U);
    EXPECT_EQ(plan_.seeds[0].inside.port, 5360);
    EXPECT_EQ(plan_.seeds[0].remote.port, 42000);
    EXPECT_EQ(plan_.seeds[1].inside.port, 5380);
    EXPECT_EQ(plan_.seeds[1].remote.port, 44000);
    EXPECT_EQ(plan_.changes.size(), 2U);
}

TEST_F(SignallingTest, ClosesWhatARenegotiationRefusesEntirely) {
    for (const bool refused_by_us : {true, false}) {
        say(out(), request("INVITE", 1, ""), ours());
        say(in(), response(200, "INVITE", 1), theirs());
        EXPECT_EQ(plan_.changes.size(), 1U);
        say(out(), request("INVITE", 2), refused_by_us ? testing::sdp("10.1.2.3", lines({0})) : ours());
        say(in(), response(200, "INVITE", 2), testing::sdp("203.0.113.30", lines({0})));
        ASSERT_EQ(plan_.changes.size(), 1U);
        EXPECT_EQ(plan_.changes[0].kind, PinholeChange::Kind::remove);
        call_id_ = "c2";
    }
}

// Security rule 4: who has been answered waits for nobody else.
TEST_F(SignallingTest, OpensToNobodyAfterAnAnswerThatRefuses) {
    policy_.early_media = EarlyMedia::after_offer;
    say(out(), request("INVITE", 1, ""), ours());
    EXPECT_EQ(plan_.changes.size(), 1U) << "to everybody";
    say(in(), response(183, "INVITE", 1), testing::sdp("203.0.113.30", lines({0})));
    ASSERT_EQ(plan_.changes.size(), 1U);
    EXPECT_EQ(plan_.changes[0].kind, PinholeChange::Kind::remove);
}

/// One m= line with many candidates of the host.
std::string candidates(const std::string& host, int port) {
    std::string all;
    for (int line = 0; line < 4; ++line) {
        all += "m=audio " + std::to_string(port) + " RTP/AVP 0\n";
        for (int i = 0; i < 16; ++i, port += 2) {
            all += "a=candidate:1 1 UDP 1 " + host + " " + std::to_string(port) + " typ host\n";
        }
    }
    return testing::sdp(host, all);
}

TEST_F(SignallingTest, KeepsLittleOfACallThatAnnouncesWithoutEnd) {
    say(out(), request("INVITE", 1, ""), candidates("10.1.2.3", 20000));
    std::size_t open_before = 0;
    for (int branch = 0; branch < 15; ++branch) {
        const std::string tag = "b" + std::to_string(branch);
        if (branch == 1) open_before = signalling_.calls().find(make_call_key(call_id_))->open.size();
        say(in(), response(200, "INVITE", 1, tag), candidates("203.0.113.30", 30000));
        say(out(), request("INVITE", 2, ";tag=" + tag), candidates("10.1.2.3", 20000));
        say(in(), response(183, "INVITE", 2, tag), candidates("203.0.113.30", 40000));
        const auto refused = events<RefuseEvent>();
        ASSERT_FALSE(refused.empty());
        EXPECT_EQ(refused.back().reason, RefuseReason::too_many_pinholes);
    }
    signalling_.release();
    const Call call = *signalling_.calls().find(make_call_key(call_id_));
    EXPECT_EQ(call.dialogs.size(), 16U);
    EXPECT_GT(open_before, 0U);
    std::size_t streams = 0;
    for (const Dialog& dialog : call.dialogs) {
        for (const Agent& agent : dialog.agents) {
            const auto pending = agent.negotiation.pending(Party::caller);
            const auto& agreed = agent.negotiation.agreed();
            streams += agreed.local.streams.size() + agreed.remote.streams.size();
            if (pending && &pending->local != &agreed.local) streams += pending->local.streams.size();
            if (pending && &pending->remote != &agreed.remote) streams += pending->remote.streams.size();
        }
    }
    EXPECT_EQ(streams, 512U);
    EXPECT_EQ(call.open.size(), open_before) << "what was open stays so";
}

}  // namespace
}  // namespace messenger::alg
