// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/nat/edited_connection.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "alg/net/packet_writer.h"
#include "tests/support/allocation_count.h"
#include "tests/support/packet_builder.h"

namespace messenger::alg {
namespace {

using messenger::testing::append16;
using messenger::testing::append32;
using messenger::testing::append8;
using messenger::testing::Bytes;
using messenger::testing::endpoint;
using messenger::testing::exact_copy;
using messenger::testing::tcp_packet;
using messenger::testing::TcpSegment;
using Outcome = EditedConnection::Outcome;

const Endpoint kClient = endpoint("10.1.2.3", 40000);
const Endpoint kServer = endpoint("192.0.2.9", 5060);

Bytes mss_option(unsigned mss) {
    Bytes option;
    append16(option, 0x0204);
    append16(option, mss);
    return option;
}

Bytes timestamps(std::uint32_t value) {
    Bytes option;
    append32(option, 0x0101080a);
    append32(option, value);
    append32(option, 77);
    return option;
}

/// A connection, its packets written shortly. The inside's data begins at 1000, the outside's at 5000.
class Lab {
   public:
    explicit Lab(unsigned mss = 1460, const EditLimits& limits = {}) : connection(limits) {
        send(Sender::inside, {.sequence = 999, .syn = true, .options = mss_option(mss)}, "");
        send(Sender::outside,
             {.sequence = 4999, .acknowledgement = 1000, .syn = true, .ack = true, .options = mss_option(mss)}, "");
        releases.clear();
    }

    Outcome send(Sender sender, const TcpSegment& fields, std::string_view payload) {
        const bool inside = sender == Sender::inside;
        const Bytes packet =
            exact_copy(tcp_packet(inside ? kClient : kServer, inside ? kServer : kClient, fields, payload));
        const Outcome outcome = connection.push(sender, ++token, packet, *parse_packet(packet), releases);
        if (outcome == Outcome::held && on_held) std::exchange(on_held, nullptr)();
        connection.decide(sender, decided[static_cast<std::size_t>(sender)], releases);
        return outcome;
    }
    Outcome data(std::uint32_t sequence, std::string_view payload, bool fin = false) {
        return send(Sender::inside,
                    {.sequence = sequence, .acknowledgement = 5000, .ack = true, .fin = fin, .psh = true}, payload);
    }
    Outcome ack(std::uint32_t acknowledgement, const Bytes& options = {}) {
        return send(Sender::outside,
                    {.sequence = 5000, .acknowledgement = acknowledgement, .ack = true, .options = options}, "");
    }
    bool edit(std::uint32_t sequence, std::string_view text, std::string_view old, std::string_view replacement) {
        EditList edits;
        edits.begin(text);
        edits.replace(text.substr(text.find(old), old.size()), replacement);
        return connection.edit(Sender::inside, sequence, edits);
    }
    void decide(std::uint32_t sequence) {
        decided[0] = sequence;
        connection.decide(Sender::inside, sequence, releases);
    }

    /// What was released since the last call: "token sequence payload" with FIN as "!", "token =", "token x".
    std::string released() {
        std::string text;
        for (std::size_t i = 0; i < releases.size(); ++i) {
            const Release& release = releases[i];
            text += (text.empty() ? "" : ", ") + std::to_string(release.token - 2);
            if (release.fate == Fate::pass) text += " =";
            if (release.fate == Fate::drop) text += " x";
            if (release.fate != Fate::replace) continue;
            last = release.packet;
            view = *parse_packet(last);
            text += ' ' + std::to_string(view.tcp.sequence) + ' ' + std::string(view.payload);
            if (view.tcp.fin) text += '!';
        }
        releases.clear();
        return text;
    }

