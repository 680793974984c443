// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/net/packet_writer.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/support/packet_builder.h"

namespace messenger::alg {
namespace {

using messenger::testing::Bytes;
using messenger::testing::ByteSpan;
using messenger::testing::endpoint;
using messenger::testing::exact_copy;
using messenger::testing::get16;
using messenger::testing::IpOptions;
using messenger::testing::put16;
using messenger::testing::tcp_packet;
using messenger::testing::TcpSegment;
using messenger::testing::to_bytes;
using messenger::testing::to_text;
using messenger::testing::udp_packet;

const Endpoint kClient = endpoint("10.1.2.3", 5060);
const Endpoint kServer = endpoint("192.0.2.9", 5060);
const Endpoint kClient6 = endpoint("2001:db8::1", 5060);
const Endpoint kServer6 = endpoint("2001:db8::9", 5060);

struct Parsed {
    Bytes packet;
    PacketView view;
    explicit Parsed(ByteSpan bytes) : packet(exact_copy(bytes)), view(*parse_packet(packet)) {}
};

/// Read back, with lengths that are right and checksums that hold.
Parsed check(ByteSpan bytes) {
    Parsed parsed(bytes);
    const ByteSpan packet(parsed.packet);
    const bool ipv4 = std::to_integer<unsigned>(packet[0]) >> 4U == 4;
    const std::size_t ip_header = ipv4 ? (std::to_integer<unsigned>(packet[0]) & 15U) * 4 : 40;
    EXPECT_EQ(ipv4 ? get16(packet, 2) : get16(packet, 4) + 40U, packet.size());
    if (ipv4) {
        EXPECT_EQ(messenger::testing::checksum_finish(messenger::testing::checksum_add(0, packet.first(ip_header))), 0);
    }
    const FlowTuple& tuple = parsed.view.tuple;
    const bool udp = tuple.transport == Transport::udp;
    const bool summed = !udp || get16(packet, parsed.view.transport_at + 6) != 0;
    if (summed) {
        EXPECT_EQ(messenger::testing::transport_checksum(tuple.source.address, tuple.destination.address,
                                                         static_cast<unsigned>(tuple.transport),
                                                         packet.subspan(parsed.view.transport_at)),
                  0);
    }
    return parsed;
}

Parsed rewritten(const Parsed& original, std::string_view payload, IpIdentifiers& identifiers) {
    std::vector<std::byte> out;
    EXPECT_TRUE(write_datagram(original.packet, original.view, payload, identifiers, out));
    return check(out);
}

Parsed rewritten(const Parsed& original, std::string_view payload) {
    IpIdentifiers identifiers(0);
    return rewritten(original, payload, identifiers);
}

Parsed segment(const Parsed& original, const SegmentChange& change, std::string_view payload) {
    std::vector<std::byte> out;
    EXPECT_TRUE(write_segment(original.packet, original.view, change, payload, out));
    return check(out);
}

TEST(PacketWriter, GivesDatagramsAnotherPayload) {
    for (const bool six : {false, true}) {
        const Parsed original(udp_packet(six ? kClient6 : kClient, six ? kServer6 : kServer, "INVITE sip:a SIP/2.0"));
        for (const std::string_view payload : {"INVITE sip:longer SIP/2.0", "short", "odd", ""}) {
            const Parsed result = rewritten(original, payload);
            EXPECT_EQ(result.view.payload, payload);
            EXPECT_EQ(result.view.tuple, original.view.tuple);
        }
    }
}

TEST(PacketWriter, KeepsIpOptionsAndExtensionHeaders) {
    const Parsed four(udp_packet(kClient, kServer, "abc", {.ipv4_options = Bytes(8, std::byte{1})}));
    EXPECT_EQ(rewritten(four, "abcdef").packet.size(), 28U + 8 + 6);
    const Parsed six(udp_packet(kClient6, kServer6, "abc", {.extensions = {{0}, {60}}}));
    EXPECT_EQ(rewritten(six, "abcdef").packet.size(), 40U + 16 + 8 + 6);
}

TEST(PacketWriter, WritesTheSamePacketWhenNothingChanges) {
    std::vector<std::byte> out;
    const Parsed datagram(udp_packet(kClient, kServer, "as it is", {.dont_fragment = true}));
    IpIdentifiers identifiers(7);
    ASSERT_TRUE(write_datagram(datagram.packet, datagram.view, datagram.view.payload, identifiers, out));
    EXPECT_EQ(out, datagram.packet);
    const Parsed one(
        tcp_packet(kClient, kServer, {.sequence = 5, .acknowledgement = 6, .ack = true, .psh = true}, "x"));
    ASSERT_TRUE(write_segment(one.packet, one.view, {5, 6, {}, false}, "x", out));
    EXPECT_EQ(out, one.packet);
}

TEST(PacketWriter, LeavesPaddingBehindThePacketOut) {
    Bytes padded = udp_packet(kClient, kServer, "ab");
    padded.resize(padded.size() + 16, std::byte{0x55});
    EXPECT_EQ(rewritten(Parsed(padded), "abc").packet.size(), 31U);
}

TEST(PacketWriter, KeepsTheAbsenceOfAUdpChecksum) {
    Bytes packet = udp_packet(kClient, kServer, "abc");
    put16(packet, 26, 0);
    const Parsed result = rewritten(Parsed(packet), "abcdefg");
    EXPECT_EQ(get16(result.packet, 26), 0);
}

TEST(PacketWriter, WritesAUdpChecksumOfZeroAsAllOnes) {
    const Parsed original(udp_packet(kClient, kServer, "xx"));
    bool seen = false;
    for (unsigned value = 0; value < 0x10000U && !seen; ++value) {
        const std::string payload = {static_cast<char>(value >> 8U), static_cast<char>(value & 0xffU)};
        IpIdentifiers identifiers(0);
        std::vector<std::byte> out;
        ASSERT_TRUE(write_datagram(original.packet, original.view, payload, identifiers, out));
        ASSERT_NE(get16(out, 26), 0);
        seen = get16(out, 26) == 0xffff;
    }
    EXPECT_TRUE(seen);
}

TEST(PacketWriter, LetsDatagramsThatGrewBeFragmented) {
    const Parsed original(udp_packet(kClient, kServer, "abc", {.identification = 0, .dont_fragment = true}));
    IpIdentifiers identifiers(0xfffe);
    EXPECT_EQ(get16(rewritten(original, "ab", identifiers).packet, 6), 0x4000);
    EXPECT_EQ(get16(rewritten(original, "abc", identifiers).packet, 4), 0);
    const Parsed grown = rewritten(original, "abcd", identifiers);
    EXPECT_EQ(get16(grown.packet, 6), 0);
    EXPECT_EQ(get16(grown.packet, 4), 0xffff);
    EXPECT_EQ(get16(rewritten(original, "abcd", identifiers).packet, 4), 1) << "never 0";
}

TEST(PacketWriter, KeepsTheIdentificationOfDatagramsThatMayBeFragmented) {
    const Parsed original(udp_packet(kClient, kServer, "abc", {.identification = 0x4321}));
    EXPECT_EQ(get16(rewritten(original, "abcdef").packet, 4), 0x4321);
}

TEST(PacketWriter, RefusesWhatIpCannotSay) {
    const Parsed original(udp_packet(kClient, kServer, "abc"));
    std::vector<std::byte> out;
    IpIdentifiers identifiers(0);
    EXPECT_TRUE(write_datagram(original.packet, original.view, std::string(65535 - 28, 'x'), identifiers, out));
    check(out);
    EXPECT_FALSE(write_datagram(original.packet, original.view, std::string(65535 - 27, 'x'), identifiers, out));
}

TEST(PacketWriter, RefusesAViewOfAnotherPacket) {
    const Parsed datagram(udp_packet(kClient, kServer, "abcdefghijklmnopqrstuvwxyz"));
    const Parsed one(tcp_packet(kClient, kServer, {}, "abcdefghijklmnopqrstuvwxyz"));
    std::vector<std::byte> out;
    IpIdentifiers identifiers(0);
    EXPECT_FALSE(write_datagram(one.packet, one.view, "x", identifiers, out));
    EXPECT_FALSE(write_segment(datagram.packet, datagram.view, {}, "x", out));
    for (std::size_t size = 0; size < 40; ++size) {
        const Bytes cut = exact_copy(ByteSpan(one.packet).first(size));
        EXPECT_FALSE(write_segment(cut, one.view, {}, "x", out)) << size;
        EXPECT_EQ(payload_offset(cut, one.view), 0U) << size;
    }
}

TEST(PacketWriter, GivesSegmentsOtherNumbersAndAnotherPayload) {
    for (const bool six : {false, true}) {
        const Bytes options = to_bytes("\x01\x01\x08\x0a\x01\x02\x03\x04\x05\x06\x07\x08");
        const TcpSegment fields{
            .sequence = 100, .acknowledgement = 200, .ack = true, .psh = true, .window = 99, .options = options};
        Bytes packet = tcp_packet(six ? kClient6 : kClient, six ? kServer6 : kServer, fields, "payload");
        const std::size_t tcp = six ? 40 : 20;
        put16(packet, tcp + 16, 0x1234);  // as with checksum offload
        const Parsed result = segment(Parsed(packet), {0xfffffff0U, 7, {}, false}, "another payload");
        EXPECT_EQ(result.view.payload, "another payload");
        EXPECT_EQ(result.view.tcp.sequence, 0xfffffff0U);
        EXPECT_EQ(result.view.tcp.acknowledgement, 7U);
        EXPECT_EQ(to_text(ByteSpan(result.packet).subspan(tcp + 12, 4)),
                  to_text(ByteSpan(packet).subspan(tcp + 12, 4)));
        EXPECT_EQ(to_text(ByteSpan(result.packet).subspan(tcp + 20, 12)), to_text(options));
        EXPECT_EQ(payload_offset(result.packet, result.view), tcp + 32);
    }
}

TEST(PacketWriter, TakesFinAndPushFromASegmentWithMoreToFollow) {
    const Parsed original(tcp_packet(kClient, kServer, {.ack = true, .fin = true, .psh = true}, "abc"));
    const Parsed result = segment(original, {1, 2, {}, true}, "ab");
    EXPECT_EQ(get16(result.packet, 32) & 0x1ffU, 0x10U);
}

std::string be32(std::uint32_t value) {
    return {static_cast<char>(value >> 24U), static_cast<char>(value >> 16U & 0xffU),
            static_cast<char>(value >> 8U & 0xffU), static_cast<char>(value & 0xffU)};
}

TEST(PacketWriter, ReplacesSackBlocksInPlace) {
    const std::string options = "\x01\x01\x05\x12" + be32(10) + be32(20) + be32(0xfffffff0U) + be32(5);
    const Parsed original(tcp_packet(kClient, kServer, {.ack = true, .options = to_bytes(options)}, ""));
    const SackBlocks known = read_sack(original.packet, original.view);
    ASSERT_EQ(known, (SackBlocks{{10, 20}, {0xfffffff0U, 5}}));
    const Parsed result = segment(original, {1, 2, {{11, 21}, {1, 6}}, false}, "");
    EXPECT_EQ(read_sack(result.packet, result.view), (SackBlocks{{11, 21}, {1, 6}}));
}

TEST(PacketWriter, FillsTheRoomOfEmptySackBlocksWithNoOperations) {
    const std::string options = "\x01\x01\x05\x12" + be32(10) + be32(20) + be32(30) + be32(40);
    const Parsed original(tcp_packet(kClient, kServer, {.ack = true, .options = to_bytes(options)}, "data"));
    const Parsed one = segment(original, {1, 2, {{7, 7}, {31, 41}}, false}, "data");
    EXPECT_EQ(to_text(ByteSpan(one.packet).subspan(40, 20)),
              "\x01\x01\x05\x0a" + be32(31) + be32(41) + std::string(8, '\x01'));
    const Parsed none = segment(original, {1, 2, {{7, 7}, {8, 8}}, false}, "data");
    EXPECT_EQ(to_text(ByteSpan(none.packet).subspan(40, 20)), std::string(20, '\x01'));
    EXPECT_TRUE(read_sack(none.packet, none.view).empty());
    EXPECT_EQ(none.view.payload, "data");
}

TEST(PacketWriter, ReadsNoSackOutOfBrokenOptions) {
    using namespace std::string_literals;
    for (const std::string& options :
         {"\x05\xff\0\0\0\1\0\0\0\2\1\1"s, "\x05\0\1\1"s, "\1\1\1\5"s, "\0\5\x0a\1\1\1\1\1\1\1\1\1"s, "\5\2\1\1"s,
          "\5\x0d\0\0\0\1\0\0\0\2???\1\1\1"s}) {
        const Parsed original(tcp_packet(kClient, kServer, {.ack = true, .options = to_bytes(options)}, "x"));
        EXPECT_TRUE(read_sack(original.packet, original.view).empty());
        const Parsed result = segment(original, {1, 2, {{1, 2}}, false}, "x");
        EXPECT_EQ(to_text(ByteSpan(result.packet).subspan(40, options.size())), options);
    }
}

TEST(PacketWriter, LowersTheMssOfASyn) {
    const auto lowered = [](std::string_view options, std::uint16_t room, bool syn = true) {
        const Parsed original(tcp_packet(kClient, kServer, {.syn = syn, .options = to_bytes(options)}, ""));
        std::vector<std::byte> out;
        if (!lower_mss(original.packet, original.view, room, out)) return 0;
        const Parsed result = check(out);
        return int{read_mss(result.packet, result.view)};
    };
    EXPECT_EQ(lowered("\x02\x04\x05\xb4", 64), 1396);
    EXPECT_EQ(lowered("\x01\x03\x03\x07\x02\x04\x05\xb4", 64), 1396) << "another option before it";
    EXPECT_EQ(lowered("\x02\x04\x02\x20", 64), 536) << "544";
    EXPECT_EQ(lowered("\x02\x04\xff\xff", 65535), 536);
    EXPECT_EQ(lowered("\x02\x04\x02\x18", 64), 0) << "536";
    EXPECT_EQ(lowered("\x02\x04\x01\x01", 64), 0) << "below 536";
    EXPECT_EQ(lowered("\x02\x04\x05\xb4", 0), 0);
    EXPECT_EQ(lowered("\x01\x03\x03\x07", 64), 0) << "no such option";
    EXPECT_EQ(lowered("\x02\x04\x05\xb4", 64, false), 0) << "no SYN";
}

TEST(PacketWriter, HoldsForRandomPackets) {
    std::mt19937 random(1);
    std::vector<std::byte> out;
    IpIdentifiers identifiers(0);
    for (int i = 0; i < 2000; ++i) {
        const bool six = random() % 2 == 0;
        const IpOptions ip{.dont_fragment = random() % 2 == 0, .ipv4_options = Bytes(random() % 4 * 4, std::byte{1})};
        const std::string before(random() % 50, 'a');
        const std::string after(random() % 50, static_cast<char>(random() % 256));
        const Endpoint& source = six ? kClient6 : kClient;
        const Endpoint& destination = six ? kServer6 : kServer;
        if (random() % 2 == 0) {
            const Parsed original(udp_packet(source, destination, before, ip));
            ASSERT_TRUE(write_datagram(original.packet, original.view, after, identifiers, out));
        } else {
            const Parsed original(tcp_packet(
                source, destination,
                {.sequence = static_cast<std::uint32_t>(random()), .options = Bytes(random() % 4 * 4, std::byte{1})},
                before, ip));
            const auto number = static_cast<std::uint32_t>(random());
            ASSERT_TRUE(write_segment(original.packet, original.view, {number, ~number, {}, false}, after, out));
            EXPECT_EQ(Parsed(out).view.tcp.sequence, number);
        }
        EXPECT_EQ(check(out).view.payload, after);
    }
}

}  // namespace
}  // namespace messenger::alg
