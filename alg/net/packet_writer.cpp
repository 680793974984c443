// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/net/packet_writer.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "alg/net/header_sizes.h"

namespace messenger::alg {

namespace {

using Bytes = std::span<const std::byte>;
using Room = std::span<std::byte>;

constexpr std::size_t kLongest = 0xffff;  // of an IPv4 packet, and of what follows the IPv6 header

// Fields of the headers, in bytes from their beginnings.
constexpr std::size_t kIpv4Length = 2;
constexpr std::size_t kIpv4Identification = 4;
constexpr std::size_t kIpv4Flags = 6;
constexpr std::size_t kIpv4Checksum = 10;
constexpr std::size_t kIpv4Addresses = 12;
constexpr std::size_t kIpv6Length = 4;
constexpr std::size_t kIpv6Addresses = 8;
constexpr std::size_t kUdpLength = 4;
constexpr std::size_t kUdpChecksum = 6;
constexpr std::size_t kTcpSequence = 4;
constexpr std::size_t kTcpAcknowledgement = 8;
constexpr std::size_t kTcpFlags = 13;
constexpr std::size_t kTcpChecksum = 16;

constexpr unsigned kDontFragment = 0x4000;
constexpr unsigned kFinAndPush = 0x01U | 0x08U;

// TCP options by their kind.
constexpr unsigned kEndOfOptions = 0;
constexpr unsigned kNoOperation = 1;
constexpr unsigned kMaximumSegmentSize = 2;
constexpr unsigned kSack = 5;
constexpr unsigned kTimestamps = 8;
constexpr std::size_t kTimestampsOption = 10;
constexpr std::size_t kMssOption = 4;
constexpr std::size_t kSackBlock = 8;

// The readers and writers trust their caller to have checked the size.

[[nodiscard]] unsigned get8(Bytes from, std::size_t at) {
    return std::to_integer<unsigned>(from[at]);
}

[[nodiscard]] std::uint16_t get16(Bytes from, std::size_t at) {
    return static_cast<std::uint16_t>(get8(from, at) << 8U | get8(from, at + 1));
}

[[nodiscard]] std::uint32_t get32(Bytes from, std::size_t at) {
    return std::uint32_t{get16(from, at)} << 16U | get16(from, at + 2);
}

void put16(Room to, std::size_t at, std::size_t value) {
    to[at] = static_cast<std::byte>(value >> 8U & 0xffU);
    to[at + 1] = static_cast<std::byte>(value & 0xffU);
}

void put32(Room to, std::size_t at, std::uint32_t value) {
    put16(to, at, value >> 16U);
    put16(to, at + 2, value & 0xffffU);
}

/// The sum of RFC 1071 over 16-bit words in network byte order; an odd last byte is the high half of a word.
[[nodiscard]] std::uint64_t sum_words(Bytes bytes) {
    std::uint64_t sum = 0;
    std::size_t at = 0;
    for (; bytes.size() - at >= 4; at += 4) sum += get32(bytes, at);
    for (; bytes.size() - at >= 2; at += 2) sum += get16(bytes, at);
    if (at < bytes.size()) sum += std::uint64_t{get8(bytes, at)} << 8U;
    return sum;
}

[[nodiscard]] std::uint16_t finish_sum(std::uint64_t sum) {
    while (sum > 0xffffU) sum = (sum & 0xffffU) + (sum >> 16U);
    return static_cast<std::uint16_t>(~sum & 0xffffU);
}

/// Where the parts of a packet lie.
struct Layout {
    bool ipv4 = true;
    std::size_t ip_header = 0;  ///< of IPv6 without extensions
    std::size_t transport = 0;
    std::size_t payload = 0;
};

/// Absent if packet cannot be what view was read from.
[[nodiscard]] std::optional<Layout> find_parts(Bytes packet, const PacketView& view, Transport transport) {
    if (packet.empty() || view.tuple.transport != transport) return std::nullopt;
    const unsigned version = get8(packet, 0) >> 4U;
    if (version != 4 && version != 6) return std::nullopt;
    Layout layout;
    layout.ipv4 = version == 4;
    layout.ip_header = layout.ipv4 ? (get8(packet, 0) & 0x0fU) * std::size_t{4} : kIpv6HeaderSize;
    layout.transport = view.transport_at;
    const std::size_t least = transport == Transport::udp ? kUdpHeaderSize : kTcpHeaderSize;
    if (layout.ip_header < (layout.ipv4 ? kIpv4HeaderSize : kIpv6HeaderSize) || layout.transport < layout.ip_header ||
        layout.transport > packet.size() || least > packet.size() - layout.transport) {
        return std::nullopt;
    }
    std::size_t header = least;
    if (transport == Transport::tcp) header = (get8(packet, layout.transport + 12) >> 4U) * std::size_t{4};
    if (header < least || header > packet.size() - layout.transport) return std::nullopt;
    layout.payload = layout.transport + header;
    if (view.payload.size() > packet.size() - layout.payload) return std::nullopt;
    return layout;
}

/// Headers and payload with the IP length; the checksums are still the original's.
[[nodiscard]] bool put_together(Bytes packet, const Layout& layout, std::string_view payload,
                                std::vector<std::byte>& out) {
    const std::size_t counted = layout.payload - (layout.ipv4 ? 0 : layout.ip_header);
    if (counted > kLongest || payload.size() > kLongest - counted) return false;
    out.resize(layout.payload + payload.size());
    std::copy_n(packet.begin(), layout.payload, out.begin());
    // The payload may be empty, and then at no address.
    if (!payload.empty()) std::memcpy(&out[layout.payload], payload.data(), payload.size());
    put16(out, layout.ipv4 ? kIpv4Length : kIpv6Length, counted + payload.size());
    return true;
}

void fill_ip_checksum(const Layout& layout, Room out) {
    if (!layout.ipv4) return;
    put16(out, kIpv4Checksum, 0);
    put16(out, kIpv4Checksum, finish_sum(sum_words(out.first(layout.ip_header))));
}

/// Over the pseudo header and all of the datagram or segment (RFC 9293 section 3.1, RFC 8200 section 8.1). The final
/// destination of an IPv6 routing header is not looked for: hosts do not send those any more (RFC 5095).
[[nodiscard]] std::uint16_t transport_checksum(const Layout& layout, Transport transport, Room out, std::size_t field) {
    put16(out, layout.transport + field, 0);
    const Bytes addresses =
        layout.ipv4 ? Bytes(out).subspan(kIpv4Addresses, 8) : Bytes(out).subspan(kIpv6Addresses, 32);
    const Bytes rest = Bytes(out).subspan(layout.transport);
    return finish_sum(sum_words(addresses) + static_cast<unsigned>(transport) + rest.size() + sum_words(rest));
}

void fill_tcp_checksums(const Layout& layout, Room out) {
    put16(out, layout.transport + kTcpChecksum, transport_checksum(layout, Transport::tcp, out, kTcpChecksum));
    fill_ip_checksum(layout, out);
}

/// Calls found(kind, offset, size) for each option in the TCP options, header bytes of kind and length included; stops
/// at the first one that makes no sense.
template <class Found>
void for_each_option(Bytes options, Found&& found) {
    std::size_t at = 0;
    while (at < options.size()) {
        const unsigned kind = get8(options, at);
        if (kind == kEndOfOptions) return;
        if (kind == kNoOperation) {
            ++at;
            continue;
        }
        if (options.size() - at < 2) return;
        const std::size_t size = get8(options, at + 1);
        if (size < 2 || size > options.size() - at) return;
        found(kind, at, size);
        at += size;
    }
}

/// As the kernel takes them: any other size says nothing.
[[nodiscard]] bool holds_blocks(unsigned kind, std::size_t size) {
    return kind == kSack && size > 2 && (size - 2) % kSackBlock == 0;
}

[[nodiscard]] Bytes options_of(Bytes packet, const Layout& layout) {
    const std::size_t begin = layout.transport + kTcpHeaderSize;
    return packet.subspan(begin, layout.payload - begin);
}

/// The blocks of one SACK option become the next ones of sack; the empty ones are left out, and no-operations stand
/// behind the rest.
void write_sack_option(Room option, const SackBlocks& sack, std::size_t& next) {
    const std::size_t blocks = (option.size() - 2) / kSackBlock;
    std::size_t end = 2;
    for (std::size_t i = 0; i < blocks && next < sack.size(); ++i, ++next) {
        const SackBlock& block = sack[next];
        if (block.left == block.right) continue;
        put32(option, end, block.left);
        put32(option, end + 4, block.right);
        end += kSackBlock;
    }
    if (end == 2) end = 0;
    if (end > 0) option[1] = static_cast<std::byte>(end);
    std::fill(option.begin() + static_cast<std::ptrdiff_t>(end), option.end(), std::byte{kNoOperation});
}

}  // namespace

bool write_datagram(Bytes packet, const PacketView& view, std::string_view payload, IpIdentifiers& identifiers,
                    std::vector<std::byte>& out) {
    const auto layout = find_parts(packet, view, Transport::udp);
    if (!layout || !put_together(packet, *layout, payload, out)) return false;
    put16(out, layout->transport + kUdpLength, kUdpHeaderSize + payload.size());
    const unsigned flags = layout->ipv4 ? get16(out, kIpv4Flags) : 0;
    if (payload.size() > view.payload.size() && layout->ipv4) {
        put16(out, kIpv4Flags, flags & ~kDontFragment);
        if ((flags & kDontFragment) != 0 || get16(out, kIpv4Identification) == 0) {
            put16(out, kIpv4Identification, identifiers.next());
        }
    }
    if (get16(packet, layout->transport + kUdpChecksum) != 0) {
        const std::uint16_t sum = transport_checksum(*layout, Transport::udp, out, kUdpChecksum);
        put16(out, layout->transport + kUdpChecksum, sum == 0 ? 0xffffU : sum);
    }
    fill_ip_checksum(*layout, out);
    return true;
}

std::size_t payload_offset(Bytes packet, const PacketView& view) {
    const auto layout = find_parts(packet, view, view.tuple.transport);
    return layout ? layout->payload : 0;
}

std::optional<Timestamps> read_timestamps(Bytes packet, const PacketView& view) {
    const auto layout = find_parts(packet, view, Transport::tcp);
    if (!layout) return std::nullopt;
    std::optional<Timestamps> found;
    const Bytes options = options_of(packet, *layout);
    for_each_option(options, [&](unsigned kind, std::size_t at, std::size_t size) {
        if (kind != kTimestamps || size != kTimestampsOption || found) return;
        found = Timestamps{get32(options, at + 2), get32(options, at + 6)};
    });
    return found;
}

SackBlocks read_sack(Bytes packet, const PacketView& view) {
    SackBlocks blocks;
    const auto layout = find_parts(packet, view, Transport::tcp);
    if (!layout) return blocks;
    const Bytes options = options_of(packet, *layout);
    for_each_option(options, [&](unsigned kind, std::size_t at, std::size_t size) {
        if (!holds_blocks(kind, size)) return;
        for (std::size_t i = 2; size - i >= kSackBlock && blocks.size() < SackBlocks::static_capacity;
             i += kSackBlock) {
            blocks.push_back({get32(options, at + i), get32(options, at + i + 4)});
        }
    });
    return blocks;
}

bool write_segment(Bytes packet, const PacketView& view, const SegmentChange& change, std::string_view payload,
                   std::vector<std::byte>& out) {
    const auto layout = find_parts(packet, view, Transport::tcp);
    if (!layout || !put_together(packet, *layout, payload, out)) return false;
    const Room whole(out);
    put32(whole, layout->transport + kTcpSequence, change.sequence);
    put32(whole, layout->transport + kTcpAcknowledgement, change.acknowledgement);
    if (change.more_follows) {
        const unsigned flags = get8(whole, layout->transport + kTcpFlags);
        out[layout->transport + kTcpFlags] = static_cast<std::byte>(flags & ~kFinAndPush);
    }
    const Bytes options = options_of(packet, *layout);
    const Room writable = whole.subspan(layout->transport + kTcpHeaderSize, options.size());
    if (change.timestamp || change.echo) {
        for_each_option(options, [&](unsigned kind, std::size_t at, std::size_t size) {
            if (kind != kTimestamps || size != kTimestampsOption) return;
            if (change.timestamp) put32(writable, at + 2, *change.timestamp);
            if (change.echo) put32(writable, at + 6, *change.echo);
        });
    }
    if (!change.sack.empty()) {
        std::size_t next = 0;
        for_each_option(options, [&](unsigned kind, std::size_t at, std::size_t size) {
            if (holds_blocks(kind, size)) write_sack_option(writable.subspan(at, size), change.sack, next);
        });
    }
    fill_tcp_checksums(*layout, whole);
    return true;
}

std::uint16_t read_mss(Bytes packet, const PacketView& view) {
    const auto layout = find_parts(packet, view, Transport::tcp);
    if (!layout || !view.tcp.syn) return 0;
    const Bytes options = options_of(packet, *layout);
    std::uint16_t mss = 0;
    for_each_option(options, [&](unsigned kind, std::size_t at, std::size_t size) {
        if (kind == kMaximumSegmentSize && size == kMssOption) mss = get16(options, at + 2);
    });
    return mss;
}

bool lower_mss(Bytes packet, const PacketView& view, std::uint16_t room, std::vector<std::byte>& out) {
    const std::uint16_t mss = read_mss(packet, view);
    if (mss <= kLeastSegment || room == 0) return false;
    const auto lower = std::max<std::size_t>(kLeastSegment, mss - std::min(mss, room));
    const auto layout = find_parts(packet, view, Transport::tcp);
    if (!layout || !put_together(packet, *layout, view.payload, out)) return false;
    const Bytes options = options_of(packet, *layout);
    for_each_option(options, [&](unsigned kind, std::size_t at, std::size_t size) {
        if (kind != kMaximumSegmentSize || size != kMssOption) return;
        put16(out, layout->transport + kTcpHeaderSize + at + 2, lower);
    });
    fill_tcp_checksums(*layout, out);
    return true;
}

}  // namespace messenger::alg
