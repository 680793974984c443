// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/queue/queue_message.h"

#include <cerrno>

#include <gtest/gtest.h>

#include "tests/daemon/queue/netlink_bytes.h"
#include "tests/daemon/support/exact_bytes.h"

namespace messenger::daemon {
namespace {

using Kind = QueueMessage::Kind;

[[nodiscard]] std::string_view as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

[[nodiscard]] NetlinkBytes usual_packet() {
    NetlinkBytes netlink;
    netlink.packet_message(200).packet_header(7, 0x0800, 2);
    netlink.number(NFQA_MARK, 0x30).number(NFQA_IFINDEX_INDEV, 3).number(NFQA_IFINDEX_OUTDEV, 4);
    return netlink;
}

TEST(QueueMessage, ReadsAPacket) {
    auto netlink = usual_packet();
    netlink.number(NFQA_SKB_INFO, NFQA_SKB_CSUMNOTREADY | NFQA_SKB_GSO).number(NFQA_CAP_LEN, 5);
    netlink.attribute(NFQA_PAYLOAD, NetlinkBytes::of_text("hello"));
    const ExactBytes exact(netlink.bytes());
    auto rest = exact.view();
    const auto message = take_queue_message(rest);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->kind, Kind::packet);
    EXPECT_TRUE(rest.empty());
    const QueuedPacket& packet = message->packet;
    EXPECT_EQ(packet.id, 7U);
    EXPECT_EQ(packet.queue, 200U);
    EXPECT_EQ(packet.hook, 2U);
    EXPECT_EQ(packet.hw_protocol, 0x0800U);
    EXPECT_EQ(packet.mark, 0x30U);
    EXPECT_EQ(packet.indev, 3U);
    EXPECT_EQ(packet.outdev, 4U);
    EXPECT_EQ(as_text(packet.payload), "hello");
    EXPECT_FALSE(packet.truncated);
    EXPECT_TRUE(packet.gso);
    EXPECT_TRUE(packet.checksum_not_ready);
    EXPECT_FALSE(packet.checksum_not_verified);
    EXPECT_TRUE(packet.conntrack.empty());
    EXPECT_FALSE(packet.conntrack_info);
}

TEST(QueueMessage, ReadsAPayloadWithoutItsPadding) {
    auto netlink = usual_packet();
    netlink.host(static_cast<std::uint16_t>(4 + 5)).host(static_cast<std::uint16_t>(NFQA_PAYLOAD));
    netlink.raw(NetlinkBytes::of_text("hello"));
    const ExactBytes exact(netlink.bytes());
    auto rest = exact.view();
    const auto message = take_queue_message(rest);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->kind, Kind::packet);
    EXPECT_EQ(as_text(message->packet.payload), "hello");
}

TEST(QueueMessage, ReadsConntrackWhenTheKernelGivesIt) {
    auto netlink = usual_packet();
    netlink.attribute(NFQA_CT | NLA_F_NESTED, NetlinkBytes::of_text("nested.."));
    netlink.number(NFQA_CT_INFO, 2).number(NFQA_SKB_INFO, NFQA_SKB_CSUM_NOTVERIFIED);
    const ExactBytes exact(netlink.bytes());
    auto rest = exact.view();
    const auto message = take_queue_message(rest);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->kind, Kind::packet);
    EXPECT_EQ(as_text(message->packet.conntrack), "nested..");
    EXPECT_EQ(message->packet.conntrack_info, 2U);
    EXPECT_TRUE(message->packet.checksum_not_verified);
    EXPECT_FALSE(message->packet.gso);
}

TEST(QueueMessage, SaysWhenThePacketIsLongerThanItsCopy) {
    auto netlink = usual_packet();
    netlink.number(NFQA_CAP_LEN, 6).attribute(NFQA_PAYLOAD, NetlinkBytes::of_text("hello"));
    const ExactBytes exact(netlink.bytes());
    auto rest = exact.view();
    EXPECT_TRUE(take_queue_message(rest)->packet.truncated);
}

TEST(QueueMessage, TakesSeveralMessagesOneByOne) {
    auto netlink = usual_packet();
    netlink.packet_message(201).packet_header(8, 0x86dd, 2);
    netlink.message(NLMSG_NOOP);
    const ExactBytes exact(netlink.bytes());
    auto rest = exact.view();
    EXPECT_EQ(take_queue_message(rest)->packet.id, 7U);
    const auto second = take_queue_message(rest);
    EXPECT_EQ(second->packet.id, 8U);
    EXPECT_EQ(second->packet.queue, 201U);
    EXPECT_EQ(take_queue_message(rest)->kind, Kind::other);
    EXPECT_FALSE(take_queue_message(rest));
}

