// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/capture/tunnel.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "tests/support/packet_builder.h"

namespace messenger::daemon {
namespace {

using namespace messenger::testing;

const auto kGateway = address("198.51.100.1");
const auto kServer = address("198.51.100.2");
const auto kGateway6 = address("2001:db8:1::1");
const auto kServer6 = address("2001:db8:1::2");

Bytes packet4() {
    return udp_packet(endpoint("10.0.0.1", 5060), endpoint("192.0.2.1", 5060), "OPTIONS");
}

Bytes packet6() {
    return udp_packet(endpoint("2001:db8::1", 5060), endpoint("2001:db8::2", 5060), "OPTIONS");
}

Bytes in_ip(const Bytes& inner) {
    return ip_packet(kGateway, kServer, ethertype_of(inner) == 0x86DD ? kProtocolIpv6 : kProtocolIpv4, inner);
}

Bytes in_gre(const Bytes& inner, unsigned flags = 0, unsigned protocol = 0) {
    Bytes gre;
    append16(gre, flags);
    append16(gre, protocol == 0 ? ethertype_of(inner) : protocol);
    for (const unsigned option : {0x8000U, 0x2000U, 0x1000U}) {
        if ((flags & option) != 0) append32(gre, 0xA5A5A5A5);
    }
    append(gre, inner);
    return ip_packet(kGateway, kServer, kProtocolGre, gre);
}

struct Tunnel {
    std::string name;
    Bytes outer;
    Bytes inner;
    unsigned depth = 1;
};

void PrintTo(const Tunnel& tunnel, std::ostream* out) {
    *out << tunnel.name;
}

std::vector<Tunnel> tunnels() {
    const Bytes v4 = packet4();
    const Bytes v6 = packet6();
    const IpOptions with_extension{.extensions = {{.type = 60}}};
    return {
        {"none", v4, v4, 0},
        {"ip_in_ip", in_ip(v4), v4, 1},
        {"ipv6_in_ipv4", in_ip(v6), v6, 1},
        {"ipv4_in_ipv6", ip_packet(kGateway6, kServer6, kProtocolIpv4, v4), v4, 1},
        {"ipv6_in_ipv6_behind_options", ip_packet(kGateway6, kServer6, kProtocolIpv6, v6, with_extension), v6, 1},
        {"gre", in_gre(v4), v4, 1},
        {"gre_ipv6", in_gre(v6), v6, 1},
        {"gre_with_checksum", in_gre(v4, 0x8000), v4, 1},
        {"gre_with_key", in_gre(v4, 0x2000), v4, 1},
        {"gre_with_checksum_key_and_sequence", in_gre(v4, 0xB000), v4, 1},
        {"gre_ethernet", in_gre(ethernet_frame(v4, {{7}}), 0x2000, 0x6558), v4, 1},
        {"four_tunnels", in_ip(in_gre(in_ip(in_gre(v6)))), v6, 4},
    };
}

class ReadableTunnel : public ::testing::TestWithParam<Tunnel> {};

TEST_P(ReadableTunnel, GivesTheInnermostPacket) {
    Bytes padded = GetParam().outer;
    padded.resize(padded.size() + 5);
    const Bytes exact = exact_copy(padded);
    const auto result = find_innermost_packet(exact);
    ASSERT_TRUE(std::holds_alternative<InnermostPacket>(result)) << describe(std::get<LeftOut>(result));
    EXPECT_EQ(exact_copy(std::get<InnermostPacket>(result).header.packet), GetParam().inner);
    EXPECT_EQ(std::get<InnermostPacket>(result).tunnels, GetParam().depth);
}

TEST_P(ReadableTunnel, GivesNothingWhenItIsCut) {
    for (std::size_t size = 0; size < GetParam().outer.size(); ++size) {
        const Bytes exact = exact_copy(ByteSpan(GetParam().outer).first(size));
        const auto result = find_innermost_packet(exact);
        ASSERT_TRUE(std::holds_alternative<LeftOut>(result)) << size;
        EXPECT_EQ(name(std::get<LeftOut>(result)), "cut_short") << size;
    }
}

class SingleTunnel : public ReadableTunnel {};

/// The outer packet is whole, but says that it carries less of the inner one.
TEST_P(SingleTunnel, GivesNothingWhenTheOuterLengthCutsTheInnerPacket) {
    const bool v6 = ethertype_of(GetParam().outer) == 0x86DD;
    const std::size_t fixed = v6 ? 40 : 20;
    for (std::size_t size = fixed; size < GetParam().outer.size(); ++size) {
        Bytes outer = exact_copy(ByteSpan(GetParam().outer).first(size));
        put16(outer, v6 ? 4 : 2, static_cast<unsigned>(v6 ? size - 40 : size));
        EXPECT_TRUE(std::holds_alternative<LeftOut>(find_innermost_packet(outer))) << size;
    }
}

INSTANTIATE_TEST_SUITE_P(Tunnel, ReadableTunnel, ::testing::ValuesIn(tunnels()),
                         [](const auto& parameter) { return parameter.param.name; });

std::vector<Tunnel> single_tunnels() {
    std::vector<Tunnel> single;
    for (const Tunnel& tunnel : tunnels()) {
        if (tunnel.depth == 1) single.push_back(tunnel);
    }
    return single;
}

INSTANTIATE_TEST_SUITE_P(Tunnel, SingleTunnel, ::testing::ValuesIn(single_tunnels()),
                         [](const auto& parameter) { return parameter.param.name; });

LeftOut reason_of(const Bytes& packet) {
    const Bytes exact = exact_copy(packet);
    const auto result = find_innermost_packet(exact);
    if (const auto* reason = std::get_if<LeftOut>(&result)) return *reason;
    ADD_FAILURE() << "a packet was found";
    return LeftOut::unknown_link_type;
}

TEST(Tunnel, RefusesTheFifth) {
    EXPECT_EQ(reason_of(in_ip(in_gre(in_ip(in_gre(in_ip(packet4())))))), LeftOut::too_many_tunnels);
}

TEST(Tunnel, CountsTheTunnelsStrippedBefore) {
    const Bytes exact = exact_copy(in_ip(packet4()));
    EXPECT_EQ(std::get<InnermostPacket>(find_innermost_packet(exact, 3)).tunnels, 4U);
    EXPECT_EQ(std::get<LeftOut>(find_innermost_packet(exact, 4)), LeftOut::too_many_tunnels);
}

TEST(Tunnel, RefusesGreItDoesNotRead) {
    EXPECT_EQ(reason_of(in_gre(packet4(), 0x2001, 0x880B)), LeftOut::unreadable_tunnel);  // PPTP
    EXPECT_EQ(reason_of(in_gre(packet4(), 0x4000)), LeftOut::unreadable_tunnel);          // source routing
    EXPECT_EQ(reason_of(in_gre(packet4(), 0, 0x8847)), LeftOut::unreadable_tunnel);       // MPLS
}

TEST(Tunnel, SaysThatATunnelCarriesNoIp) {
    EXPECT_EQ(reason_of(in_gre(ethernet_frame(Bytes(28), {}, 0x0806), 0, 0x6558)), LeftOut::not_ip);
    EXPECT_EQ(reason_of(ip_packet(kGateway, kServer, kProtocolIpv4, Bytes(40))), LeftOut::not_ip);
}

TEST(Tunnel, StopsAtAFragmentOfATunnelPacket) {
    const std::vector<Bytes> fragments = fragment_packet(in_ip(packet4()), 24);
    const Bytes exact = exact_copy(fragments.front());
    const auto result = find_innermost_packet(exact);
    ASSERT_TRUE(std::holds_alternative<InnermostPacket>(result));
    EXPECT_TRUE(std::get<InnermostPacket>(result).header.is_fragment);
    EXPECT_EQ(std::get<InnermostPacket>(result).tunnels, 0U);
    EXPECT_EQ(exact_copy(std::get<InnermostPacket>(result).header.packet), exact);
}

}  // namespace
}  // namespace messenger::daemon
