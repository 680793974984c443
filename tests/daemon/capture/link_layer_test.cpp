// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/capture/link_layer.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <ostream>
#include <string>

#include "daemon/capture/ip_header.h"
#include "tests/support/packet_builder.h"

namespace messenger::daemon {
namespace {

using namespace messenger::testing;
using namespace std::string_view_literals;

Bytes packet4() {
    return udp_packet(endpoint("10.0.0.1", 5060), endpoint("192.0.2.1", 5060), "OPTIONS");
}

Bytes packet6() {
    return udp_packet(endpoint("2001:db8::1", 5060), endpoint("2001:db8::2", 5060), "OPTIONS");
}

Bytes after(std::string_view start, const Bytes& packet) {
    Bytes frame = to_bytes(start);
    append(frame, packet);
    return frame;
}

void append_attribute(Bytes& to, std::uint16_t type, ByteSpan value) {
    const auto length = static_cast<std::uint16_t>(4 + value.size());
    for (const std::uint16_t number : {length, type}) {  // host order
        std::array<std::byte, 2> octets{};
        std::memcpy(octets.data(), &number, sizeof number);
        append(to, octets);
    }
    append(to, value);
    to.resize((to.size() + 3) / 4 * 4);
}

Bytes nflog_frame(unsigned family, const Bytes& packet) {
    Bytes frame;
    append8(frame, family);
    append8(frame, 0);
    append16(frame, 30);
    append_attribute(frame, 1, Bytes(4));
    append_attribute(frame, 10, to_bytes("prefix\0"sv));
    append_attribute(frame, 9, packet);
    return frame;
}

struct Frame {
    std::string name;
    int link_type = 0;
    Bytes octets;
    Bytes packet;
};

std::vector<Frame> readable_frames() {
    const Bytes v4 = packet4();
    const Bytes v6 = packet6();
    const std::vector<VlanTag> four{{1, 0x88A8}, {2, 0x88A8}, {3, 0x9100}, {4}};
    return {
        {"ethernet_ipv4", 1, ethernet_frame(v4), v4},
        {"ethernet_ipv6", 1, ethernet_frame(v6), v6},
        {"one_vlan_tag", 1, ethernet_frame(v4, {{7}}), v4},
        {"service_and_customer_tag", 1, ethernet_frame(v6, {{7, 0x88A8}, {8}}), v6},
        {"four_tags", 1, ethernet_frame(v4, four), v4},
        {"pppoe_ipv4", 1, ethernet_frame(pppoe_session(v4), {}, 0x8864), v4},
        {"pppoe_ipv6_in_a_vlan", 1, ethernet_frame(pppoe_session(v6), {{7}}, 0x8864), v6},
        {"linux_cooked", 113, sll_frame(v4), v4},
        {"linux_cooked_with_a_tag", 113, sll_frame(after("\0\7\x08\0"sv, v4), 0x8100), v4},
        {"linux_cooked2", 276, sll2_frame(v6), v6},
        {"raw", 12, v4, v4},
        {"raw_bsd", 14, v6, v6},
        {"raw_in_the_file", 101, v4, v4},
        {"raw_ipv4", 228, v4, v4},
        {"raw_ipv6", 229, v6, v6},
        {"null_little_endian", 0, after("\2\0\0\0"sv, v4), v4},
        {"null_big_endian", 0, after("\0\0\0\2"sv, v4), v4},
        {"null_ipv6_linux", 0, after("\x0A\0\0\0"sv, v6), v6},
        {"null_ipv6_windows", 0, after("\x17\0\0\0"sv, v6), v6},
        {"null_ipv6_openbsd", 0, after("\0\0\0\x18"sv, v6), v6},
        {"null_ipv6_freebsd", 0, after("\x1C\0\0\0"sv, v6), v6},
        {"null_ipv6_macos", 0, after("\x1E\0\0\0"sv, v6), v6},
        {"loop", 108, after("\0\0\0\2"sv, v4), v4},
        {"loop_in_the_other_order", 108, after("\2\0\0\0"sv, v4), v4},
        {"ppp", 9, after("\0\x21"sv, v4), v4},
        {"ppp_with_address_and_control", 9, after("\xFF\x03\0\x57"sv, v6), v6},
        {"ppp_serial", 50, after("\xFF\x03\0\x21"sv, v4), v4},
        {"ppp_compressed_protocol", 9, after("\x21"sv, v4), v4},
        {"nflog_ipv4", 239, nflog_frame(2, v4), v4},
        {"nflog_ipv6", 239, nflog_frame(10, v6), v6},
    };
}

void PrintTo(const Frame& frame, std::ostream* out) {
    *out << frame.name;
}

class ReadableFrame : public ::testing::TestWithParam<Frame> {};

TEST_P(ReadableFrame, HoldsThePacket) {
    const Bytes exact = exact_copy(GetParam().octets);
    const auto result = find_ip_packet(GetParam().link_type, exact);
    ASSERT_TRUE(std::holds_alternative<Octets>(result)) << describe(std::get<LeftOut>(result));
    // NFLOG and PPPoE give the length themselves; otherwise the packet reaches to the end of the frame.
    EXPECT_EQ(exact_copy(std::get<Octets>(result)), GetParam().packet);
}

TEST_P(ReadableFrame, GivesNoWholePacketWhenItIsCut) {
    const Bytes& octets = GetParam().octets;
    const std::size_t end = GetParam().name.rfind("nflog", 0) == 0 ? octets.size() - 1 : octets.size();  // padding
    for (std::size_t size = 0; size < end; ++size) {
        const Bytes exact = exact_copy(ByteSpan(octets).first(size));
        const auto result = find_ip_packet(GetParam().link_type, exact);
        if (const auto* reason = std::get_if<LeftOut>(&result)) {
            EXPECT_EQ(*reason, LeftOut::cut_short) << size;
            continue;
        }
        EXPECT_EQ(std::get<LeftOut>(read_ip_header(std::get<Octets>(result))), LeftOut::cut_short) << size;
    }
}

INSTANTIATE_TEST_SUITE_P(LinkLayer, ReadableFrame, ::testing::ValuesIn(readable_frames()),
                         [](const auto& parameter) { return parameter.param.name; });

struct OtherFrame {
    std::string name;
    int link_type = 0;
    Bytes octets;
    LeftOut reason = LeftOut::not_ip;
};

void PrintTo(const OtherFrame& frame, std::ostream* out) {
    *out << frame.name;
}

std::vector<OtherFrame> other_frames() {
    const Bytes v4 = packet4();
    const std::vector<VlanTag> five(5, VlanTag{1});
    Bytes discovery = pppoe_session(v4);
    discovery[1] = std::byte{0x09};
    Bytes long_session = pppoe_session(v4);
    put16(long_session, 4, static_cast<unsigned>(v4.size() + 3));
    Bytes long_attribute = nflog_frame(2, v4);
    std::memset(long_attribute.data() + 4, 0x7F, 2);
    Bytes no_payload;
    append32(no_payload, 0x02000000);
    append_attribute(no_payload, 1, Bytes(4));
    Bytes empty_attribute;
    append32(empty_attribute, 0x02000000);
    append32(empty_attribute, 0);  // of length 0: reading must not stand still
    return {
        {"arp", 1, ethernet_frame(Bytes(28), {}, 0x0806), LeftOut::not_ip},
        {"arp_in_a_vlan", 1, ethernet_frame(Bytes(28), {{7}}, 0x0806), LeftOut::not_ip},
        {"ieee_802_3_length", 1, ethernet_frame(Bytes(38), {}, 38), LeftOut::not_ip},
        {"five_tags", 1, ethernet_frame(v4, five), LeftOut::too_many_tags},
        {"pppoe_discovery", 1, ethernet_frame(discovery, {}, 0x8864), LeftOut::not_ip},
        {"pppoe_length_beyond_the_frame", 1, ethernet_frame(long_session, {}, 0x8864), LeftOut::cut_short},
        {"cooked_arp", 113, sll_frame(Bytes(28), 0x0806), LeftOut::not_ip},
        {"cooked2_arp", 276, sll2_frame(Bytes(28), 0x0806), LeftOut::not_ip},
        {"null_of_another_family", 0, after("\x07\0\0\0"sv, v4), LeftOut::not_ip},
        {"lcp", 9, after("\xFF\x03\xC0\x21"sv, Bytes(8)), LeftOut::not_ip},
        {"nflog_of_a_bridge", 239, nflog_frame(7, v4), LeftOut::not_ip},
        {"nflog_attribute_beyond_the_frame", 239, long_attribute, LeftOut::cut_short},
        {"nflog_without_payload", 239, no_payload, LeftOut::cut_short},
        {"nflog_attribute_of_no_length", 239, empty_attribute, LeftOut::cut_short},
        {"ieee_802_11", 105, Bytes(64), LeftOut::unknown_link_type},
        {"negative_link_type", -1, v4, LeftOut::unknown_link_type},
    };
}

class FrameWithoutIp : public ::testing::TestWithParam<OtherFrame> {};

TEST_P(FrameWithoutIp, SaysWhy) {
    const Bytes exact = exact_copy(GetParam().octets);
    const auto result = find_ip_packet(GetParam().link_type, exact);
    ASSERT_TRUE(std::holds_alternative<LeftOut>(result));
    EXPECT_EQ(name(std::get<LeftOut>(result)), name(GetParam().reason));
}

INSTANTIATE_TEST_SUITE_P(LinkLayer, FrameWithoutIp, ::testing::ValuesIn(other_frames()),
                         [](const auto& parameter) { return parameter.param.name; });

}  // namespace
}  // namespace messenger::daemon
