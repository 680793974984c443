// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/capture/packet_source.h"

#include <gtest/gtest.h>

#include <numeric>

#include "tests/support/capture_builder.h"
#include "tests/support/temporary_directory.h"

namespace messenger::daemon {
namespace {

using namespace messenger::testing;
using namespace std::chrono_literals;

const auto kInside = endpoint("10.0.0.1", 5060);
const auto kOutside = endpoint("192.0.2.1", 5060);

class PacketSourceTest : public ::testing::Test {
   protected:
    [[nodiscard]] PacketSource open(const std::vector<CaptureRecord>& records) const {
        const std::string path = (directory_.path() / "call.pcap").string();
        write_pcap(path, records);
        return PacketSource(CaptureFile(path));
    }

    TemporaryDirectory directory_;
};

void expect_every_frame_counted(const CaptureCounts& counts) {
    const std::uint64_t left_out = std::accumulate(counts.left_out.begin(), counts.left_out.end(), std::uint64_t{0});
    EXPECT_EQ(counts.frames, counts.packets + counts.held_fragments + left_out);
}

TEST_F(PacketSourceTest, GivesPacketsAndCountsWhatIsLeftOut) {
    const Bytes hello = udp_packet(kInside, kOutside, "hello");
    const std::vector<Bytes> fragments = fragment_packet(udp_packet(kInside, kOutside, std::string(80, 'x')), 48, 7);
    Bytes cut = ethernet_frame(hello);
    cut.pop_back();
    PacketSource source = open({{ethernet_frame(Bytes(28), {}, 0x0806)},
                                {ethernet_frame(hello), 1'700'000'000, 5},
                                {ethernet_frame(fragments[1])},
                                {cut, 1'700'000'001, 0, cut.size() + 1},
                                {ethernet_frame(fragments[0]), 1'000'000'002},
                                {ethernet_frame(ip_fragment(kInside.address, kOutside.address, 17, Bytes(7), 0, true))},
                                {ethernet_frame(fragment_packet(hello, 8, 8).front())}});
    const auto first = source.next();
    ASSERT_TRUE(first);
    EXPECT_EQ(first->time.time_since_epoch(), 1'700'000'000s + 5ns);
    EXPECT_EQ(first->frame, 2U);
    EXPECT_EQ(exact_copy(first->octets), hello);
    const auto second = source.next();
    ASSERT_TRUE(second);
    EXPECT_EQ(second->frame, 5U);
    EXPECT_EQ(second->octets.size(), 20U + 8U + 80U);
    EXPECT_FALSE(source.next());
    EXPECT_FALSE(source.next());
    EXPECT_FALSE(source.error());

    const CaptureCounts& counts = source.counts();
    EXPECT_EQ(counts.frames, 7U);
    EXPECT_EQ(counts.packets, 2U);
    EXPECT_EQ(counts.held_fragments, 2U);
    EXPECT_EQ(counts.of(LeftOut::not_ip), 1U);
    EXPECT_EQ(counts.of(LeftOut::cut_short), 1U);
    EXPECT_EQ(counts.of(LeftOut::bad_fragment), 1U);
    expect_every_frame_counted(counts);
    EXPECT_EQ(source.datagrams().complete, 1U);
    EXPECT_EQ(source.datagrams().incomplete, 1U);
    EXPECT_EQ(source.datagrams().bad, 1U);
}

TEST_F(PacketSourceTest, JoinsFragmentsInsideAndOutsideOfATunnel) {
    const Bytes packet = udp_packet(kInside, kOutside, std::string(200, 'x'));
    std::vector<CaptureRecord> records;
    std::uint32_t id = 50;
    for (const Bytes& inner : fragment_packet(packet, 96)) {
        Bytes gre;
        append32(gre, 0x00000800);
        append(gre, inner);
        const Bytes outer = ip_packet(address("2001:db8:1::1"), address("2001:db8:1::2"), kProtocolGre, gre);
        for (const Bytes& fragment : fragment_packet(outer, 64, ++id)) {
            records.push_back({ethernet_frame(fragment, {{7}})});
        }
    }
    PacketSource source = open(records);
    const auto joined = source.next();
    ASSERT_TRUE(joined);
    EXPECT_EQ(exact_copy(joined->octets), packet);
    EXPECT_EQ(joined->frame, records.size());
    EXPECT_FALSE(source.next());
    expect_every_frame_counted(source.counts());
    EXPECT_EQ(source.datagrams().complete, 3U);  // the last inner fragment fits into one outer packet
}

TEST_F(PacketSourceTest, CountsTunnelsAcrossFragments) {
    Bytes packet = udp_packet(kInside, kOutside, std::string(64, 'x'));
    std::vector<CaptureRecord> records;
    for (int depth = 0; depth < 5; ++depth) packet = ip_packet(kInside.address, kOutside.address, 4, packet);
    for (const Bytes& fragment : fragment_packet(packet, 80)) records.push_back({ethernet_frame(fragment)});
    PacketSource source = open(records);
    EXPECT_FALSE(source.next());
    EXPECT_EQ(source.counts().of(LeftOut::too_many_tunnels), 1U);
    expect_every_frame_counted(source.counts());
}

/// A packet whose fragment header is followed by another one, and so on: each is joined by itself, up to a bound.
TEST_F(PacketSourceTest, EndsAtFragmentsOfFragments) {
    const auto inside = address("2001:db8::1");
    const auto outside = address("2001:db8::2");
    Bytes chain(16);
    std::vector<Bytes> halves;
    for (std::uint32_t level = 0; level < 12; ++level) {
        Bytes header;
        append8(header, level == 0 ? 17 : 44);
        append8(header, 0);
        append16(header, 1);  // the first of several
        append32(header, level);
        append(header, chain);
        chain = header;
        halves.push_back(
            ip_fragment(inside, outside, 17, Bytes(8), chain.size() - 8, false, {.identification = level}));
    }
    std::vector<CaptureRecord> records;
    for (const Bytes& half : halves) records.push_back({ethernet_frame(half)});
    records.push_back({ethernet_frame(ip_packet(inside, outside, 44, chain))});
    PacketSource source = open(records);
    while (source.next()) {
    }
    expect_every_frame_counted(source.counts());
    EXPECT_EQ(source.counts().packets, 0U);
}

TEST_F(PacketSourceTest, HandsOnTheErrorOfTheFile) {
    const std::string path = (directory_.path() / "call.pcap").string();
    write_pcap(path, {{ethernet_frame(udp_packet(kInside, kOutside, "a"))}, {Bytes(60)}});
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
    PacketSource source{CaptureFile(path)};
    EXPECT_TRUE(source.next());
    EXPECT_FALSE(source.next());
    ASSERT_TRUE(source.error());
    EXPECT_EQ(source.error()->cause, CaptureError::Cause::cut_off);
}

TEST(LeftOutTexts, HasANameAndASentenceForEachReason) {
    for (std::size_t i = 0; i < kLeftOutCount; ++i) {
        EXPECT_FALSE(name(static_cast<LeftOut>(i)).empty());
        EXPECT_FALSE(describe(static_cast<LeftOut>(i)).empty());
    }
    EXPECT_EQ(name(LeftOut::surplus_fragment), "surplus_fragment");  // the last: the order is that of the enum
}

}  // namespace
}  // namespace messenger::daemon
