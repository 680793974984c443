// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/queue/queue_message.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>

#include <algorithm>
#include <cassert>
#include <cstring>

namespace messenger::daemon {

namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t kAlignment = 4;  // of messages and of attributes
constexpr unsigned kPacketType = NFNL_SUBSYS_QUEUE << 8U | NFQNL_MSG_PACKET;

/// Netlink headers are in host order and need not be aligned in our buffer, so they are copied out.
template <class T>
[[nodiscard]] T copy_header(Bytes bytes) {
    assert(bytes.size() >= sizeof(T));
    T header{};
    std::memcpy(&header, bytes.data(), sizeof(T));
    return header;
}

[[nodiscard]] std::size_t aligned(std::size_t length) {
    return (length + kAlignment - 1) / kAlignment * kAlignment;
}

[[nodiscard]] std::uint32_t big_endian(Bytes bytes) {
    std::uint32_t value = 0;
    for (const std::byte b : bytes) value = value << 8U | std::to_integer<std::uint32_t>(b);
    return value;
}

struct Attribute {
    unsigned type = 0;
    Bytes value;
};

/// Takes the first attribute off rest. Absent, with rest as it was, if there is none or if it is longer than rest.
[[nodiscard]] std::optional<Attribute> take_attribute(Bytes& rest) {
    if (rest.size() < sizeof(nlattr)) return std::nullopt;
    const auto header = copy_header<nlattr>(rest);
    if (header.nla_len < sizeof(nlattr) || header.nla_len > rest.size()) return std::nullopt;
    const Attribute attribute{header.nla_type & static_cast<unsigned>(NLA_TYPE_MASK),
                              rest.subspan(sizeof(nlattr), header.nla_len - sizeof(nlattr))};
    rest = rest.subspan(std::min(aligned(header.nla_len), rest.size()));  // the last one may lack its padding
    return attribute;
}

[[nodiscard]] bool read_number(Bytes value, std::uint32_t& out) {
    if (value.size() != sizeof(std::uint32_t)) return false;
    out = big_endian(value);
    return true;
}

/// struct nfqnl_msg_packet_hdr: packet id (4 bytes), EtherType (2), hook (1), packed.
[[nodiscard]] bool read_packet_header(Bytes value, QueueMessage& message) {
    if (value.size() < 7) return false;
    message.packet.id = big_endian(value.first(4));
    message.packet.hw_protocol = static_cast<std::uint16_t>(big_endian(value.subspan(4, 2)));
    message.packet.hook = std::to_integer<std::uint8_t>(value[6]);
    message.has_id = true;
    return true;
}

/// False if the attribute's length is not what its type asks for.
[[nodiscard]] bool read_attribute(const Attribute& attribute, QueueMessage& message, std::uint32_t& whole_length) {
    QueuedPacket& packet = message.packet;
    std::uint32_t number = 0;
    switch (attribute.type) {
        case NFQA_PACKET_HDR: return read_packet_header(attribute.value, message);
        case NFQA_MARK: return read_number(attribute.value, packet.mark);
        case NFQA_IFINDEX_INDEV: return read_number(attribute.value, packet.indev);
        case NFQA_IFINDEX_OUTDEV: return read_number(attribute.value, packet.outdev);
        case NFQA_PAYLOAD: packet.payload = attribute.value; return true;
        case NFQA_CAP_LEN: return read_number(attribute.value, whole_length);
        case NFQA_SKB_INFO:
            if (!read_number(attribute.value, number)) return false;
            packet.checksum_not_ready = (number & NFQA_SKB_CSUMNOTREADY) != 0;
            packet.gso = (number & NFQA_SKB_GSO) != 0;
            packet.checksum_not_verified = (number & NFQA_SKB_CSUM_NOTVERIFIED) != 0;
            return true;
        case NFQA_CT: packet.conntrack = attribute.value; return true;
        case NFQA_CT_INFO:
            if (!read_number(attribute.value, number)) return false;
            packet.conntrack_info = number;
            return true;
        default: return true;  // time stamps, hardware addresses, user ids
    }
}

void read_packet(Bytes body, bool whole, QueueMessage& message) {
    message.kind = QueueMessage::Kind::malformed;
    if (body.size() < sizeof(nfgenmsg)) return;
    message.packet.queue = static_cast<std::uint16_t>(big_endian(body.subspan(offsetof(nfgenmsg, res_id), 2)));
    Bytes rest = body.subspan(sizeof(nfgenmsg));
    std::uint32_t whole_length = 0;
    while (const auto attribute = take_attribute(rest)) {
        if (!read_attribute(*attribute, message, whole_length)) return;
    }
    message.packet.truncated = whole_length > message.packet.payload.size();
    if (whole && rest.empty() && message.has_id) message.kind = QueueMessage::Kind::packet;
}

void read_acknowledgement(Bytes body, QueueMessage& message) {
    message.kind = QueueMessage::Kind::malformed;
    if (body.size() < sizeof(nlmsgerr)) return;
    const auto answer = copy_header<nlmsgerr>(body);
    if (answer.error > 0 || answer.error < -4095) return;  // the kernel's errno values, negated
    message.kind = QueueMessage::Kind::acknowledgement;
    message.error = -answer.error;
    message.sequence = answer.msg.nlmsg_seq;
}

}  // namespace

std::optional<QueueMessage> take_queue_message(Bytes& rest) {
    if (rest.empty()) return std::nullopt;
    QueueMessage message;
    if (rest.size() < sizeof(nlmsghdr)) {
        rest = {};
        message.kind = QueueMessage::Kind::malformed;
        return message;
    }
    const auto header = copy_header<nlmsghdr>(rest);
    // A message that is longer than the buffer is still searched for its packet id: somebody has to free that packet.
    const bool whole = header.nlmsg_len >= sizeof(nlmsghdr) && header.nlmsg_len <= rest.size();
    const std::size_t length = whole ? header.nlmsg_len : rest.size();
    const Bytes body = rest.first(length).subspan(sizeof(nlmsghdr));
    rest = rest.subspan(std::min(aligned(length), rest.size()));
    if (header.nlmsg_type == kPacketType) {
        read_packet(body, whole, message);
    } else if (!whole) {
        message.kind = QueueMessage::Kind::malformed;
    } else if (header.nlmsg_type == NLMSG_ERROR) {
        read_acknowledgement(body, message);
    }
    return message;
}

}  // namespace messenger::daemon
