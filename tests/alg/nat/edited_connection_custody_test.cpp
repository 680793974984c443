// SPDX-License-Identifier: GPL-2.0-or-later
// What is acknowledged before the receiver has it: repetitions of held segments.
#include "alg/nat/edited_connection.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "alg/net/packet_writer.h"
#include "tests/alg/nat/edited_connection_lab.h"
#include "tests/support/packet_builder.h"

namespace messenger::alg {
namespace {

using messenger::testing::append16;
using messenger::testing::append32;
using messenger::testing::append8;
using messenger::testing::Bytes;
using Lab = EditedConnectionLab;
using Outcome = EditedConnection::Outcome;

TEST(EditedConnectionCustody, AsksTheReceiverInPlaceOfARepetition) {
    Lab lab;
    lab.data(1000, "abc");
    lab.data(1003, "def");
    EXPECT_EQ(lab.data(1000, "abcdef"), Outcome::released);
    EXPECT_EQ(lab.data(1004, "e"), Outcome::released);
    EXPECT_EQ(lab.released(), "3 999 , 4 999 ");
    EXPECT_EQ(lab.data(1000, "abcdefg"), Outcome::held) << "brings something new";
    EXPECT_EQ(lab.data(1003, "def", true), Outcome::held) << "the FIN is new";
}

/// Two held segments of a stalled sender; the receiver has answered, and the sender believes that they have arrived.
void take_custody(Lab& lab) {
    lab.data(1000, "abc");
    lab.data(1003, "def");
    lab.data(1000, "abc");
    EXPECT_EQ(lab.released(), "3 999 ");
    EXPECT_FALSE(lab.view.tcp.fin);
    lab.ack(1000);
    EXPECT_EQ(lab.released(), "4 5000 ");
    EXPECT_EQ(lab.view.tcp.acknowledgement, 1006U);
}

TEST(EditedConnectionCustody, AcknowledgesNothingEarlyToASenderThatIsNotStalled) {
    Lab lab;
    lab.data(1000, "abc");
    lab.ack(1000);
    EXPECT_EQ(lab.released(), "2 =");
    EXPECT_FALSE(lab.connection.is_altered());
}

TEST(EditedConnectionCustody, AcknowledgesWhatIsHeldToAStalledSender) {
    Lab lab;
    take_custody(lab);
    EXPECT_TRUE(lab.connection.is_altered());
    EXPECT_EQ(lab.connection.custody_bytes(), 6U);
    EXPECT_EQ(lab.data(1006, "ghi"), Outcome::held);
    lab.ack(1000);
    lab.released();
    EXPECT_EQ(lab.view.tcp.acknowledgement, 1006U) << "not what came after";
    ASSERT_TRUE(lab.edit(1000, "abcdefghi", "de", "1234"));
    lab.decide(1009);
    EXPECT_EQ(lab.released(), "1 =, 2 1003 1234f, 5 1008 ghi");
    lab.ack(1008);
    lab.released();
    EXPECT_EQ(lab.view.tcp.acknowledgement, 1006U);
    EXPECT_EQ(lab.connection.custody_bytes(), 0U);
}

TEST(EditedConnectionCustody, AcknowledgesEarlyOnlyBehindWhatTheReceiverHas) {
    Lab lab;
    lab.data(1000, "abc");
    lab.decide(1003);
    lab.data(1003, "def");
    lab.data(1003, "def");
    EXPECT_EQ(lab.released(), "1 =, 3 999 ");
    lab.ack(1002);
    EXPECT_EQ(lab.released(), "4 =");
    lab.ack(1003);
    lab.released();
    EXPECT_EQ(lab.view.tcp.acknowledgement, 1006U);
}

TEST(EditedConnectionCustody, RepetitionsBringWhatIsMissingInPlaceOfTheirOwn) {
    Lab lab;
    take_custody(lab);
    ASSERT_TRUE(lab.edit(1000, "abcdef", "de", "1234"));
    lab.decide(1020);
    EXPECT_EQ(lab.released(), "1 =, 2 1003 1234f");
    lab.data(1006, "ghi");
    EXPECT_EQ(lab.released(), "5 1008 ghi") << "what is new goes first";
    lab.data(1009, "jkl");
    lab.released();
    lab.data(1009, "jkl");
    EXPECT_EQ(lab.released(), "7 1000 abc1234f") << "it does not follow";
    lab.ack(1003);
    lab.released();
    EXPECT_EQ(lab.view.tcp.acknowledgement, 1006U);
    lab.data(1006, "ghi");
    EXPECT_EQ(lab.released(), "9 1003 1234fghi") << "it follows";
    lab.ack(1011);
    lab.released();
    lab.data(1006, "ghi");
    EXPECT_EQ(lab.released(), "11 1008 ghi");
}

TEST(EditedConnectionCustody, AcknowledgementsBringWhatIsMissingButNotTwiceInARow) {
    Lab lab;
    take_custody(lab);
    lab.decide(1006);
    lab.released();
    lab.data(1006, "");
    EXPECT_EQ(lab.released(), "5 1000 abcdef");
    lab.data(1006, "");
    EXPECT_EQ(lab.released(), "6 =") << "two ends that answer each other's would never stop";
    lab.data(1005, "");
    EXPECT_EQ(lab.released(), "7 1000 abcdef") << "a keep-alive";
    lab.data(1005, "?");
    EXPECT_EQ(lab.released(), "8 1000 abcdef") << "a keep-alive with a byte";
    lab.send(Sender::inside, {.sequence = 1006, .rst = true}, "");
    EXPECT_EQ(lab.released(), "9 =") << "but never a reset";
}

TEST(EditedConnectionCustody, AFinBringsWhatIsMissing) {
    Lab lab;
    take_custody(lab);
    lab.decide(1006);
    lab.released();
    lab.data(1006, "", true);
    EXPECT_EQ(lab.released(), "5 1000 abcdef!");
    lab.data(1006, "", true);
    EXPECT_EQ(lab.released(), "6 1000 abcdef!");
    lab.ack(1007);
    EXPECT_EQ(lab.released(), "7 =");
    EXPECT_EQ(lab.connection.custody_bytes(), 0U);
}

TEST(EditedConnectionCustody, AnswersForWhatItHasAcknowledgedAfterGivingUp) {
    Lab lab;
    take_custody(lab);
    lab.connection.give_up(Sender::inside, lab.releases);
    EXPECT_EQ(lab.released(), "1 =, 2 =");
    EXPECT_EQ(lab.connection.custody_bytes(), 6U);
    lab.data(1006, "");
    EXPECT_EQ(lab.released(), "5 1000 abcdef");
}

TEST(EditedConnectionCustody, AnswersKeepAlivesOfASenderWhoseBytesAreHeld) {
    Lab lab;
    take_custody(lab);
    lab.data(1005, "");
    EXPECT_EQ(lab.released(), "5 999 ");
    EXPECT_EQ(lab.data(1005, "?"), Outcome::released);
    EXPECT_EQ(lab.released(), "6 999 ");
}

TEST(EditedConnectionCustody, ReportsNoBlockThatWouldHideWhatIsMissing) {
    Lab lab;
    take_custody(lab);
    lab.data(1006, "ghi");
    lab.data(1009, "jkl");
    lab.decide(1012);
    lab.released();
    Bytes options;
    append16(options, 0x0101);
    append8(options, 5);
    append8(options, 18);
    for (const std::uint32_t edge : {1006U, 1008U, 1009U, 1012U}) append32(options, edge);
    lab.ack(1000, options);
    lab.released();
    EXPECT_EQ(lab.view.tcp.acknowledgement, 1006U);
    EXPECT_EQ(read_sack(lab.last, lab.view), (SackBlocks{{1009, 1012}}));
}

TEST(EditedConnectionCustody, KeepsNoMoreInCustodyThanItMayHold) {
    Lab lab(1460, {.held_bytes = 100, .held_segments = 8});
    lab.data(1000, std::string(40, 'a'));
    lab.data(1000, std::string(40, 'a'));
    EXPECT_EQ(lab.connection.custody_bytes(), 40U);
    lab.decide(1040);
    lab.data(1040, std::string(50, 'b'));
    lab.data(1040, std::string(50, 'b'));
    EXPECT_EQ(lab.connection.custody_bytes(), 90U);
    lab.decide(1090);
    lab.data(1090, std::string(20, 'c'));
    lab.data(1090, std::string(20, 'c'));
    EXPECT_EQ(lab.connection.custody_bytes(), 90U);
}

TEST(EditedConnectionCustody, AnswersForWhatItHasAcknowledgedAfterARestart) {
    Lab lab;
    take_custody(lab);
    std::vector<std::byte> saved;
    lab.connection.save(saved);
    std::span<const std::byte> from(saved);
    auto loaded = EditedConnection::load(from, {});
    ASSERT_TRUE(loaded);
    lab.connection = *std::move(loaded);
    EXPECT_EQ(lab.connection.unread(Sender::inside), "abcdef");
    EXPECT_TRUE(lab.connection.waits());
    EXPECT_EQ(lab.data(1006, "ghi"), Outcome::held);
    ASSERT_TRUE(lab.edit(1000, "abcdefghi", "de", "1234"));
    lab.decide(1009);
    EXPECT_EQ(lab.released(), "5 1008 ghi");
    EXPECT_FALSE(lab.connection.waits());
    lab.data(1006, "ghi");
    EXPECT_EQ(lab.released(), "6 1000 abc1234fghi");
}

TEST(EditedConnectionCustody, DoesNotLetDecidedBytesWaitWhenTheyComeWithHeldOnes) {
    Lab lab;
    lab.data(1000, "abc");
    lab.decide(1003);
    lab.data(1003, "def");
    EXPECT_EQ(lab.released(), "1 =");
    EXPECT_EQ(lab.data(1001, "bcdef"), Outcome::released);
    EXPECT_EQ(lab.released(), "3 1001 bc");
    EXPECT_EQ(lab.connection.held_segments(), 1U);
}

/// Its sender would think that it had repeated in vain, and wait much longer with the rest (RFC 3522).
TEST(EditedConnectionCustody, AnswersARepetitionWithItsOwnTime) {
    Lab lab;
    const auto at = [&](std::uint32_t sequence, std::uint32_t time, std::string_view payload) {
        lab.send(Sender::inside,
                 {.sequence = sequence, .acknowledgement = 5000, .ack = true, .options = timestamps(time)}, payload);
    };
    at(1000, 10, "abc");
    at(1000, 300, "abc");
    lab.released();
    lab.ack(1000, timestamps(9000, 4));
    EXPECT_EQ(lab.released(), "3 5000 ");
    EXPECT_EQ(lab.view.tcp.acknowledgement, 1003U);
    EXPECT_EQ(read_timestamps(lab.last, lab.view)->own, 9000U);
    EXPECT_EQ(read_timestamps(lab.last, lab.view)->echo, 300U);
    lab.decide(1003);
    lab.released();
    lab.ack(1003, timestamps(9001, 300));
    EXPECT_EQ(lab.released(), "4 =") << "the receiver's own answer has its own time";
}

}  // namespace
}  // namespace messenger::alg
