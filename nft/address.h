// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace messenger::nft {

enum class Family : std::uint8_t { ipv4, ipv6 };

/// The IP protocol numbers that pinholes exist for.
enum class Protocol : std::uint8_t { tcp = 6, udp = 17 };

/// "tcp" or "udp".
[[nodiscard]] std::string_view name(Protocol protocol);

/// An IP address as the kernel takes it: network order, 4 or 16 bytes. Default: 0.0.0.0.
class Address {
   public:
    constexpr Address() = default;

    /// host_order: 0x0a010203 is 10.1.2.3.
    [[nodiscard]] static Address v4(std::uint32_t host_order);
    /// 4 or 16 bytes in network order; anything else is a bug of the caller.
    [[nodiscard]] static Address from_bytes(std::span<const std::byte> bytes);
    /// inet_pton(3) text. Absent if it is no address.
    [[nodiscard]] static std::optional<Address> parse(std::string_view text);

    [[nodiscard]] Family family() const { return family_; }
    /// Borrowed from this value.
    [[nodiscard]] std::span<const std::byte> bytes() const& {
        return {bytes_.data(), family_ == Family::ipv4 ? std::size_t{4} : std::size_t{16}};
    }
    std::span<const std::byte> bytes() && = delete;
    [[nodiscard]] std::string to_string() const;

    auto operator<=>(const Address&) const = default;

   private:
    Family family_ = Family::ipv4;
    std::array<std::byte, 16> bytes_{};
};

/// Address and port; the port in host order.
struct Endpoint {
    Address address;
    std::uint16_t port = 0;
    auto operator<=>(const Endpoint&) const = default;
};

/// One direction of a flow. Both endpoints are of one family.
struct FlowTuple {
    Protocol protocol = Protocol::udp;
    Endpoint source;
    Endpoint destination;

    [[nodiscard]] FlowTuple reversed() const { return {protocol, destination, source}; }
    /// "udp 203.0.113.30:9000 > 10.1.2.3:5350", IPv6 addresses in brackets.
    [[nodiscard]] std::string to_string() const;
    auto operator<=>(const FlowTuple&) const = default;
};

}  // namespace messenger::nft