    EditedConnection connection;
    ReleaseList releases;
    std::function<void()> on_held;  ///< what the reader does with the next segment that is held
    PacketToken token = 0;
    std::vector<std::uint32_t> decided{1000, 5000};
    Bytes last;
    PacketView view;  ///< of last
};

/// Its receiver would drop an older one that comes behind a younger one (RFC 7323 section 5).
TEST(EditedConnection, WhatWasHeldIsAsYoungAsWhatItWaitedFor) {
    Lab lab;
    const auto at = [&](std::uint32_t sequence, std::uint32_t time, std::string_view payload) {
        lab.send(Sender::inside,
                 {.sequence = sequence, .acknowledgement = 5000, .ack = true, .options = timestamps(time)}, payload);
    };
    at(1005, 0xfffffff0, "world");
    at(1010, 0xfffffff1, " and");
    EXPECT_EQ(lab.released(), "");
    at(1000, 5, "hello");  // the repetition of what was lost; the clock has wrapped meanwhile
    lab.decide(1010);
    EXPECT_EQ(lab.released(), "3 =, 1 1005 world");
    EXPECT_EQ(read_timestamp(lab.last, lab.view), 5U);
    at(1014, 6, "!");
    lab.decide(1015);
    EXPECT_EQ(lab.released(), "2 1010  and, 4 =");
    EXPECT_EQ(read_timestamp(lab.last, lab.view), 5U);
    EXPECT_FALSE(lab.connection.is_altered());
}

TEST(EditedConnection, HoldsSegmentsUntilTheyAreDecided) {
    Lab lab;
    EXPECT_EQ(lab.data(1000, "abc"), Outcome::held);
    EXPECT_EQ(lab.data(1003, "def"), Outcome::held);
    EXPECT_EQ(lab.released(), "");
    EXPECT_EQ(lab.connection.held_segments(), 2U);
    lab.decide(1004);
    EXPECT_EQ(lab.released(), "1 =");
    lab.decide(1006);
    EXPECT_EQ(lab.released(), "2 =");
    EXPECT_EQ(lab.connection.held_bytes(), 0U);
    EXPECT_FALSE(lab.connection.is_altered());
    EXPECT_EQ(lab.data(1000, "abc"), Outcome::released);
    EXPECT_EQ(lab.released(), "3 =") << "a retransmission of what is decided";
}

TEST(EditedConnection, SpreadsAnEditOverItsSegments) {
    Lab lab;
    lab.data(1000, "abcOL");
    lab.data(1005, "Dxyz");
    ASSERT_TRUE(lab.edit(1000, "abcOLDxyz", "OLD", "newer"));
    EXPECT_TRUE(lab.connection.is_altered());
    lab.decide(1009);
    EXPECT_EQ(lab.released(), "1 1000 abcne, 2 1005 werxyz");
    lab.data(1004, "LDx");
    EXPECT_EQ(lab.released(), "3 1004 ewerx") << "cut otherwise: the same bytes";
    lab.decide(1011);
    lab.data(1009, "..");
    EXPECT_EQ(lab.released(), "4 1011 ..");
}

TEST(EditedConnection, LeavesAPacketAloneThatComesOutAsItWas) {
    Lab lab;
    lab.data(1000, "abcdef");
    ASSERT_TRUE(lab.edit(1000, "abcdef", "cd", "CD"));
    lab.decide(1010);
    EXPECT_EQ(lab.released(), "1 1000 abCDef");
    lab.data(1006, "ghij");
    lab.ack(1006);
    EXPECT_EQ(lab.released(), "2 =, 3 =");
}

TEST(EditedConnection, HoldsEarlySegmentsAndReleasesInOrder) {
    Lab lab;
    lab.data(1006, "ghi");
    lab.data(1003, "def");
    lab.decide(1000);
    EXPECT_EQ(lab.released(), "");
    lab.data(1000, "abc");
    lab.decide(1009);
    EXPECT_EQ(lab.released(), "3 =, 2 =, 1 =");
}

TEST(EditedConnection, DropsRepetitionsOfWhatIsHeldBehindAGap) {
    Lab lab;
    lab.data(1003, "def");
    EXPECT_EQ(lab.data(1003, "def"), Outcome::released);
    EXPECT_EQ(lab.released(), "2 x");
    EXPECT_FALSE(lab.connection.is_altered());
}

TEST(EditedConnection, AsksTheReceiverInPlaceOfARepetition) {
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

TEST(EditedConnection, AcknowledgesNothingEarlyToASenderThatIsNotStalled) {
    Lab lab;
    lab.data(1000, "abc");
    lab.ack(1000);
    EXPECT_EQ(lab.released(), "2 =");
    EXPECT_FALSE(lab.connection.is_altered());
}

TEST(EditedConnection, AcknowledgesWhatIsHeldToAStalledSender) {
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

TEST(EditedConnection, AcknowledgesEarlyOnlyBehindWhatTheReceiverHas) {
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

TEST(EditedConnection, RepetitionsBringWhatIsMissingInPlaceOfTheirOwn) {
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

TEST(EditedConnection, AcknowledgementsBringWhatIsMissingButNotTwiceInARow) {
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

TEST(EditedConnection, AFinBringsWhatIsMissing) {
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

TEST(EditedConnection, AnswersForWhatItHasAcknowledgedAfterGivingUp) {
    Lab lab;
    take_custody(lab);
    lab.connection.give_up(Sender::inside, lab.releases);
    EXPECT_EQ(lab.released(), "1 =, 2 =");
    EXPECT_EQ(lab.connection.custody_bytes(), 6U);
    lab.data(1006, "");
    EXPECT_EQ(lab.released(), "5 1000 abcdef");
}

TEST(EditedConnection, AnswersKeepAlivesOfASenderWhoseBytesAreHeld) {
    Lab lab;
    take_custody(lab);
    lab.data(1005, "");
    EXPECT_EQ(lab.released(), "5 999 ");
    EXPECT_EQ(lab.data(1005, "?"), Outcome::released);
    EXPECT_EQ(lab.released(), "6 999 ");
}

TEST(EditedConnection, ReportsNoBlockThatWouldHideWhatIsMissing) {
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

TEST(EditedConnection, KeepsNoMoreInCustodyThanItMayHold) {
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

TEST(EditedConnection, AnswersForWhatItHasAcknowledgedAfterARestart) {
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

TEST(EditedConnection, DoesNotLetDecidedBytesWaitWhenTheyComeWithHeldOnes) {
    Lab lab;
    lab.data(1000, "abc");
    lab.decide(1003);
    lab.data(1003, "def");
    EXPECT_EQ(lab.released(), "1 =");
    EXPECT_EQ(lab.data(1001, "bcdef"), Outcome::released);
    EXPECT_EQ(lab.released(), "3 1001 bc");
    EXPECT_EQ(lab.connection.held_segments(), 1U);
}

TEST(EditedConnection, ReleasesEverythingBeforeAFinThatEndsTheStream) {
    Lab lab;
    lab.data(1000, "abc");
    lab.data(1006, "", true);
    EXPECT_EQ(lab.released(), "");
    lab.data(1003, "def");
    EXPECT_EQ(lab.released(), "1 =, 3 =, 2 =");
}

TEST(EditedConnection, TranslatesTheFinBehindAnEdit) {
    Lab lab;
    lab.on_held = [&lab] { EXPECT_TRUE(lab.edit(1000, "abc", "b", "BBB")); };
    lab.data(1000, "abc", true);
    EXPECT_EQ(lab.released(), "1 1000 aBBBc!");
    lab.data(1003, "", true);
    EXPECT_EQ(lab.released(), "2 1005 !");
    lab.send(Sender::inside, {.sequence = 1004, .acknowledgement = 5000, .ack = true}, "");
    EXPECT_EQ(lab.released(), "3 1006 ");
}

TEST(EditedConnection, AcknowledgesWhatTheReceiverHas) {
    Lab lab;
    lab.data(1000, "abcOLDxyz");
    ASSERT_TRUE(lab.edit(1000, "abcOLDxyz", "OLD", "newer"));
    lab.decide(1009);
    lab.released();
    const auto acknowledged = [&](std::uint32_t number) {
        lab.ack(number);
        const bool replaced = lab.releases[0].fate == Fate::replace;
        lab.released();
        return replaced ? lab.view.tcp.acknowledgement : number;
    };
    EXPECT_EQ(acknowledged(1003), 1003U);
    EXPECT_EQ(acknowledged(1007), 1005U) << "a part of what has grown: not all of OLD";
    EXPECT_EQ(acknowledged(1008), 1006U);
    EXPECT_EQ(acknowledged(1011), 1009U);
    EXPECT_EQ(acknowledged(1012), 1010U) << "and the FIN";
}

TEST(EditedConnection, TranslatesSackBlocks) {
    Lab lab;
    lab.data(1000, "abcOLDxyz");
    ASSERT_TRUE(lab.edit(1000, "abcOLDxyz", "OLD", "newer"));
    lab.decide(1009);
    lab.released();
    Bytes options;
    append16(options, 0x0101);
    append8(options, 5);
    append8(options, 18);
    for (const std::uint32_t edge : {1009U, 1011U, 1006U, 1007U}) append32(options, edge);
    lab.ack(1001, options);
    lab.released();
    EXPECT_EQ(read_sack(lab.last, lab.view), (SackBlocks{{1007, 1009}})) << "half of an edit is nothing";
    options.resize(4);
    options[3] = std::byte{10};
    for (const std::uint32_t edge : {1007U, 1010U}) append32(options, edge);
    lab.ack(1001, options);
    lab.released();
    EXPECT_EQ(read_sack(lab.last, lab.view), (SackBlocks{{1006, 1008}})) << "from the middle of an edit";
}

TEST(EditedConnection, LowersTheMssOfBothSyns) {
    EditedConnection connection({});
    ReleaseList releases;
    const Bytes packet = tcp_packet(kClient, kServer, {.syn = true, .options = mss_option(1460)}, "");
    EXPECT_EQ(connection.push(Sender::inside, 1, packet, *parse_packet(packet), releases), Outcome::released);
    ASSERT_EQ(releases[0].fate, Fate::replace);
    EXPECT_EQ(read_mss(releases[0].packet, *parse_packet(releases[0].packet)), 1396);
    const Bytes plain = tcp_packet(kClient, kServer, {.syn = true}, "");
    EXPECT_EQ(connection.push(Sender::inside, 2, plain, *parse_packet(plain), releases), Outcome::released);
    EXPECT_EQ(releases[1].fate, Fate::pass);
}

TEST(EditedConnection, CarriesWhatFindsNoRoomIntoTheNextSegment) {
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

TEST(EditedConnection, CarriesNothingThatARetransmissionHasBroughtMeanwhile) {
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

TEST(EditedConnection, LetsKeepAlivesPassBehindAFinThatCameEarly) {
    Lab lab;
    lab.data(1003, "def", true);
    lab.on_held = [&lab] { lab.decided[0] = 1006; };
    lab.data(1000, "abc");
    EXPECT_EQ(lab.released(), "2 =, 1 =");
    EXPECT_EQ(lab.data(1006, "?"), Outcome::released);
}

TEST(EditedConnection, TakesNoFinAlongThatHasNoRoomBeforeIt) {
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

TEST(EditedConnection, MakesProgressWithARetransmissionThatIsAlwaysTooLong) {
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

TEST(EditedConnection, NeverLetsASegmentGrowWhoseReceiverNamedNoMss) {
    EditedConnection connection({});
    connection.take_up(Sender::inside, 1000);
    ReleaseList releases;
    const std::string text = "OLD" + std::string(1400, '.');
    const Bytes packet = tcp_packet(kClient, kServer, {.sequence = 1000, .ack = true}, text);
    EXPECT_EQ(connection.push(Sender::inside, 1, packet, *parse_packet(packet), releases), Outcome::held);
    EditList edits;
    edits.begin(text);
    edits.replace(std::string_view(text).substr(0, 3), "longer");
    ASSERT_TRUE(connection.edit(Sender::inside, 1000, edits));
    connection.decide(Sender::inside, 1000 + 1403, releases);
    EXPECT_EQ(releases[0].packet.size(), packet.size());
}

TEST(EditedConnection, AsksForAnAnswerWhenNothingIsLeftOfASegment) {
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

TEST(EditedConnection, TranslatesAResetAndLetsHeldSegmentsGoBeforeIt) {
    Lab lab;
    lab.data(1000, "OLD");
    ASSERT_TRUE(lab.edit(1000, "OLD", "OLD", "newer"));
    lab.decide(1003);
    lab.data(1003, "held");
    lab.send(Sender::inside, {.sequence = 900, .rst = true}, "");
    EXPECT_EQ(lab.released(), "1 1000 newer, 3 =") << "a reset that nobody believes";
    lab.send(Sender::inside, {.sequence = 1007, .rst = true}, "");
    EXPECT_EQ(lab.released(), "2 1005 held, 4 1009 ");
    EXPECT_TRUE(lab.view.tcp.rst);
}

TEST(EditedConnection, IsNotImpressedByASynThatNobodyAnswers) {
    Lab lab;
    lab.data(1000, "OLD");
    ASSERT_TRUE(lab.edit(1000, "OLD", "OLD", "newer"));
    lab.decide(1003);
    lab.released();
    lab.send(Sender::inside, {.sequence = 77, .syn = true}, "");
    EXPECT_EQ(lab.released(), "2 =");
    lab.data(1000, "OLD");
    EXPECT_EQ(lab.released(), "3 1000 newer");
    lab.send(Sender::outside, {.sequence = 0, .acknowledgement = 78, .ack = true, .rst = true}, "");
    EXPECT_EQ(lab.released(), "4 =") << "refused with the numbers of the SYN";
}

TEST(EditedConnection, BeginsAnewWhenTheSynIsAnswered) {
    Lab lab;
    lab.data(1000, "OLD");
    ASSERT_TRUE(lab.edit(1000, "OLD", "OLD", "newer"));
    lab.decide(1003);
    lab.data(1003, "held");
    lab.released();
    lab.send(Sender::inside, {.sequence = 77, .syn = true}, "");
    lab.decided = {78, 500};
    lab.send(Sender::outside, {.sequence = 499, .acknowledgement = 78, .syn = true, .ack = true}, "");
    EXPECT_EQ(lab.released(), "3 =, 2 1005 held, 4 =");
    EXPECT_FALSE(lab.connection.is_altered());
    EXPECT_EQ(lab.connection.decided(Sender::inside), 78U);
    EXPECT_EQ(lab.data(78, "OLD"), Outcome::held);
    lab.decide(81);
    lab.send(Sender::outside, {.sequence = 499, .acknowledgement = 78, .syn = true, .ack = true}, "");
    EXPECT_EQ(lab.connection.decided(Sender::inside), 81U) << "a repeated answer";
}

TEST(EditedConnection, GivesUpWhenTooMuchWouldBeHeld) {
    Lab lab(1460, {.held_bytes = 10'000, .held_segments = 3});
    lab.data(1000, "OLDxyz");
    ASSERT_TRUE(lab.edit(1000, "OLDxyz", "OLD", "newer"));
    lab.decide(1006);
    lab.data(1006, "b");
    lab.data(1008, "d");
    lab.data(1007, "c");
    EXPECT_EQ(lab.released(), "1 1000 newerxyz");
    EXPECT_EQ(lab.data(1009, "e"), Outcome::overflow);
    EXPECT_EQ(lab.released(), "2 1008 b, 4 1009 c, 3 1010 d, 5 1011 e");
    EXPECT_TRUE(lab.connection.given_up(Sender::inside));
    EXPECT_FALSE(lab.connection.given_up(Sender::outside));
    EXPECT_FALSE(lab.edit(1010, "OLD", "OLD", "new"));
    EXPECT_EQ(lab.data(1010, "f"), Outcome::released);
    EXPECT_EQ(lab.data(1000, "OLDxyz"), Outcome::released);
    EXPECT_EQ(lab.released(), "6 1012 f, 7 1000 newerxyz");
}

TEST(EditedConnection, GivesUpOnTooManyBytes) {
    Lab lab(1460, {.held_bytes = 2'000});
    EXPECT_EQ(lab.data(1000, std::string(900, 'a')), Outcome::held);
    EXPECT_EQ(lab.data(1900, std::string(900, 'a')), Outcome::held);
    EXPECT_EQ(lab.data(2800, std::string(900, 'a')), Outcome::overflow);
    EXPECT_EQ(lab.released(), "1 =, 2 =, 3 =");
}

TEST(EditedConnection, RefusesEditsOfWhatHasGone) {
    Lab lab;
    lab.data(1000, "abcdef");
    lab.decide(1003);
    EXPECT_FALSE(lab.edit(1000, "abcdef", "cd", "x"));
    EXPECT_FALSE(lab.connection.is_altered());
    EXPECT_TRUE(lab.edit(1000, "abcdef", "de", "x"));
}

TEST(EditedConnection, MakesAllEditsOfAMessageOrNone) {
    Lab lab;
    const std::string text(600, 'x');
    EditList edits;
    for (std::uint32_t message = 0; message < 10; ++message) {
        edits.begin(text);
        for (std::size_t i = 0; i < 150; ++i) edits.replace(std::string_view(text).substr(4 * i, 2), "yyy");
        const bool fits = (message + 1) * 150 <= SequenceMap::kMaxEdits;
        EXPECT_EQ(lab.connection.edit(Sender::inside, 1000 + 600 * message, edits), fits);
        if (!fits) break;
    }
    lab.decide(1'000'000);
    lab.data(1000 + 6 * 600, "after");
    EXPECT_EQ(lab.released(), "1 " + std::to_string(1000 + 6 * 750) + " after");
}

TEST(EditedConnection, PutsInsertionsWhereTheyBelong) {
    const std::string text = "abcdef";
    const auto edited = [&](const std::vector<std::array<std::size_t, 2>>& places, std::uint32_t decided) {
        Lab lab;
        lab.data(1000, text);
        lab.decided[0] = decided;
        lab.decide(decided);
        EditList edits;
        edits.begin(text);
        for (const auto& [at, length] : places) edits.replace(std::string_view(text).substr(at, length), "<>");
        if (!lab.connection.edit(Sender::inside, 1000, edits)) return std::string("refused");
        lab.decide(1006);
        return lab.released();
    };
    EXPECT_EQ(edited({{3, 0}}, 1000), "1 1000 abc<>def");
    EXPECT_EQ(edited({{0, 0}}, 1000), "1 1000 <>abcdef");
    EXPECT_EQ(edited({{6, 0}}, 1000), "1 1000 abcdef<>");
    EXPECT_EQ(edited({{1, 2}, {3, 0}}, 1000), "1 1000 a<><>def");
    EXPECT_EQ(edited({{1, 2}, {4, 0}}, 1000), "1 1000 a<>d<>ef");
    EXPECT_EQ(edited({{2, 0}, {3, 0}, {4, 1}, {5, 0}}, 1000), "1 1000 ab<>c<>d<><>f");
    EXPECT_EQ(edited({{3, 0}}, 1003), "1 1000 abc<>def") << "what is before it has gone";
    EXPECT_EQ(edited({{2, 0}}, 1003), "refused");
}

TEST(EditedConnection, TakesNoHeapWhileThereIsNothingToEdit) {
    Lab lab;
    const Bytes one = tcp_packet(kClient, kServer, {.sequence = 1000, .acknowledgement = 5000, .ack = true}, "message");
    const auto view = *parse_packet(one);
    const auto round = [&] {
        for (std::uint32_t i = 0; i < 10; ++i) {
            PacketView moved = view;
            moved.tcp.sequence += 7 * i;
            lab.releases.clear();
            if (lab.connection.push(Sender::inside, i, one, moved, lab.releases) == Outcome::overflow) std::abort();
            lab.connection.decide(Sender::inside, moved.tcp.sequence + 7, lab.releases);
        }
    };
    round();
    const std::size_t before = messenger::test::allocation_count();
    round();
    EXPECT_EQ(messenger::test::allocation_count(), before);
    EXPECT_EQ(lab.releases.size(), 1U);
}

TEST(EditedConnection, GoesOnAfterARestart) {
    Lab lab;
    lab.data(1000, "abcOLDxyz");
    ASSERT_TRUE(lab.edit(1000, "abcOLDxyz", "OLD", "newer"));
    lab.decide(1009);
    lab.released();
    std::vector<std::byte> saved;
    lab.connection.save(saved);
    saved.push_back(std::byte{0x77});
    std::span<const std::byte> from(saved);
    auto loaded = EditedConnection::load(from, {});
    ASSERT_TRUE(loaded);
    EXPECT_EQ(from.size(), 1U) << "another one may follow";
    lab.connection = *std::move(loaded);
    EXPECT_EQ(lab.connection.decided(Sender::inside), 1009U);
    lab.data(1002, "cOLDxy");
    EXPECT_EQ(lab.released(), "2 1002 cnewerxy");
    lab.ack(1011);
    lab.released();
    EXPECT_EQ(lab.view.tcp.acknowledgement, 1009U);
    EXPECT_EQ(lab.data(1009, "next"), Outcome::held);
    lab.decide(1013);
    EXPECT_EQ(lab.released(), "4 1011 next");
}

TEST(EditedConnection, LoadsNothingThatIsCutOrOfAnotherVersion) {
    Lab lab;
    lab.data(1000, "OLD");
    ASSERT_TRUE(lab.edit(1000, "OLD", "OLD", "newer"));
    std::vector<std::byte> saved;
    lab.connection.save(saved);
    for (std::size_t size = 0; size < saved.size(); ++size) {
        const Bytes cut = exact_copy(std::span<const std::byte>(saved).first(size));
        std::span<const std::byte> from(cut);
        EXPECT_FALSE(EditedConnection::load(from, {})) << size;
        EXPECT_EQ(from.size(), size);
    }
    saved[0] = std::byte{1};
    std::span<const std::byte> from(saved);
    EXPECT_FALSE(EditedConnection::load(from, {}));
}

}  // namespace
}  // namespace messenger::alg
