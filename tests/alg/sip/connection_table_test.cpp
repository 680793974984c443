// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/sip/connection_table.h"

#include <gmock/gmock.h>

#include "tests/support/packet_builder.h"
#include "tests/support/sip_text.h"

namespace messenger::alg {
namespace {

using ::testing::ElementsAre;
using testing::endpoint;
using testing::wire;

TimePoint at(int seconds) {
    return TimePoint{} + std::chrono::seconds(seconds);
}

struct Table {
    Limits limits;
    Policy policy;
    ConnectionTable table{limits, HashKey{1, 2}};
    FlowTuple tuple{endpoint("10.1.2.3", 40000), endpoint("198.51.100.20", 5060), Transport::tcp};
    std::vector<std::string> messages;

    ConnectionTable::Outcome send(const FlowTuple& way, std::uint32_t sequence, std::string_view payload,
                                  TcpFields fields = {}, bool marked = false, TimePoint now = at(0)) {
        PacketView packet;
        packet.tuple = way;
        packet.payload = payload;
        packet.tcp = fields;
        packet.tcp.sequence = sequence;
        return table.on_segment(
            packet, marked, policy, now, [this](std::string_view message) { messages.emplace_back(message); }, [] {});
    }
    void shake_hands(TimePoint now = at(0)) {
        (void)send(tuple, 99, "", {.syn = true}, false, now);
        (void)send(tuple.reversed(), 499, "", {.syn = true, .ack = true}, false, now);
    }
};

const std::string kBye = wire("BYE sip:b@example.com SIP/2.0\nCall-ID: x\nContent-Length: 0");

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
    FlowTuple other = t.tuple;
    other.source.port = 40001;
    EXPECT_FALSE(t.send(other, 99, "", {.syn = true}).table_full);
    (void)t.send(other, 100, kBye);
    EXPECT_EQ(t.messages.size(), 1U);
    EXPECT_TRUE(t.send(t.tuple, 99, "", {.syn = true}).table_full);
    EXPECT_EQ(t.table.size(), 1U);
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
    t.table.expire(at(300));
    EXPECT_EQ(t.table.size(), 0U) << "not a byte was said";

    t.shake_hands(at(400));
    (void)t.send(t.tuple, 100, kBye, {}, false, at(400));
    t.table.expire(at(700));
    EXPECT_EQ(t.table.size(), 1U);
    (void)t.send(t.tuple, 900, "", {.fin = true}, false, at(800));
    (void)t.send(t.tuple.reversed(), 500, "", {.fin = true}, false, at(801));
    t.table.expire(at(860));
    EXPECT_EQ(t.table.size(), 1U);
    t.table.expire(at(861));
    EXPECT_EQ(t.table.size(), 0U);
}

}  // namespace
}  // namespace messenger::alg
