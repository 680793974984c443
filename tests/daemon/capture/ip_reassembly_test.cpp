// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/capture/ip_reassembly.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <tuple>

#include "alg/net/packet.h"
#include "tests/support/packet_builder.h"

namespace messenger::daemon {
namespace {

using namespace messenger::testing;
using namespace std::chrono_literals;

const auto kInside = endpoint("10.0.0.1", 5060);
const auto kOutside = endpoint("192.0.2.1", 5060);
const auto kInside6 = endpoint("2001:db8::1", 5060);
const auto kOutside6 = endpoint("2001:db8::2", 5060);
constexpr alg::TimePoint kStart{1'000'000s};

/// 100 octets of UDP payload that differ, so that a wrong order shows: 108 octets to cut.
std::string payload() {
    std::string text;
    for (char c = ' '; text.size() < 100; ++c) text += c == '~' ? c = ' ' : c;
    return text;
}

class Reassembly : public ::testing::Test {
   protected:
    IpReassembler::Result push(const Bytes& packet, alg::TimePoint now = kStart) {
        const Bytes exact = exact_copy(packet);
        const auto read = read_ip_header(exact);
        if (!std::holds_alternative<IpHeader>(read) || !std::get<IpHeader>(read).is_fragment) {
            ADD_FAILURE() << "no fragment";
            return {};
        }
        return reassembler_.push(now, std::get<IpHeader>(read));
    }

    /// Nothing yet, and no complaint.
    void expect_held(const Bytes& packet, alg::TimePoint now = kStart) {
        const auto result = push(packet, now);
        EXPECT_FALSE(result.refused) << name(*result.refused);
        EXPECT_TRUE(result.packet.empty());
    }

    void expect_refused(const Bytes& packet, LeftOut reason, alg::TimePoint now = kStart) {
        const auto result = push(packet, now);
        ASSERT_TRUE(result.refused);
        EXPECT_EQ(name(*result.refused), name(reason));
        EXPECT_TRUE(result.packet.empty());
    }

    void expect_whole(const Bytes& fragment, const Bytes& packet, alg::TimePoint now = kStart) {
        const auto result = push(fragment, now);
        EXPECT_FALSE(result.refused) << name(*result.refused);
        EXPECT_EQ(exact_copy(result.packet), packet);
    }

