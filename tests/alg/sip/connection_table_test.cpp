// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/sip/connection_table.h"

#include <gmock/gmock.h>

#include "tests/alg/sip/connection_lab.h"

namespace messenger::alg {
namespace {

using ::testing::ElementsAre;

using connection_lab::at;
using connection_lab::EditedTable;
using connection_lab::kBye;
using connection_lab::kEditedBye;
using connection_lab::Table;

TEST(ConnectionTable, GivesUpBothDirectionsBehindTheLastMessage) {
    Table t;
    t.shake_hands();
    EXPECT_EQ(t.send(t.tuple, 100, kBye).mark, FlowMark::sip);
    t.last = true;
    const auto outcome = t.send(t.tuple.reversed(), 500, kBye + kBye);
    EXPECT_EQ(outcome.mark, FlowMark::opaque);
    EXPECT_EQ(outcome.opaque, OpaqueReason::compressed);
    EXPECT_THAT(t.messages, ElementsAre(kBye, kBye)) << "not the one behind the last";
    EXPECT_EQ(t.send(t.tuple, static_cast<std::uint32_t>(100 + kBye.size()), kBye).opaque, std::nullopt);
    EXPECT_EQ(t.messages.size(), 2U);
}

TEST(ConnectionTable, MarksAConnectionThatBeginsWithSip) {
    Table t;
    t.shake_hands();
    EXPECT_EQ(t.send(t.tuple, 100, kBye).mark, FlowMark::sip);
    EXPECT_EQ(t.send(t.tuple.reversed(), 500, kBye).mark, FlowMark::none) << "nothing new";
    EXPECT_THAT(t.messages, ElementsAre(kBye, kBye));
}

TEST(ConnectionTable, GivesUpForEverAtTheFirstViolation) {
    Table t;
    t.shake_hands();
    const auto outcome = t.send(t.tuple, 100, "GET / HTTP/1.1\r\n\r\n");
    EXPECT_EQ(outcome.mark, FlowMark::opaque);
    EXPECT_EQ(outcome.opaque, OpaqueReason::not_sip);
    const auto later = t.send(t.tuple, 118, kBye);
    EXPECT_EQ(later.mark, FlowMark::none);
    EXPECT_FALSE(later.opaque) << "said once";
    EXPECT_TRUE(t.messages.empty());
}

TEST(ConnectionTable, DoesNotTakeUpAnUnmarkedConnectionInItsMiddle) {
    Table t;
    EXPECT_EQ(t.send(t.tuple, 100, kBye).opaque, OpaqueReason::beginning_not_seen);
    EXPECT_EQ(t.send(t.tuple, 100, kBye, {}, true).opaque, std::nullopt) << "opaque stays opaque";
    EXPECT_TRUE(t.messages.empty());
}

TEST(ConnectionTable, TakesUpAMarkedConnectionAtAStartLine) {
    Table t;
    EXPECT_FALSE(t.send(t.tuple, 96, "\r\n\r\n", {}, true).opaque);
    EXPECT_EQ(t.send(t.tuple, 100, kBye, {}, true).mark, FlowMark::sip);
    EXPECT_THAT(t.messages, ElementsAre(kBye));
}

TEST(ConnectionTable, DoesNotBelieveAMarkWhenItSawTheBeginning) {
    Table t;
    (void)t.send(t.tuple.reversed(), 499, "", {.syn = true});
    EXPECT_EQ(t.send(t.tuple, 100, kBye, {}, true).opaque, OpaqueReason::beginning_not_seen);
}

TEST(ConnectionTable, LetsARepeatedSynPass) {
    Table t;
    t.shake_hands();
    (void)t.send(t.tuple, 100, kBye);
    t.shake_hands();
    (void)t.send(t.tuple, static_cast<std::uint32_t>(100 + kBye.size()), kBye);
    EXPECT_EQ(t.messages.size(), 2U);
}

TEST(ConnectionTable, ReadsTheDataOfASyn) {
    Table t;
    (void)t.send(t.tuple, 99, kBye, {.syn = true});
    EXPECT_THAT(t.messages, ElementsAre(kBye));
}

TEST(ConnectionTable, JudgesReusedPortsAnew) {
    Table t;
    t.shake_hands();
    (void)t.send(t.tuple, 100, "GET / HTTP/1.1\r\n\r\n");
    (void)t.send(t.tuple, 7000, "", {.syn = true});
    EXPECT_EQ(t.send(t.tuple, 7001, kBye).mark, FlowMark::sip);
    (void)t.send(t.tuple, 9000, "", {.syn = true});
    EXPECT_EQ(t.send(t.tuple, 9001, "GET / HTTP/1.1\r\n\r\n").mark, FlowMark::opaque);
}

TEST(ConnectionTable, RemembersNothingOfAPureAck) {
    Table t;
    EXPECT_FALSE(t.send(t.tuple, 100, "", {.ack = true}).table_full);
    EXPECT_EQ(t.table.size(), 0U);
}

TEST(ConnectionTable, MakesRoomOnlyAtTheCostOfWhatIsNoSip) {
    Table t;
    t.limits.flows = 1;
    t.shake_hands();
    const FlowTuple other = t.from_port(40001);
    t.shake_hands(other);
    (void)t.send(other, 100, kBye);
    EXPECT_EQ(t.messages.size(), 1U) << "the one that had said nothing has gone";
    EXPECT_TRUE(t.send(t.tuple, 99, "", {.syn = true}).table_full);
    EXPECT_EQ(t.table.size(), 1U);
    (void)t.send(other, static_cast<std::uint32_t>(100 + kBye.size()), "GET / HTTP/1.1\r\n\r\n");
    EXPECT_FALSE(t.send(t.tuple, 99, "", {.syn = true}).table_full) << "it is no SIP any more";
}

TEST(ConnectionTable, MakesRoomAtTheCostOfForgedSenders) {
    Table t;
    t.limits.flows = 20;
    t.shake_hands();
    EXPECT_EQ(t.send(t.tuple, 100, kBye).mark, FlowMark::sip);
    for (std::uint16_t port = 1000; port < 1500; ++port) {
        // The answers go to whom the address belongs to, so nobody can acknowledge them.
        (void)t.send(t.from_port(port), 99, "", {.syn = true});
        (void)t.send(t.from_port(port).reversed(), 499, "", {.acknowledgement = 100, .syn = true, .ack = true});
        EXPECT_FALSE(t.send(t.from_port(port), 100, kBye, {.acknowledgement = 0x9000'0000, .ack = true}).table_full);
    }
    EXPECT_EQ(t.table.size(), 20U);
    t.messages.clear();
    (void)t.send(t.tuple, static_cast<std::uint32_t>(100 + kBye.size()), kBye);
    EXPECT_EQ(t.messages.size(), 1U) << "who has shaken hands is read on";
}

TEST(ConnectionTable, KeepsNoMoreThanTheShareOfOneHost) {
    Table t;
    t.limits.flows = 4;
    t.limits.flows_per_host = 2;
    FlowTuple other = t.from_port(2000);
    other.source.address = testing::address("10.1.2.4");
    t.shake_hands(other);
    (void)t.send(other, 100, kBye);
    for (std::uint16_t port = 1000; port < 1100; ++port) {
        t.shake_hands(t.from_port(port));
        (void)t.send(t.from_port(port), 100, kBye);
    }
    t.messages.clear();
    const auto next = static_cast<std::uint32_t>(100 + kBye.size());
    (void)t.send(other, next, kBye);
    (void)t.send(t.from_port(1000), next, kBye);
    (void)t.send(t.from_port(1001), next, kBye);
    EXPECT_EQ(t.messages.size(), 3U);
    (void)t.send(t.from_port(1002), next, kBye);
    EXPECT_EQ(t.messages.size(), 3U) << "it had no place of its own, and has gone";
}

TEST(ConnectionTable, HoldsTheMemoryOfAllStreamsTogether) {
    Table t;
    t.limits.buffered_bytes = 50;
    t.shake_hands();
    EXPECT_FALSE(t.send(t.tuple, 100, std::string(kBye.substr(0, 45))).opaque);
    EXPECT_EQ(t.send(t.tuple.reversed(), 500, std::string(kBye.substr(0, 10))).opaque,
              OpaqueReason::too_much_early_data);
    FlowTuple other = t.tuple;
    other.source.port = 40001;
    (void)t.send(other, 99, "", {.syn = true});
    EXPECT_FALSE(t.send(other, 100, std::string(kBye.substr(0, 45))).opaque) << "what was given up is free again";
}

TEST(ConnectionTable, ForgetsSilentAndClosedConnections) {
    Table t;
    t.shake_hands();
    EXPECT_EQ(t.table.next_deadline(), at(300));
    (void)t.expire(at(300));
    EXPECT_EQ(t.table.size(), 0U) << "not a byte was said";

    t.shake_hands(at(400));
    (void)t.send(t.tuple, 100, kBye, {}, false, at(400));
    (void)t.expire(at(700));
    EXPECT_EQ(t.table.size(), 1U);
    (void)t.send(t.tuple, 900, "", {.fin = true}, false, at(800));
    (void)t.send(t.tuple.reversed(), 500, "", {.fin = true}, false, at(801));
    (void)t.expire(at(860));
    EXPECT_EQ(t.table.size(), 1U);
    (void)t.expire(at(861));
    EXPECT_EQ(t.table.size(), 0U);
}

TEST(EditedConnectionTable, ASynThatNobodyAnswersChangesNothing) {
    EditedTable t;
    t.shake_hands();
    t.data(100, kBye.substr(0, 20));
    EXPECT_TRUE(t.releases.empty()) << "held";
    t.send(true, {.sequence = 7777, .syn = true}, kBye);
    EXPECT_EQ(t.releases.size(), 1U) << "the SYN alone";
    t.send(false, {.sequence = 8888, .syn = true}, "");
    t.data(120, kBye.substr(20));
    EXPECT_THAT(t.messages, ElementsAre(kBye));
    ASSERT_EQ(t.releases.size(), 2U);
    EXPECT_EQ(parse_packet(t.releases[1].packet)->tcp.sequence, 119U) << "edited after all";
    EXPECT_TRUE(t.outcome.edited);
}

TEST(EditedConnectionTable, AnAnsweredSynBeginsAnew) {
    EditedTable t;
    t.shake_hands();
    t.data(100, kBye);
    EXPECT_EQ(t.released(), kEditedBye);
    t.data(static_cast<std::uint32_t>(100 + kBye.size()), "BYE sip:");
    t.send(true, {.sequence = 7776, .syn = true}, "");
    t.send(false, {.sequence = 8887, .acknowledgement = 7777, .syn = true, .ack = true}, "");
    EXPECT_EQ(t.releases.size(), 2U) << "what was held goes first";
    t.send(true, {.sequence = 7777, .acknowledgement = 8888, .ack = true}, kBye);
    EXPECT_EQ(t.released(), kEditedBye);
    EXPECT_EQ(t.outcome.mark, FlowMark::sip) << "judged anew";
    EXPECT_EQ(t.messages.size(), 2U);
}

TEST(EditedConnectionTable, DoesNotReadBehindTheDataOfASynThatWasAnOffer) {
    EditedTable t;
    t.shake_hands();
    t.data(100, kBye);
    t.send(true, {.sequence = 7776, .syn = true}, "BYE");
    t.send(false, {.sequence = 8887, .acknowledgement = 7780, .syn = true, .ack = true}, "");
    EXPECT_EQ(t.outcome.opaque, OpaqueReason::beginning_not_seen);
    t.send(true, {.sequence = 7780, .acknowledgement = 8888, .ack = true}, " sip:");
    EXPECT_EQ(t.releases.size(), 1U) << "held by nobody";
}

const int kHoldSeconds = static_cast<int>(std::chrono::duration_cast<std::chrono::seconds>(Limits{}.hold_time).count());

TEST(EditedConnectionTable, GivesUpWhoWaitsTooLong) {
    EditedTable t;
    t.shake_hands();
    t.data(100, kBye.substr(0, 20));
    EXPECT_TRUE(t.expire(kHoldSeconds - 1).empty());
    EXPECT_TRUE(t.releases.empty());
    EXPECT_EQ(t.expire(kHoldSeconds).size(), 1U);
    EXPECT_EQ(t.releases.size(), 1U) << "as it was";
}

/// A sender that never pauses always has a message under way. Each has its own time.
TEST(EditedConnectionTable, DoesNotGiveUpABusyConnection) {
    EditedTable t;
    t.shake_hands();
    std::uint32_t sequence = 100;
    t.data(sequence, kBye.substr(0, 20));
    for (int second = 1; second < 3 * kHoldSeconds; ++second) {
        EXPECT_TRUE(t.expire(second).empty());
        t.data(sequence + 20, kBye.substr(20) + kBye.substr(0, 20));
        sequence += static_cast<std::uint32_t>(kBye.size());
    }
    EXPECT_EQ(t.messages.size(), 3U * static_cast<unsigned>(kHoldSeconds) - 1);
}

TEST(EditedConnectionTable, OneDirectionGainsNoTimeFromTheOther) {
    EditedTable t;
    t.shake_hands();
    t.send(false, {.sequence = 500, .acknowledgement = 100, .ack = true}, kBye.substr(0, 20));
    for (int second = 1; second < kHoldSeconds; ++second) {
        EXPECT_TRUE(t.expire(second).empty());
        t.data(static_cast<std::uint32_t>(100 + (static_cast<std::size_t>(second) - 1) * kBye.size()), kBye);
        EXPECT_TRUE(t.outcome.released);
    }
    EXPECT_EQ(t.expire(kHoldSeconds).size(), 1U);
}

TEST(EditedConnectionTable, GoesOnAfterARestartWithWhatItHasAcknowledged) {
    EditedTable t;
    t.shake_hands();
    t.data(100, kBye.substr(0, 20));
    t.data(100, kBye.substr(0, 20));
    ASSERT_EQ(t.releases.size(), 1U) << "the question";
    t.send(false, {.sequence = 500, .acknowledgement = 100, .ack = true}, "");
    ASSERT_EQ(t.releases.size(), 1U);
    EXPECT_EQ(parse_packet(t.releases[0].packet)->tcp.acknowledgement, 120U);
    std::vector<std::byte> saved;
    t.table.save(saved);
    EditedTable next;
    EXPECT_EQ(next.table.load(saved, at(0)), 1U);
    next.data(120, kBye.substr(20));
    EXPECT_THAT(next.messages, ElementsAre(kBye));
    next.data(120, kBye.substr(20));
    EXPECT_EQ(next.released(), kEditedBye) << "the repetition brings all";
}

}  // namespace
}  // namespace messenger::alg