TEST(QueueMessage, ReadsAnAcknowledgement) {
    for (const int error : {0, EBUSY}) {
        NetlinkBytes netlink;
        netlink.message(NLMSG_ERROR, 1).host(-error);
        nlmsghdr refused{};
        refused.nlmsg_seq = 42;
        netlink.host(refused);
        const ExactBytes exact(netlink.bytes());
        auto rest = exact.view();
        const auto message = take_queue_message(rest);
        EXPECT_EQ(message->kind, Kind::acknowledgement);
        EXPECT_EQ(message->error, error);
        EXPECT_EQ(message->sequence, 42U);
    }
}

TEST(QueueMessage, RefusesAnErrorNumberThatIsNone) {
    for (const int error : {1, -4096, INT32_MIN}) {
        NetlinkBytes netlink;
        netlink.message(NLMSG_ERROR).host(error).host(nlmsghdr{});
        const ExactBytes exact(netlink.bytes());
        auto rest = exact.view();
        EXPECT_EQ(take_queue_message(rest)->kind, Kind::malformed) << error;
    }
}

TEST(QueueMessage, RefusesWrongAttributeLengths) {
    struct Row {
        const char* name;
        NetlinkBytes netlink;
        bool has_id;
    };
    std::vector<Row> rows;
    const std::vector<std::byte> three(3);
    const std::vector<std::byte> eight(8);
    rows.push_back({"no id", NetlinkBytes().packet_message(1).number(NFQA_MARK, 1), false});
    rows.push_back({"short header", NetlinkBytes().packet_message(1).attribute(NFQA_PACKET_HDR, three), false});
    rows.push_back({"short mark", usual_packet().attribute(NFQA_MARK, three), true});
    rows.push_back({"long mark", usual_packet().attribute(NFQA_MARK, eight), true});
    rows.push_back({"short indev", usual_packet().attribute(NFQA_IFINDEX_INDEV, three), true});
    rows.push_back({"short outdev", usual_packet().attribute(NFQA_IFINDEX_OUTDEV, three), true});
    rows.push_back({"short info", usual_packet().attribute(NFQA_SKB_INFO, three), true});
    rows.push_back({"short ct info", usual_packet().attribute(NFQA_CT_INFO, three), true});
    rows.push_back({"short length", usual_packet().attribute(NFQA_CAP_LEN, three), true});
    rows.push_back({"beyond the end", usual_packet().attribute(NFQA_PAYLOAD, eight, 9), true});
    rows.push_back({"far beyond the end", usual_packet().attribute(NFQA_PAYLOAD, eight, 0xfffb), true});
    rows.push_back({"no room for a header", usual_packet().raw(three), true});
    rows.push_back({"shorter than its header",
                    usual_packet().host(std::uint16_t{3}).host(static_cast<std::uint16_t>(NFQA_PAYLOAD)), true});
    rows.push_back(
        {"no generic header", NetlinkBytes().message(NFNL_SUBSYS_QUEUE << 8U | NFQNL_MSG_PACKET).raw(three), false});
    for (const Row& row : rows) {
        const ExactBytes exact(row.netlink.bytes());
        auto rest = exact.view();
        const auto message = take_queue_message(rest);
        ASSERT_TRUE(message) << row.name;
        EXPECT_EQ(message->kind, Kind::malformed) << row.name;
        EXPECT_EQ(message->has_id, row.has_id) << row.name;
        EXPECT_EQ(message->packet.id, row.has_id ? 7U : 0U) << row.name;
    }
}

TEST(QueueMessage, KeepsTheIdOfAMessageThatWasCutShort) {
    auto netlink = usual_packet();
    netlink.claim_length(60'000);
    const ExactBytes exact(netlink.bytes());
    auto rest = exact.view();
    const auto message = take_queue_message(rest);
    EXPECT_EQ(message->kind, Kind::malformed);
    EXPECT_TRUE(message->has_id);
    EXPECT_EQ(message->packet.id, 7U);
    EXPECT_TRUE(rest.empty());
}

TEST(QueueMessage, SurvivesEveryPrefixOfAMessage) {
    auto netlink = usual_packet();
    netlink.attribute(NFQA_PAYLOAD, NetlinkBytes::of_text("hello there"));
    const std::span<const std::byte> whole = netlink.bytes();
    for (std::size_t length = 1; length < whole.size(); ++length) {
        const ExactBytes exact(whole.first(length));
        auto rest = exact.view();
        const auto message = take_queue_message(rest);
        ASSERT_TRUE(message) << length;
        EXPECT_EQ(message->kind, Kind::malformed) << length;
        EXPECT_TRUE(rest.empty()) << length;
    }
}

TEST(QueueMessage, EndsAtAnImpossibleLength) {
    for (const std::uint32_t length : {0U, 15U, UINT32_MAX}) {
        NetlinkBytes netlink;
        netlink.message(NLMSG_NOOP).claim_length(length);
        const ExactBytes exact(netlink.bytes());
        auto rest = exact.view();
        EXPECT_EQ(take_queue_message(rest)->kind, Kind::malformed);
        EXPECT_FALSE(take_queue_message(rest));
    }
}

}  // namespace
}  // namespace messenger::daemon
