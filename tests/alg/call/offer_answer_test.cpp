// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/offer_answer.h"

#include <gtest/gtest.h>

#include "tests/support/packet_builder.h"

namespace messenger::alg {
namespace {

constexpr OfferId kInvite{Party::caller, Method::invite, 1};
constexpr OfferId kReinvite{Party::caller, Method::invite, 2};
constexpr OfferId kTheirs{Party::callee, Method::invite, 1};

Description at_port(std::uint16_t port, const char* address = "10.1.2.3") {
    Stream stream;
    stream.address = testing::address(address);
    stream.rtcp_address = stream.address;
    stream.port = port;
    stream.permitted = true;
    Description description;
    description.streams.push_back(stream);
    return description;
}

/// Local port 1 with remote port 2, agreed in the INVITE.
OfferAnswer agreed() {
    OfferAnswer negotiation;
    negotiation.on_offer(kInvite, true, at_port(1));
    negotiation.on_answer(kInvite, false, at_port(2), true);
    return negotiation;
}

TEST(OfferAnswer, AgreesWithTheFinalAnswer) {
    OfferAnswer negotiation;
    negotiation.on_offer(kInvite, true, at_port(1));
    EXPECT_FALSE(negotiation.has_agreed());
    EXPECT_FALSE(negotiation.has_answer());
    negotiation.on_answer(kInvite, false, at_port(2), false);
    EXPECT_FALSE(negotiation.has_agreed());
    EXPECT_TRUE(negotiation.has_answer());
    negotiation.on_answer(kInvite, false, at_port(3), true);
    EXPECT_EQ(negotiation.agreed().local, at_port(1));
    EXPECT_EQ(negotiation.agreed().remote, at_port(3));
    EXPECT_FALSE(negotiation.pending(Party::caller));
}

TEST(OfferAnswer, TakesThePreviewWhenTheSuccessHasNoAnswer) {
    OfferAnswer negotiation;
    negotiation.on_offer(kInvite, true, at_port(1));
    negotiation.on_answer(kInvite, false, at_port(2), false);
    negotiation.on_success(kInvite);
    EXPECT_EQ(negotiation.agreed().remote, at_port(2));
}

TEST(OfferAnswer, WaitsForTheAckWhenTheSuccessOffers) {
    OfferAnswer negotiation;
    negotiation.on_offer(kInvite, false, at_port(2));
    negotiation.on_success(kInvite);
    EXPECT_TRUE(negotiation.awaits_answer(kInvite, true));
    negotiation.on_answer(kInvite, true, at_port(1), true);
    EXPECT_EQ(negotiation.agreed().local, at_port(1));
}

TEST(OfferAnswer, HasOldAndNewUntilTheAnswer) {
    OfferAnswer negotiation = agreed();
    negotiation.on_offer(kReinvite, true, at_port(5));
    const auto pending = negotiation.pending(Party::caller);
    ASSERT_TRUE(pending);
    EXPECT_EQ(pending->local, at_port(5));
    EXPECT_EQ(pending->remote, at_port(2)) << "what is known of the other side";
    EXPECT_EQ(negotiation.agreed().local, at_port(1));
}

TEST(OfferAnswer, RevertsWhenTheOfferFailsAndStaysThere) {
    OfferAnswer negotiation = agreed();
    negotiation.on_offer(kReinvite, true, at_port(5));
    negotiation.on_failure(kReinvite);
    negotiation.on_offer(kReinvite, true, at_port(5));
    EXPECT_FALSE(negotiation.pending(Party::caller));
    EXPECT_EQ(negotiation.agreed().local, at_port(1));
}

TEST(OfferAnswer, IgnoresWhatIsLongSettled) {
    OfferAnswer negotiation = agreed();
    negotiation.on_offer(kReinvite, true, at_port(5));
    negotiation.on_answer(kReinvite, false, at_port(6), true);
    negotiation.on_offer(kInvite, false, at_port(2));  // the first 200, once more
    negotiation.on_offer(kInvite, true, at_port(1));
    EXPECT_FALSE(negotiation.pending(Party::caller));
    EXPECT_EQ(negotiation.agreed().remote, at_port(6));
}

TEST(OfferAnswer, KeepsTheNumbersOfTheTwoPartiesApart) {
    OfferAnswer negotiation = agreed();
    negotiation.on_offer(kTheirs, false, at_port(7));
    EXPECT_FALSE(negotiation.pending(Party::callee)) << "nothing before the inside host has answered";
    negotiation.on_answer(kTheirs, true, at_port(1), true);
    EXPECT_EQ(negotiation.agreed().remote, at_port(7));
}

TEST(OfferAnswer, LetsEitherOfTwoCrossingOffersWin) {
    for (const bool ours_wins : {false, true}) {
        OfferAnswer negotiation = agreed();
        negotiation.on_offer(kReinvite, true, at_port(5));
        negotiation.on_offer(kTheirs, false, at_port(7));
        negotiation.on_failure(ours_wins ? kTheirs : kReinvite);
        if (ours_wins) {
            negotiation.on_answer(kReinvite, false, at_port(2), true);
        } else {
            negotiation.on_answer(kTheirs, true, at_port(1), true);
        }
        EXPECT_EQ(negotiation.agreed().local, at_port(ours_wins ? 5 : 1));
        EXPECT_EQ(negotiation.agreed().remote, at_port(ours_wins ? 2 : 7));
    }
}

TEST(OfferAnswer, BelievesAStrangerWhomTheInsideHostHasAnswered) {
    const auto stranger = testing::address("192.0.2.66");
    const OfferId next{Party::callee, Method::invite, 2};
    for (const OfferId id : {kTheirs, next}) {
        OfferAnswer negotiation = agreed();
        negotiation.on_offer(kTheirs, false, at_port(7));
        Description his = at_port(9);
        his.delivered_by = stranger;
        negotiation.on_strange_offer(id, his);
        negotiation.believe(id, testing::address("198.51.100.20"));
        EXPECT_TRUE(negotiation.has_pending(kTheirs)) << "it was somebody else who has been answered";
        OfferAnswer believed = negotiation;
        negotiation.on_answer(kTheirs, true, at_port(1), true);
        EXPECT_EQ(negotiation.agreed().remote, at_port(7)) << "he takes nobody's place";
        believed.believe(id, stranger);
        believed.on_answer(id, true, at_port(1), true);
        EXPECT_EQ(believed.agreed().remote, his);
    }
}

TEST(OfferAnswer, TakesAnAnsweredOfferForAgreedWhenTheNextComes) {
    OfferAnswer negotiation;
    negotiation.on_offer(kInvite, true, at_port(1));
    negotiation.on_answer(kInvite, false, at_port(2), false);
    negotiation.on_offer({Party::caller, Method::update, 2}, true, at_port(5));
    EXPECT_EQ(negotiation.agreed().remote, at_port(2));
}

TEST(OfferAnswer, AcceptsNoAnswerFromTheOfferer) {
    OfferAnswer negotiation;
    negotiation.on_offer(kInvite, true, at_port(1));
    negotiation.on_answer(kInvite, true, at_port(9), true);
    EXPECT_FALSE(negotiation.has_answer());
}

TEST(OfferAnswer, StartsAtCSeqZero) {
    OfferAnswer negotiation;
    const OfferId zero{Party::caller, Method::invite, 0};
    negotiation.on_offer(zero, true, at_port(1));
    EXPECT_TRUE(negotiation.has_pending(zero));
}

TEST(OfferAnswer, KeepsAddressAndPortThroughAHoldByAddress) {
    OfferAnswer negotiation = agreed();
    negotiation.on_offer(kReinvite, true, at_port(9, "0.0.0.0"));
    negotiation.on_answer(kReinvite, false, at_port(2), true);
    const Stream& held = negotiation.agreed().local.streams.at(0);
    EXPECT_EQ(held.address, testing::address("10.1.2.3"));
    EXPECT_EQ(held.port, 1);
    EXPECT_EQ(held.direction, MediaDirection::inactive);
}

TEST(OfferAnswer, GivesAHeldStreamNoPortOfAnotherKindOfMedia) {
    OfferAnswer negotiation = agreed();
    Description sharing = at_port(1503, "0.0.0.0");
    sharing.streams.at(0).role = PortRole::t120;
    negotiation.on_offer(kReinvite, true, sharing);
    negotiation.on_answer(kReinvite, false, at_port(2), true);
    EXPECT_EQ(negotiation.agreed().local, sharing);
}

/// As one that refuses every stream is kept.
Description bare() {
    Description description;
    description.bare = true;
    return description;
}

TEST(OfferAnswer, TakesARefusalOfEverythingForAnAnswer) {
    OfferAnswer negotiation = agreed();
    negotiation.on_offer(kReinvite, true, bare());
    EXPECT_TRUE(negotiation.pending(Party::caller)->local.streams.empty()) << "not the agreed one";
    negotiation.on_answer(kReinvite, false, bare(), false);
    EXPECT_TRUE(negotiation.pending(Party::caller)->remote.streams.empty());
    negotiation.on_success(kReinvite);
    EXPECT_TRUE(negotiation.has_agreed());
    EXPECT_TRUE(negotiation.agreed().local.streams.empty() && negotiation.agreed().remote.streams.empty());
}

TEST(OfferAnswer, LeavesOutWhatHasNoRoom) {
    OfferAnswer negotiation = agreed();
    negotiation.on_offer(kReinvite, true, at_port(3));
    negotiation.on_offer(kTheirs, false, at_port(5));
    negotiation.on_answer(kTheirs, true, at_port(6), false);
    std::size_t room = 10;
    EXPECT_TRUE(negotiation.fit(room));
    EXPECT_EQ(room, 5U);
    room = 3;
    EXPECT_FALSE(negotiation.fit(room));
    EXPECT_EQ(room, 0U);
    EXPECT_EQ(negotiation.agreed().remote.streams.at(0).port, 2);
    EXPECT_EQ(negotiation.pending(Party::caller)->local.streams.at(0).port, 3);
    EXPECT_TRUE(negotiation.pending(Party::callee)->local.streams.empty()) << "nor the agreed one in its place";
    EXPECT_TRUE(negotiation.fit(room = 3)) << "it is gone";
}

}  // namespace
}  // namespace messenger::alg
