// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/nft/kernel/queue_reader.h"

#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <arpa/inet.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <poll.h>

namespace messenger::nft::testing {
namespace {

using Buffer = std::array<char, 4096>;

nlmsghdr* start_message(Buffer& buffer, std::uint16_t type, std::uint16_t queue, std::uint16_t flags) {
    nlmsghdr* message = mnl_nlmsg_put_header(buffer.data());
    message->nlmsg_type = static_cast<std::uint16_t>(NFNL_SUBSYS_QUEUE << 8U | type);
    message->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    auto* header = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(nfgenmsg)));
    header->nfgen_family = AF_UNSPEC;
    header->version = NFNETLINK_V0;
    header->res_id = htons(queue);
    return message;
}

std::uint16_t read_u16(std::span<const std::byte> bytes, std::size_t at) {
    return static_cast<std::uint16_t>(std::to_integer<unsigned>(bytes[at]) << 8U |
                                      std::to_integer<unsigned>(bytes[at + 1]));
}

/// Of a packet with neither IPv4 options nor IPv6 extension headers, as the lab's hosts send them.
FlowTuple read_tuple(std::span<const std::byte> packet) {
    const bool v4 = std::to_integer<unsigned>(packet[0]) >> 4U == 4;
    const std::size_t address = v4 ? 4 : 16;
    const std::size_t source = v4 ? 12 : 8;
    const std::size_t transport = v4 ? 20 : 40;
    return {static_cast<Protocol>(packet[v4 ? 9 : 6]),
            {Address::from_bytes(packet.subspan(source, address)), read_u16(packet, transport)},
            {Address::from_bytes(packet.subspan(source + address, address)), read_u16(packet, transport + 2)}};
}

}  // namespace

QueueReader::QueueReader(std::uint16_t queue, OnPacket on_packet)
    : queue_(queue), on_packet_(std::move(on_packet)), socket_(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC)) {
    if (!socket_ || mnl_socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID) < 0) throw std::runtime_error("queue socket");
    for (const bool parameters : {false, true}) {
        Buffer buffer{};
        nlmsghdr* message = start_message(buffer, NFQNL_MSG_CONFIG, queue, NLM_F_ACK);
        if (parameters) {
            nfq_nlmsg_cfg_put_params(message, NFQNL_COPY_PACKET, 0xffff);
        } else {
            nfq_nlmsg_cfg_put_cmd(message, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
        }
        mnl_socket_sendto(socket_.get(), message, message->nlmsg_len);
        const auto size = mnl_socket_recvfrom(socket_.get(), buffer.data(), buffer.size());
        if (mnl_cb_run(buffer.data(), static_cast<std::size_t>(size), 0, 0, nullptr, nullptr) < 0) {
            throw std::system_error(errno, std::system_category(), "bind queue");
        }
    }
    thread_ = std::thread([this] { read(); });
}

QueueReader::~QueueReader() {
    stopping_ = true;
    thread_.join();
}

void QueueReader::read() {
    std::array<char, 70000> buffer{};
    while (!stopping_) {
        pollfd waited{mnl_socket_get_fd(socket_.get()), POLLIN, 0};
        if (poll(&waited, 1, 10) <= 0) continue;
        const auto size = mnl_socket_recvfrom(socket_.get(), buffer.data(), buffer.size());
        if (size < 0) continue;
        int left = static_cast<int>(size);
        for (const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(message, left);
             message = mnl_nlmsg_next(message, &left)) {
            take(*message);
        }
    }
}

void QueueReader::take(const nlmsghdr& message) {
    std::array<nlattr*, NFQA_MAX + 1> attributes{};
    if (nfq_nlmsg_parse(&message, attributes.data()) < 0 || attributes[NFQA_PACKET_HDR] == nullptr) return;
    const auto* header = static_cast<const nfqnl_msg_packet_hdr*>(mnl_attr_get_payload(attributes[NFQA_PACKET_HDR]));
    const auto* payload = static_cast<const std::byte*>(mnl_attr_get_payload(attributes[NFQA_PAYLOAD]));
    QueuedPacket packet;
    packet.tuple = read_tuple({payload, mnl_attr_get_payload_len(attributes[NFQA_PAYLOAD])});
    if (attributes[NFQA_MARK] != nullptr) packet.mark = ntohl(mnl_attr_get_u32(attributes[NFQA_MARK]));
    const auto mark = on_packet_(packet);
    ++packets_;

    Buffer buffer{};
    nlmsghdr* verdict = start_message(buffer, NFQNL_MSG_VERDICT, queue_, 0);
    nfq_nlmsg_verdict_put(verdict, static_cast<int>(ntohl(header->packet_id)), NF_ACCEPT);
    if (mark) nfq_nlmsg_verdict_put_mark(verdict, *mark);
    mnl_socket_sendto(socket_.get(), verdict, verdict->nlmsg_len);
}

}  // namespace messenger::nft::testing
