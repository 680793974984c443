// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/capture/ip_header.h"

#include <gtest/gtest.h>

#include "tests/support/packet_builder.h"

namespace messenger::daemon {
namespace {

using namespace messenger::testing;

const auto kInside = endpoint("10.0.0.1", 5060);
const auto kOutside = endpoint("192.0.2.1", 5060);
const auto kInside6 = endpoint("2001:db8::1", 5060);
const auto kOutside6 = endpoint("2001:db8::2", 5060);

LeftOut reason_of(ByteSpan packet) {
    const Bytes exact = exact_copy(packet);
    const auto result = read_ip_header(exact);
    if (const auto* reason = std::get_if<LeftOut>(&result)) return *reason;
    ADD_FAILURE() << "the header was read";
    return LeftOut::unknown_link_type;
}

TEST(IpHeader, CutsThePaddingOfTheLink) {
    Bytes packet = udp_packet(kInside, kOutside, "x");
    const std::size_t size = packet.size();
    packet.resize(46);
    const Bytes exact = exact_copy(packet);
    const auto header = std::get<IpHeader>(read_ip_header(exact));
    EXPECT_EQ(header.packet.size(), size);
    EXPECT_EQ(header.protocol, 17);
    EXPECT_EQ(header.payload_at, 20U);
    EXPECT_FALSE(header.is_v6);
    EXPECT_FALSE(header.is_fragment);
}

TEST(IpHeader, CountsIpv4Options) {
    const Bytes packet = exact_copy(udp_packet(kInside, kOutside, "x", {.ipv4_options = Bytes(40)}));
    EXPECT_EQ(std::get<IpHeader>(read_ip_header(packet)).payload_at, 60U);
}

TEST(IpHeader, WalksIpv6ExtensionHeaders) {
    const IpOptions options{.extensions = {{.type = 0}, {.type = 60}, {.type = 43}, {.type = 60}}};
    const Bytes packet = exact_copy(udp_packet(kInside6, kOutside6, "x", options));
    const auto header = std::get<IpHeader>(read_ip_header(packet));
    EXPECT_TRUE(header.is_v6);
    EXPECT_EQ(header.protocol, 17);
    EXPECT_EQ(header.payload_at, 72U);
    EXPECT_EQ(header.next_header_at, 64U);
}

TEST(IpHeader, WalksOverAnAtomicFragmentHeader) {
    const Bytes payload(16);
    const Bytes packet = exact_copy(ip_fragment(kInside6.address, kOutside6.address, 17, payload, 0, false));
    const auto header = std::get<IpHeader>(read_ip_header(packet));
    EXPECT_FALSE(header.is_fragment);
    EXPECT_EQ(header.protocol, 17);
    EXPECT_EQ(header.payload_at, 48U);
}

TEST(IpHeader, StopsAtTheFragmentHeaderOfARealFragment) {
    const Bytes payload(16);
    const IpOptions options{.identification = 0xCAFEF00D, .extensions = {{.type = 60}}};
    // The payload says "hop-by-hop": in a fragment that is data, not a header.
    const Bytes packet = exact_copy(ip_fragment(kInside6.address, kOutside6.address, 0, payload, 1600, true, options));
    const auto header = std::get<IpHeader>(read_ip_header(packet));
    EXPECT_TRUE(header.is_fragment);
    EXPECT_TRUE(header.more_fragments);
    EXPECT_EQ(header.fragment_offset, 1600U);
    EXPECT_EQ(header.identification, 0xCAFEF00DU);
    EXPECT_EQ(header.protocol, 0);
    EXPECT_EQ(header.header_size, 48U);
    EXPECT_EQ(header.next_header_at, 40U);
    EXPECT_EQ(header.payload_at, 56U);
}

TEST(IpHeader, ReadsIpv4FragmentFields) {
    const Bytes payload(24);
    const Bytes first = exact_copy(ip_fragment(kInside.address, kOutside.address, 17, payload, 0, true));
    const auto header = std::get<IpHeader>(read_ip_header(first));
    EXPECT_TRUE(header.is_fragment);
    EXPECT_TRUE(header.more_fragments);
    EXPECT_EQ(header.identification, 0x1234U);
    const Bytes last = exact_copy(ip_fragment(kInside.address, kOutside.address, 17, payload, 65528, false));
    EXPECT_TRUE(std::get<IpHeader>(read_ip_header(last)).is_fragment);
    EXPECT_EQ(std::get<IpHeader>(read_ip_header(last)).fragment_offset, 65528U);
}

TEST(IpHeader, DontFragmentIsNoFragment) {
    const Bytes packet = exact_copy(udp_packet(kInside, kOutside, "x", {.dont_fragment = true}));
    EXPECT_FALSE(std::get<IpHeader>(read_ip_header(packet)).is_fragment);
}

TEST(IpHeader, EveryPrefixIsCutShort) {
    const IpOptions options{.extensions = {{.type = 0}, {.type = 60}}};
    for (const Bytes& packet :
         {udp_packet(kInside, kOutside, "hello"), udp_packet(kInside6, kOutside6, "hello", options)}) {
        for (std::size_t size = 0; size < packet.size(); ++size) {
            EXPECT_EQ(reason_of(ByteSpan(packet).first(size)), LeftOut::cut_short) << size;
        }
    }
}

TEST(IpHeader, RefusesImpossibleLengths) {
    Bytes short_header = udp_packet(kInside, kOutside, "hello");
    short_header[0] = std::byte{0x44};
    EXPECT_EQ(reason_of(short_header), LeftOut::bad_ip_header);

    Bytes short_total = udp_packet(kInside, kOutside, "hello");
    put16(short_total, 2, 19);
    EXPECT_EQ(reason_of(short_total), LeftOut::bad_ip_header);

    Bytes options_beyond_total = udp_packet(kInside, kOutside, "hello");
    options_beyond_total[0] = std::byte{0x4F};
    EXPECT_EQ(reason_of(options_beyond_total), LeftOut::bad_ip_header);

    Bytes long_extension = udp_packet(kInside6, kOutside6, "", {.extensions = {{.type = 60}}});
    long_extension[41] = std::byte{2};  // 24 octets, where 16 are left
    EXPECT_EQ(reason_of(long_extension), LeftOut::bad_ip_header);

    const Bytes no_extension = ip_packet(kInside6.address, kOutside6.address, 60, Bytes(7));
    EXPECT_EQ(reason_of(no_extension), LeftOut::bad_ip_header);
}

TEST(IpHeader, WalksEightExtensionHeadersAndNotNine) {
    IpOptions options{.extensions = std::vector<ExtensionHeader>(8, ExtensionHeader{.type = 60})};
    const Bytes eight = exact_copy(udp_packet(kInside6, kOutside6, "", options));
    EXPECT_EQ(std::get<IpHeader>(read_ip_header(eight)).payload_at, 104U);
    options.extensions.push_back({.type = 60});
    EXPECT_EQ(reason_of(udp_packet(kInside6, kOutside6, "", options)), LeftOut::bad_ip_header);
}

TEST(IpHeader, RefusesOtherVersions) {
    Bytes packet = udp_packet(kInside, kOutside, "hello");
    packet[0] = std::byte{0x55};
    EXPECT_EQ(reason_of(packet), LeftOut::not_ip);
}

}  // namespace
}  // namespace messenger::daemon