    IpReassembler reassembler_;
};

Bytes fragment4(std::size_t offset, std::size_t size, bool more, const IpOptions& options = {}) {
    return ip_fragment(kInside.address, kOutside.address, kProtocolUdp, Bytes(size, std::byte{'x'}), offset, more,
                       options);
}

TEST_F(Reassembly, JoinsFragmentsInAnyOrder) {
    for (const Bytes& packet : {udp_packet(kInside, kOutside, payload()), udp_packet(kInside6, kOutside6, payload())}) {
        std::vector<Bytes> fragments = fragment_packet(packet, 32);
        ASSERT_EQ(fragments.size(), 4U);
        std::vector<std::size_t> order{0, 1, 2, 3};
        do {
            for (std::size_t i = 0; i < 3; ++i) expect_held(fragments[order[i]]);
            expect_whole(fragments[order[3]], packet);
        } while (std::next_permutation(order.begin(), order.end()));
    }
    EXPECT_EQ(reassembler_.counts().complete, 48U);
    EXPECT_EQ(reassembler_.held_datagrams(), 0U);
    EXPECT_EQ(reassembler_.held_octets(), 0U);
}

TEST_F(Reassembly, GivesWhatThePacketParserReads) {
    const IpOptions options{.extensions = {{.type = 60}}};
    const Bytes segment = exact_copy(ByteSpan(udp_packet(kInside6, kOutside6, payload())).subspan(40));
    const auto cut6 = [&](std::size_t from, std::size_t size, bool more) {
        return ip_fragment(kInside6.address, kOutside6.address, 17, ByteSpan(segment).subspan(from, size), from, more,
                           options);
    };
    const std::vector<Bytes> fragments = fragment_packet(udp_packet(kInside, kOutside, payload()), 64);
    for (const auto& [first, last, source] : {std::tuple{fragments[0], fragments[1], kInside},
                                              std::tuple{cut6(0, 64, true), cut6(64, 44, false), kInside6}}) {
        expect_held(first);
        const Bytes whole = exact_copy(push(last).packet);
        const auto parsed = alg::parse_packet(whole);
        ASSERT_TRUE(parsed) << alg::name(parsed.error());
        EXPECT_EQ(parsed->tuple.source, source);
        EXPECT_EQ(parsed->payload, payload());
        // The checksum covers the addresses: whole, and of this datagram.
        const std::size_t at = whole.size() - 108;
        EXPECT_EQ(transport_checksum(parsed->tuple.source.address, parsed->tuple.destination.address, kProtocolUdp,
                                     ByteSpan(whole).subspan(at)),
                  0);
    }
}

TEST_F(Reassembly, KeepsTheOptionsOfTheFirstFragment) {
    const IpOptions options{.ipv4_options = Bytes(8, std::byte{1})};
    const Bytes segment(40, std::byte{7});
    const Bytes whole = ip_packet(kInside.address, kOutside.address, 17, segment, options);
    // Options without the "copied" flag are only in the first fragment.
    expect_held(ip_fragment(kInside.address, kOutside.address, 17, ByteSpan(segment).subspan(16), 16, false));
    expect_whole(ip_fragment(kInside.address, kOutside.address, 17, ByteSpan(segment).first(16), 0, true, options),
                 whole);
}

TEST_F(Reassembly, KeepsExtensionHeadersBeforeTheFragmentHeader) {
    const IpOptions options{.extensions = {{.type = 0}, {.type = 60}}};
    const Bytes segment(40, std::byte{7});
    const Bytes whole = ip_packet(kInside6.address, kOutside6.address, 17, segment, options);
    expect_held(ip_fragment(kInside6.address, kOutside6.address, 17, ByteSpan(segment).first(16), 0, true, options));
    expect_whole(
        ip_fragment(kInside6.address, kOutside6.address, 17, ByteSpan(segment).subspan(16), 16, false, options), whole);
}

TEST_F(Reassembly, TakesTheNextHeaderOfTheFirstIpv6Fragment) {
    const Bytes segment(32, std::byte{7});
    const Bytes whole = ip_packet(kInside6.address, kOutside6.address, 17, segment);
    expect_held(ip_fragment(kInside6.address, kOutside6.address, 59, ByteSpan(segment).subspan(16), 16, false));
    expect_whole(ip_fragment(kInside6.address, kOutside6.address, 17, ByteSpan(segment).first(16), 0, true), whole);
}

TEST_F(Reassembly, KeepsDatagramsApart) {
    const Bytes a = udp_packet(kInside, kOutside, payload());
    const std::vector<Bytes> fragments = fragment_packet(a, 64);
    expect_held(fragments[0]);
    expect_held(fragment4(64, 40, false, {.identification = 0x1235}));
    expect_held(ip_fragment(kInside.address, kOutside.address, kProtocolTcp, Bytes(8), 64, false));
    expect_held(ip_fragment(kOutside.address, kInside.address, kProtocolUdp, Bytes(8), 64, false));
    EXPECT_EQ(reassembler_.held_datagrams(), 4U);
    expect_whole(fragments[1], a);
    EXPECT_EQ(reassembler_.held_datagrams(), 3U);
}

TEST_F(Reassembly, DropsADatagramWhoseFragmentsOverlap) {
    expect_held(fragment4(0, 32, true));
    expect_refused(fragment4(24, 16, true), LeftOut::overlapping_fragment);
    EXPECT_EQ(reassembler_.counts().overlapping, 1U);
    EXPECT_EQ(reassembler_.held_octets(), 0U);
    // RFC 5722: the rest as well, received and not yet received; otherwise it could be completed anew.
    expect_refused(fragment4(0, 32, true), LeftOut::surplus_fragment);
    expect_refused(fragment4(32, 8, false), LeftOut::surplus_fragment);
    reassembler_.give_up_all();
    EXPECT_EQ(reassembler_.counts().incomplete, 0U);  // counted once
}

TEST_F(Reassembly, SeesEachKindOfOverlap) {
    struct Case {
        std::size_t offset;
        std::size_t size;
    };
    for (const Case overlap : {Case{24, 16}, Case{56, 16}, Case{32, 24}, Case{40, 8}, Case{24, 40}, Case{40, 16}}) {
        IpReassembler fresh;
        std::swap(reassembler_, fresh);
        expect_held(fragment4(32, 32, true));
        expect_refused(fragment4(overlap.offset, overlap.size, true), LeftOut::overlapping_fragment);
    }
}

TEST_F(Reassembly, TakesNeighboursForWhatTheyAre) {
    expect_held(fragment4(32, 32, true));
    expect_held(fragment4(24, 8, true));
    expect_held(fragment4(64, 8, true));
    EXPECT_EQ(reassembler_.held_octets(), 48U);
}

TEST_F(Reassembly, IgnoresAnExactDuplicate) {
    const Bytes packet = udp_packet(kInside, kOutside, payload());
    const std::vector<Bytes> fragments = fragment_packet(packet, 64);
    expect_held(fragments[0]);
    expect_held(fragments[0]);
    expect_whole(fragments[1], packet);
}

TEST_F(Reassembly, TakesADuplicateWithOtherOctetsForAnOverlap) {
    Bytes other = fragment4(0, 32, true);
    other.back() = std::byte{'y'};
    expect_held(fragment4(0, 32, true));
    expect_refused(other, LeftOut::overlapping_fragment);
}

TEST_F(Reassembly, RefusesImpossibleLengths) {
    expect_refused(fragment4(0, 20, true), LeftOut::bad_fragment);                             // not a multiple of 8
    expect_refused(fragment4(8, 0, true, {.identification = 2}), LeftOut::bad_fragment);       // nothing in it
    expect_refused(fragment4(65528, 8, false, {.identification = 3}), LeftOut::bad_fragment);  // beyond 64 KiB
    EXPECT_EQ(reassembler_.counts().bad, 3U);
    EXPECT_EQ(reassembler_.held_octets(), 0U);
}

TEST_F(Reassembly, RefusesFragmentsThatContradictTheEnd) {
    expect_held(fragment4(32, 10, false, {.identification = 1}));
    expect_refused(fragment4(40, 8, true, {.identification = 1}), LeftOut::bad_fragment);  // beyond it
    expect_held(fragment4(32, 8, false, {.identification = 2}));
    expect_refused(fragment4(40, 8, false, {.identification = 2}), LeftOut::bad_fragment);  // another end
    expect_held(fragment4(32, 8, true, {.identification = 3}));
    expect_refused(fragment4(16, 8, false, {.identification = 3}), LeftOut::bad_fragment);  // before what is there
    expect_held(fragment4(32, 8, false, {.identification = 4}));
    expect_refused(fragment4(32, 8, true, {.identification = 4}), LeftOut::bad_fragment);  // the end says "more"
}

TEST_F(Reassembly, JoinsTheLargestPacket) {
    const std::string most(65535 - 28, 'x');
    const Bytes packet = udp_packet(kInside, kOutside, most);
    const std::vector<Bytes> fragments = fragment_packet(packet, 1480);
    for (std::size_t i = 0; i + 1 < fragments.size(); ++i) expect_held(fragments[i]);
    expect_whole(fragments.back(), packet);
}

TEST_F(Reassembly, RefusesWhatGrowsTooLargeWithTheFirstFragmentsHeader) {
    // 65515 octets fit behind 20 octets of header, but the first fragment has 60.
    expect_held(fragment4(32768, 32747, false));
    const IpOptions options{.ipv4_options = Bytes(40)};
    expect_refused(fragment4(0, 32768, true, options), LeftOut::bad_fragment);
    EXPECT_EQ(reassembler_.counts().bad, 1U);
}

TEST_F(Reassembly, HoldsNoMoreThanWhatWasCaptured) {
    expect_held(fragment4(65504, 8, false));
    EXPECT_EQ(reassembler_.held_octets(), 8U);
}

TEST_F(Reassembly, GivesUpAfterTheLifetime) {
    const Bytes packet = udp_packet(kInside, kOutside, payload());
    const std::vector<Bytes> fragments = fragment_packet(packet, 64);
    expect_held(fragments[0]);
    expect_whole(fragments[1], packet, kStart + 30s);

    expect_held(fragments[0]);
    expect_held(fragments[1], kStart + 30s + 1ns);
    EXPECT_EQ(reassembler_.counts().incomplete, 1U);
    EXPECT_EQ(reassembler_.held_datagrams(), 1U);
}

TEST_F(Reassembly, AnOldDatagramBehindOneFromTheFutureIsNotJoined) {
    const Bytes packet = udp_packet(kInside, kOutside, payload());
    const std::vector<Bytes> fragments = fragment_packet(packet, 64);
    expect_held(fragment4(0, 8, true, {.identification = 9}), kStart + 3600s);
    expect_held(fragments[0], kStart);
    expect_held(fragments[1], kStart + 31s);
    EXPECT_EQ(reassembler_.counts().incomplete, 1U);
}

TEST_F(Reassembly, EvictsTheOldestDatagramForANewOne) {
    reassembler_ = IpReassembler({.datagrams = 2});
    for (std::uint32_t id = 1; id <= 3; ++id) expect_held(fragment4(0, 8, true, {.identification = id}));
    EXPECT_EQ(reassembler_.held_datagrams(), 2U);
    EXPECT_EQ(reassembler_.counts().evicted, 1U);
    const Bytes two =
        ip_packet(kInside.address, kOutside.address, kProtocolUdp, Bytes(16, std::byte{'x'}), {.identification = 2});
    expect_whole(fragment4(8, 8, false, {.identification = 2}), two);
    expect_held(fragment4(8, 8, false, {.identification = 1}));  // its first half is gone
}

TEST_F(Reassembly, EvictsTheOldestDatagramForOctets) {
    reassembler_ = IpReassembler({.octets = 100});
    expect_held(fragment4(8, 48, true, {.identification = 1}));
    expect_held(fragment4(8, 48, true, {.identification = 2}));
    expect_held(fragment4(56, 48, true, {.identification = 2}));
    EXPECT_EQ(reassembler_.counts().evicted, 1U);
    EXPECT_EQ(reassembler_.held_octets(), 96U);
    expect_refused(fragment4(104, 48, true, {.identification = 2}), LeftOut::surplus_fragment);  // too much by itself
    EXPECT_EQ(reassembler_.held_octets(), 0U);
}

TEST_F(Reassembly, RefusesTooManyFragmentsOfOneDatagram) {
    reassembler_ = IpReassembler({.fragments_per_datagram = 3});
    for (std::size_t i = 1; i <= 3; ++i) expect_held(fragment4(8 * i, 8, true));
    expect_refused(fragment4(32, 8, true), LeftOut::surplus_fragment);
    EXPECT_EQ(reassembler_.held_octets(), 0U);
}

TEST_F(Reassembly, CountsWhatIsHeldAtTheEndAsIncomplete) {
    expect_held(fragment4(0, 8, true, {.identification = 1}));
    expect_held(fragment4(0, 8, true, {.identification = 2}));
    reassembler_.give_up_all();
    EXPECT_EQ(reassembler_.counts().incomplete, 2U);
    EXPECT_EQ(reassembler_.held_datagrams(), 0U);
    EXPECT_EQ(reassembler_.held_octets(), 0U);
}

TEST_F(Reassembly, TakesAFragmentOutOfThePacketItReturned) {
    const Bytes inner = udp_packet(kInside, kOutside, payload());
    const std::vector<Bytes> inner_fragments = fragment_packet(inner, 64);
    const auto tunnel = [](const Bytes& packet, std::uint32_t id) {
        return fragment_packet(
            ip_packet(address("198.51.100.1"), address("198.51.100.2"), kProtocolIpv4, packet, {.identification = id}),
            48, id);
    };
    Octets whole;
    for (std::size_t i = 0; i < 2; ++i) {
        const std::vector<Bytes> outer = tunnel(inner_fragments[i], static_cast<std::uint32_t>(100 + i));
        for (std::size_t j = 0; j + 1 < outer.size(); ++j) expect_held(outer[j]);
        const Octets carried = push(outer.back()).packet.subspan(20);
        whole = reassembler_.push(kStart, std::get<IpHeader>(read_ip_header(carried))).packet;
    }
    EXPECT_EQ(exact_copy(whole), inner);
}

}  // namespace
}  // namespace messenger::daemon
