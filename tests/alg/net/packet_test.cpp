// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/net/packet.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/exact_bytes.h"

namespace messenger::alg {
namespace {

using namespace std::string_literals;

std::string be16(std::size_t value) {
    return {static_cast<char>(value >> 8U & 0xffU), static_cast<char>(value & 0xffU)};
}

std::string be32(std::size_t value) {
    return be16(value >> 16U & 0xffffU) + be16(value & 0xffffU);
}

std::string udp(std::string_view payload) {
    return be16(5060) + be16(7100) + be16(8 + payload.size()) + be16(0) + std::string(payload);
}

/// flags: FIN 1, SYN 2, RST 4, ACK 16. options: a multiple of 4 bytes.
std::string tcp(std::string_view payload, unsigned flags = 0x10, std::string_view options = {}) {
    const std::size_t offset = 5 + options.size() / 4;
    return be16(5060) + be16(7100) + be32(0xfffffff0U) + be32(77) + be16(offset << 12U | flags) + be16(8192) + be32(0) +
           std::string(options) + std::string(payload);
}

/// 10.1.2.3 -> 192.0.2.9. options: a multiple of 4 bytes.
std::string ipv4(unsigned protocol, std::string_view rest, std::string_view options = {}) {
    const std::size_t header = 20 + options.size();
    return be16((0x40U | header / 4) << 8U) + be16(header + rest.size()) + be32(0) + be16(64U << 8U | protocol) +
           be16(0) + be32(0x0a010203) + be32(0xc0000209U) + std::string(options) + std::string(rest);
}

/// 2001:db8::1 -> 2001:db8::2.
std::string ipv6(unsigned next_header, std::string_view rest) {
    const std::string prefix = be32(0x20010db8) + be32(0) + be32(0);
    return be32(0x60000000) + be16(rest.size()) + be16(next_header << 8U | 64U) + prefix + be32(1) + prefix + be32(2) +
           std::string(rest);
}

/// An extension header of 8 bytes.
std::string extension(unsigned next_header) {
    return be16(next_header << 8U) + "\1\4\0\0\0\0"s;
}

/// An IPv6 fragment header. offset_and_more: the 16-bit field.
std::string fragment_header(unsigned next_header, unsigned offset_and_more) {
    return be16(next_header << 8U) + be16(offset_and_more) + be32(1234);
}

constexpr unsigned kTcp = 6;
constexpr unsigned kUdp = 17;

/// The payload of a packet, or the name of the error.
std::string packet_outcome(const std::string& packet) {
    const test::ExactBytes bytes(packet);
    const auto view = parse_packet(bytes.bytes());
    if (!view) return std::string(name(view.error()));
    return std::string(view->payload);
}

std::string with(std::string packet, std::size_t at, const std::string& bytes) {
    return packet.replace(at, bytes.size(), bytes);
}

TEST(Packet, ReadsUdpOverIpv4) {
    const test::ExactBytes bytes(ipv4(kUdp, udp("OPTIONS")));
    const auto view = parse_packet(bytes.bytes());
    ASSERT_TRUE(view);
    EXPECT_EQ(view->tuple.source.to_string(), "10.1.2.3:5060");
    EXPECT_EQ(view->tuple.destination.to_string(), "192.0.2.9:7100");
    EXPECT_EQ(view->tuple.transport, Transport::udp);
    EXPECT_EQ(view->payload, "OPTIONS");
    EXPECT_EQ(view->payload.data(), bytes.text().data() + 28);
}

TEST(Packet, ReadsTcpOverIpv6WithItsNumbersAndFlags) {
    const test::ExactBytes bytes(ipv6(kTcp, tcp("BYE", 0x11, "\1\1\1\1")));
    const auto view = parse_packet(bytes.bytes());
    ASSERT_TRUE(view);
    EXPECT_EQ(view->tuple.source.to_string(), "[2001:db8::1]:5060");
    EXPECT_EQ(view->tuple.destination.to_string(), "[2001:db8::2]:7100");
    EXPECT_EQ(view->tuple.transport, Transport::tcp);
    EXPECT_EQ(view->tcp.sequence, 0xfffffff0U);
    EXPECT_EQ(view->tcp.acknowledgement, 77U);
    EXPECT_TRUE(view->tcp.fin);
    EXPECT_TRUE(view->tcp.ack);
    EXPECT_FALSE(view->tcp.syn);
    EXPECT_FALSE(view->tcp.rst);
    EXPECT_EQ(view->payload, "BYE");
}

TEST(Packet, TellsSynFromRst) {
    const test::ExactBytes syn(ipv4(kTcp, tcp("", 0x02)));
    EXPECT_TRUE(parse_packet(syn.bytes())->tcp.syn);
    EXPECT_FALSE(parse_packet(syn.bytes())->tcp.rst);
    const test::ExactBytes rst(ipv4(kTcp, tcp("", 0x04)));
    EXPECT_TRUE(parse_packet(rst.bytes())->tcp.rst);
    EXPECT_FALSE(parse_packet(rst.bytes())->tcp.syn);
}

TEST(Packet, SkipsIpv4OptionsUpToTheirLargestSize) {
    EXPECT_EQ(packet_outcome(ipv4(kUdp, udp("x"), "\1\1\1\1")), "x");
    EXPECT_EQ(packet_outcome(ipv4(kTcp, tcp("y"), std::string(40, '\1'))), "y");
}

TEST(Packet, CutsOffWhatStandsBehindTheIpLength) {
    EXPECT_EQ(packet_outcome(ipv4(kUdp, udp("x")) + std::string(17, '\0')), "x");
    EXPECT_EQ(packet_outcome(ipv4(kTcp, tcp("")) + std::string(6, '\0')), "");
    EXPECT_EQ(packet_outcome(ipv6(kTcp, tcp("y")) + "pad"), "y");
}

TEST(Packet, CutsThePayloadToAShorterUdpLength) {
    EXPECT_EQ(packet_outcome(with(ipv4(kUdp, udp("four")), 24, be16(8 + 3))), "fou");
    EXPECT_EQ(packet_outcome(with(ipv4(kUdp, udp("four")), 24, be16(8))), "");
}

TEST(Packet, RefusesUdpLengthsThatCannotBe) {
    EXPECT_EQ(packet_outcome(with(ipv4(kUdp, udp("four")), 24, be16(7))), "bad_transport_header");
    EXPECT_EQ(packet_outcome(with(ipv4(kUdp, udp("four")), 24, be16(0))), "bad_transport_header");
    EXPECT_EQ(packet_outcome(with(ipv4(kUdp, udp("four")), 24, be16(8 + 5))), "truncated_packet");
    EXPECT_EQ(packet_outcome(with(ipv4(kUdp, udp("four")) + "more", 24, be16(8 + 5))), "truncated_packet");
}

TEST(Packet, RefusesTcpOffsetsThatCannotBe) {
    EXPECT_EQ(packet_outcome(with(ipv4(kTcp, tcp("abc")), 32, "\x40")), "bad_transport_header");
    EXPECT_EQ(packet_outcome(with(ipv4(kTcp, tcp("abc")), 32, "\x60")), "truncated_packet");
    EXPECT_EQ(packet_outcome(with(ipv4(kTcp, tcp("abcd")), 32, "\x60")), "");
}

TEST(Packet, RefusesIpv4HeadersThatCannotBe) {
    const std::string packet = ipv4(kUdp, udp("x"));
    EXPECT_EQ(packet_outcome(with(packet, 0, "\x44")), "bad_ip_header");       // header of 16 bytes
    EXPECT_EQ(packet_outcome(with(packet, 2, be16(19))), "bad_ip_header");     // total length below the header's
    EXPECT_EQ(packet_outcome(with(packet, 2, be16(0))), "bad_ip_header");      // of UDP
    EXPECT_EQ(packet_outcome(with(packet, 0, "\x4f")), "bad_ip_header");       // header longer than the packet
    EXPECT_EQ(packet_outcome(with(packet, 2, be16(30))), "truncated_packet");  // one byte more than there is
    EXPECT_EQ(packet_outcome(with(packet, 2, be16(27))), "truncated_packet");  // half a UDP header
}

TEST(Packet, TakesTotalLengthZeroOfALargeTcpSegmentForTheWholePacket) {
    EXPECT_EQ(packet_outcome(with(ipv4(kTcp, tcp("segment")), 2, be16(0))), "segment");
}

TEST(Packet, RefusesEveryRealFragmentOfIpv4) {
    const std::string packet = ipv4(kUdp, udp("x"));
    EXPECT_EQ(packet_outcome(with(packet, 6, be16(0x2000))), "fragment");  // the first
    EXPECT_EQ(packet_outcome(with(packet, 6, be16(0x2001))), "fragment");
    EXPECT_EQ(packet_outcome(with(packet, 6, be16(0x0001))), "fragment");  // the last
    EXPECT_EQ(packet_outcome(with(packet, 6, be16(0x4000))), "x");         // "do not fragment"
}

TEST(Packet, WalksIpv6ExtensionHeaders) {
    EXPECT_EQ(packet_outcome(ipv6(0, extension(60) + extension(43) + extension(kUdp) + udp("x"))), "x");
    const std::string long_options = be16(kTcp << 8U | 2) + std::string(22, '\0');
    EXPECT_EQ(packet_outcome(ipv6(60, long_options + tcp("y"))), "y");
}

TEST(Packet, GivesUpOnTheNinthExtensionHeader) {
    std::string chain;
    for (int i = 0; i < 7; ++i) chain += extension(60);
    EXPECT_EQ(packet_outcome(ipv6(60, chain + extension(kUdp) + udp("x"))), "x");
    EXPECT_EQ(packet_outcome(ipv6(60, chain + extension(60) + extension(kUdp) + udp("x"))), "bad_ip_header");
}

TEST(Packet, RefusesExtensionHeadersLongerThanThePacket) {
    EXPECT_EQ(packet_outcome(ipv6(60, be16(kUdp << 8U | 1) + std::string(13, '\0'))), "truncated_packet");
    EXPECT_EQ(packet_outcome(ipv6(0, std::string(7, '\0'))), "truncated_packet");
    EXPECT_EQ(packet_outcome(ipv6(44, std::string(7, '\0'))), "truncated_packet");
}

TEST(Packet, TakesAnAtomicFragmentForTheWholeDatagram) {
    EXPECT_EQ(packet_outcome(ipv6(44, fragment_header(kUdp, 0) + udp("x"))), "x");
    EXPECT_EQ(packet_outcome(ipv6(44, fragment_header(kUdp, 6) + udp("x"))), "x");  // reserved bits
    EXPECT_EQ(packet_outcome(ipv6(44, fragment_header(kUdp, 1) + udp("x"))), "fragment");
    EXPECT_EQ(packet_outcome(ipv6(44, fragment_header(kUdp, 8) + udp("x"))), "fragment");
}

TEST(Packet, RefusesAJumboPayloadLength) {
    EXPECT_EQ(packet_outcome(with(ipv6(kUdp, udp("x")), 4, be16(0))), "bad_ip_header");
}

TEST(Packet, LeavesOtherProtocolsAlone) {
    EXPECT_EQ(packet_outcome(ipv4(1, std::string(8, '\0'))), "other_transport");
    EXPECT_EQ(packet_outcome(ipv6(58, std::string(8, '\0'))), "other_transport");
    EXPECT_EQ(packet_outcome(ipv6(59, "")), "bad_ip_header");
    EXPECT_EQ(packet_outcome(ipv6(50, std::string(24, '\0'))), "other_transport");
    EXPECT_EQ(packet_outcome(std::string(40, '\x50')), "not_ip");
    EXPECT_EQ(packet_outcome(""), "truncated_packet");
}

TEST(Packet, RefusesAPacketThatIsCutAnywhere) {
    const std::string v6 = ipv6(0, extension(44) + fragment_header(kTcp, 0) + tcp("payload", 0x18, "\1\1\1\1"));
    for (const std::string& packet : {ipv4(kUdp, udp("payload"), "\1\1\1\1"), ipv4(kTcp, tcp("payload")), v6}) {
        EXPECT_EQ(packet_outcome(packet), "payload");
        for (std::size_t size = 0; size < packet.size(); ++size) {
            EXPECT_EQ(packet_outcome(packet.substr(0, size)), "truncated_packet") << size;
        }
    }
}

}  // namespace
}  // namespace messenger::alg
