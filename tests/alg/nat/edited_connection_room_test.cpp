// SPDX-License-Identifier: GPL-2.0-or-later
// Segments that grow: how much fits, and where the rest goes.
#include "alg/nat/edited_connection.h"

#include <gtest/gtest.h>

#include <string>

#include "alg/net/packet_writer.h"
#include "tests/alg/nat/edited_connection_lab.h"
#include "tests/support/packet_builder.h"

namespace messenger::alg {
namespace {

using messenger::testing::Bytes;
using messenger::testing::tcp_packet;
using Lab = EditedConnectionLab;
using Outcome = EditedConnection::Outcome;

TEST(EditedConnectionRoom, LowersTheMssOfBothSyns) {
    EditedConnection connection({});
    ReleaseList releases;
    const Bytes packet = tcp_packet(Lab::client(), Lab::server(), {.syn = true, .options = mss_option(1460)}, "");
    EXPECT_EQ(connection.push(Sender::inside, 1, packet, *parse_packet(packet), releases), Outcome::released);
    ASSERT_EQ(releases[0].fate, Fate::replace);
    EXPECT_EQ(read_mss(releases[0].packet, *parse_packet(releases[0].packet)), 1396);
    const Bytes plain = tcp_packet(Lab::client(), Lab::server(), {.syn = true}, "");
    EXPECT_EQ(connection.push(Sender::inside, 2, plain, *parse_packet(plain), releases), Outcome::released);
    EXPECT_EQ(releases[1].fate, Fate::pass);
}

TEST(EditedConnectionRoom, CarriesWhatFindsNoRoomIntoTheNextSegment) {
    Lab lab(600);
    const std::string first = "OLD" + std::string(597, '.');
    lab.data(1000, first);
    lab.data(1600, "second");
    ASSERT_TRUE(lab.edit(1000, first, "OLD", "a longer one"));
    lab.decide(1606);
    EXPECT_EQ(lab.released(),
              "1 1000 a longer one" + std::string(588, '.') + ", 2 1600 " + std::string(9, '.') + "second");
    EXPECT_EQ(lab.connection.cut_tails(), 1U);
}

TEST(EditedConnectionRoom, CarriesNothingThatARetransmissionHasBroughtMeanwhile) {
    Lab lab(600);
    const std::string first = "OLD" + std::string(597, '.');
    lab.data(1000, first);
    ASSERT_TRUE(lab.edit(1000, first, "OLD", "longer"));
    lab.decide(2000);
    lab.released();
    lab.data(1500, first.substr(500));
    EXPECT_EQ(lab.released(), "2 1503 " + std::string(100, '.'));
    lab.ack(1602);
    lab.released();
    lab.data(1600, "next");
    EXPECT_EQ(lab.released(), "4 1602 .next") << "all but one byte";
}

TEST(EditedConnectionRoom, LetsKeepAlivesPassBehindAFinThatCameEarly) {
    Lab lab;
    lab.data(1003, "def", true);
    lab.on_held = [&lab] { lab.decided[0] = 1006; };
    lab.data(1000, "abc");
    EXPECT_EQ(lab.released(), "2 =, 1 =");
    EXPECT_EQ(lab.data(1006, "?"), Outcome::released);
}

TEST(EditedConnectionRoom, TakesNoFinAlongThatHasNoRoomBeforeIt) {
    Lab lab(600);
    const std::string first = "OLD" + std::string(597, '.');
    lab.data(1000, first);
    ASSERT_TRUE(lab.edit(1000, first, "OLD", "longer"));
    lab.data(1600, "");
    lab.releases.clear();
    lab.data(1000, first, true);
    EXPECT_EQ(lab.released().back(), '.');
    lab.data(1600, "", true);
    EXPECT_EQ(lab.view.tcp.fin, false);
    EXPECT_EQ(lab.released(), "4 1600 ...!");
}

TEST(EditedConnectionRoom, MakesProgressWithARetransmissionThatIsAlwaysTooLong) {
    Lab lab(600);
    lab.data(1000, "X");
    const std::string much(2000, 'y');
    ASSERT_TRUE(lab.edit(1000, "X", "X", much));
    lab.decide(1001);
    std::uint32_t acknowledged = 1000;
    for (int i = 0; i < 4; ++i) {
        lab.data(1000, "X");
        lab.releases.clear();
        lab.data(1000, "X");
        lab.released();
        EXPECT_EQ(lab.view.tcp.sequence, acknowledged);
        acknowledged += static_cast<std::uint32_t>(lab.view.payload.size());
        lab.ack(acknowledged);
        lab.released();
        EXPECT_EQ(lab.view.tcp.acknowledgement, i < 3 ? 1000U : 1001U);
    }
    EXPECT_EQ(acknowledged, 3000U);
}

TEST(EditedConnectionRoom, NeverLetsASegmentGrowWhoseReceiverNamedNoMss) {
    EditedConnection connection({});
    connection.take_up(Sender::inside, 1000);
    ReleaseList releases;
    const std::string text = "OLD" + std::string(1400, '.');
    const Bytes packet = tcp_packet(Lab::client(), Lab::server(), {.sequence = 1000, .ack = true}, text);
    EXPECT_EQ(connection.push(Sender::inside, 1, packet, *parse_packet(packet), releases), Outcome::held);
    EditList edits;
    edits.begin(text);
    edits.replace(std::string_view(text).substr(0, 3), "longer");
    ASSERT_TRUE(connection.edit(Sender::inside, 1000, edits));
    connection.decide(Sender::inside, 1000 + 1403, releases);
    EXPECT_EQ(releases[0].packet.size(), packet.size());
}

TEST(EditedConnectionRoom, AsksForAnAnswerWhenNothingIsLeftOfASegment) {
    Lab lab;
    lab.data(1000, "abcOLDxyz");
    ASSERT_TRUE(lab.edit(1000, "abcOLDxyz", "OLDxyz", ""));
    lab.decide(1009);
    lab.released();
    lab.data(1003, "OLDxyz");
    EXPECT_EQ(lab.released(), "2 1002 ");
    lab.data(1008, "");
    EXPECT_EQ(lab.released(), "3 1002 ") << "a keep-alive";
    lab.data(1009, "");
    EXPECT_EQ(lab.released(), "4 1003 ") << "a plain acknowledgement";
    lab.data(1008, "?");
    EXPECT_EQ(lab.released(), "5 1002 ") << "a keep-alive with a byte";
}

}  // namespace
}  // namespace messenger::alg
