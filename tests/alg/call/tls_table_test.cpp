// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/tls_table.h"

#include <gtest/gtest.h>

#include "tests/support/packet_builder.h"

namespace messenger::alg {
namespace {

using testing::endpoint;
using Event = TlsTable::Event;

constexpr Duration kSilence = std::chrono::minutes(10);
const std::string kHello = "\x16\x03\x01 hello";

TimePoint at(int seconds) {
    return TimePoint{} + std::chrono::seconds(seconds);
}

struct Table {
    Limits limits;
    TlsTable table{limits, HashKey{1, 2}};
    FlowTuple tuple{endpoint("10.1.2.3", 40000), endpoint("198.51.100.20", 5061), Transport::tcp};

    Event send(bool from_client, std::uint32_t sequence, std::string_view payload, TcpFields fields = {.ack = true},
               int now = 0) {
        PacketView packet;
        packet.tuple = from_client ? tuple : tuple.reversed();
        packet.payload = payload;
        packet.tcp = fields;
        packet.tcp.sequence = sequence;
        return table.on_segment(tuple, from_client, packet, kSilence, at(now));
    }
    void shake_hands(std::uint32_t client = 100, std::uint32_t server = 500) {
        EXPECT_EQ(send(true, client - 1, "", {.syn = true}), Event::none);
        TcpFields answer{.syn = true, .ack = true};
        answer.acknowledgement = client;
        EXPECT_EQ(send(false, server - 1, "", answer), Event::none);
    }
    void go_live() {
        shake_hands();
        EXPECT_EQ(send(true, 100, kHello), Event::none);
        EXPECT_EQ(send(false, 500, kHello), Event::began);
    }
    /// What expire() says, with the kernel knowing of so much time left.
    std::string expire(int now, std::optional<Duration> left) {
        std::string said;
        table.expire(
            at(now), [&](const FlowTuple&) { return left; }, [&](const FlowTuple&) { said += "goes on;"; },
            [&](const FlowTuple&) { said += "ended;"; });
        return said;
    }
};

TEST(TlsTable, AConnectionLivesFromTheServersAnswerToTheHelloOn) {
    Table t;
    t.shake_hands();
    EXPECT_EQ(t.send(true, 100, kHello), Event::none);
    EXPECT_EQ(t.table.live(), 0U);
    EXPECT_EQ(t.send(false, 500, ""), Event::none) << "a mere acknowledgement is no answer";
    EXPECT_EQ(t.send(true, 100, kHello), Event::none) << "it comes again";
    EXPECT_EQ(t.send(false, 1000, "later bytes, come early"), Event::none);
    EXPECT_EQ(t.send(false, 500, kHello), Event::began);
    EXPECT_EQ(t.table.live(), 1U);
    EXPECT_EQ(t.send(false, 500, kHello), Event::goes_on);
    EXPECT_EQ(t.send(true, 110, "\x17\x03\x03 data"), Event::goes_on);
}

TEST(TlsTable, NothingElseDoes) {
    const std::string alert("\x15\x03\x01\x00\x02no", 7);
    const std::string old_hello("\x80\x2e\x01\x03\x01 old", 9);
    struct Row {
        const char* name;
        std::string client;
        std::string server;
        bool begins;
    };
    for (const Row& row :
         {Row{"TLS", kHello, kHello, true}, Row{"the hello of SSL 2.0", old_hello, kHello, true},
          Row{"HTTP", "GET / HTTP/1.1\r\n", kHello, false}, Row{"SIP", "OPTIONS sip:x SIP/2.0", kHello, false},
          Row{"a refusal", kHello, alert, false}, Row{"half a header", "\x16", kHello, false},
          Row{"the server answers otherwise", kHello, "HTTP/1.1 400", false},
          Row{"SSL 2.0 alone", std::string("\x80\x2e\x01\x00\x02", 5), kHello, false}}) {
        Table t;
        t.shake_hands();
        const Event first = t.send(true, 100, row.client);
        const Event second = t.send(false, 500, row.server);
        EXPECT_EQ(second == Event::began, row.begins) << row.name;
        EXPECT_EQ(first == Event::not_tls || second == Event::not_tls, !row.begins) << row.name;
    }
}

TEST(TlsTable, TheBeginningHasToBeSeen) {
    Table t;
    EXPECT_EQ(t.send(true, 100, ""), Event::none);
    EXPECT_EQ(t.send(true, 100, kHello), Event::not_tls);
    EXPECT_EQ(t.send(true, 100, kHello, {.ack = true, .fin = true}), Event::none) << "it is over anyway";
    EXPECT_EQ(t.send(false, 499, "", {.syn = true}), Event::none) << "a server begins nothing";
    EXPECT_EQ(t.table.size(), 0U);
}

TEST(TlsTable, ALiveOneEndsWithTheFirstFinOrReset) {
    for (const bool from_client : {true, false}) {
        for (const TcpFields fields : {TcpFields{.ack = true, .fin = true}, TcpFields{.rst = true}}) {
            Table t;
            t.go_live();
            EXPECT_EQ(t.send(from_client, 700, "", fields), Event::ended);
            EXPECT_EQ(t.send(!from_client, 700, "", fields), Event::none) << "once";
        }
    }
    Table t;
    t.shake_hands();
    EXPECT_EQ(t.send(true, 100, "", {.rst = true}), Event::none) << "it never lived";
}

TEST(TlsTable, ASynOnThePortsOfALiveOneChangesNothing) {
    Table t;
    t.go_live();
    EXPECT_EQ(t.send(true, 9000, "", {.syn = true}), Event::none);
    EXPECT_EQ(t.table.live(), 1U);
}

TEST(TlsTable, OnesThatAreNotAnsweredAreForgotten) {
    Table t;
    t.shake_hands();
    EXPECT_EQ(t.expire(59, std::nullopt), "");
    EXPECT_EQ(t.table.size(), 1U);
    EXPECT_EQ(t.expire(60, std::nullopt), "") << "nothing has ended that ever lived";
    EXPECT_EQ(t.table.size(), 0U);
}

TEST(TlsTable, ALiveOneLivesAsLongAsTheKernelSeesItsPackets) {
    Table t;
    t.go_live();
    EXPECT_EQ(t.expire(599, std::chrono::seconds(1)), "") << "nobody is asked before it is time";
    EXPECT_EQ(t.expire(600, std::chrono::seconds(300)), "goes on;");
    EXPECT_EQ(t.expire(899, std::nullopt), "");
    EXPECT_EQ(t.expire(900, std::chrono::seconds(0)), "goes on;");
    EXPECT_EQ(t.expire(901, std::nullopt), "ended;");
    EXPECT_EQ(t.table.size(), 0U);
}

TEST(TlsTable, CountsThoseOfAClientThatLive) {
    Table t;
    const IpAddress client = t.tuple.source.address;
    EXPECT_EQ(t.table.live_of(client), 0U);
    t.go_live();
    EXPECT_EQ(t.table.live_of(client), 1U);
    t.tuple.source.port = 40001;
    t.shake_hands();
    (void)t.send(true, 100, kHello, {.ack = true}, 5);
    EXPECT_EQ(t.table.live_of(client), 1U) << "the second does not live yet";
    (void)t.send(false, 500, kHello, {.ack = true}, 5);
    EXPECT_EQ(t.table.live_of(client), 2U);
    EXPECT_EQ(t.table.live(), 2U);
    EXPECT_EQ(t.table.live_of(testing::endpoint("10.1.2.4", 1).address), 0U);
    EXPECT_EQ(t.send(true, 7, "", {.rst = true}), Event::ended);
    EXPECT_EQ(t.expire(600, std::nullopt), "ended;");
    EXPECT_EQ(t.table.live_of(client), 0U);
}

TEST(TlsTable, IsBounded) {
    Table t;
    t.limits.flows = 1;
    t.go_live();
    t.tuple.source.port = 40001;
    EXPECT_EQ(t.send(true, 99, "", {.syn = true}), Event::full);
    EXPECT_FALSE(t.table.restore(t.tuple, {}, at(0)));
}

TEST(TlsTable, OneFromBeforeARestartIsLookedAtAtOnce) {
    Table t;
    ASSERT_TRUE(t.table.restore(t.tuple, endpoint("192.0.2.10", 1).address, at(0)));
    ASSERT_NE(t.table.find(t.tuple), nullptr);
    EXPECT_EQ(t.table.find(t.tuple)->behind, endpoint("192.0.2.10", 1).address);
    EXPECT_EQ(t.table.live_of(t.tuple.source.address), 1U);
    EXPECT_EQ(t.expire(0, std::chrono::seconds(100)), "goes on;");
    EXPECT_EQ(t.send(true, 7, "", {.rst = true}), Event::ended);
}

}  // namespace
}  // namespace messenger::alg
