// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/nat/edited_connection.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "alg/net/packet_writer.h"
#include "tests/alg/nat/edited_connection_lab.h"
#include "tests/support/allocation_count.h"
#include "tests/support/packet_builder.h"

namespace messenger::alg {
namespace {

using messenger::testing::append16;
using messenger::testing::append32;
using messenger::testing::append8;
using messenger::testing::Bytes;
using messenger::testing::exact_copy;
using messenger::testing::tcp_packet;
using Lab = EditedConnectionLab;
using Outcome = EditedConnection::Outcome;

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
    EXPECT_EQ(read_timestamps(lab.last, lab.view)->own, 5U);
    at(1014, 6, "!");
    lab.decide(1015);
    EXPECT_EQ(lab.released(), "2 1010  and, 4 =");
    EXPECT_EQ(read_timestamps(lab.last, lab.view)->own, 5U);
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
    const Bytes one =
        tcp_packet(Lab::client(), Lab::server(), {.sequence = 1000, .acknowledgement = 5000, .ack = true}, "message");
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
