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
#include <vector>

namespace messenger::alg {

enum class Family : std::uint8_t { ipv4, ipv6 };

/// An IPv4 or IPv6 address as a value. IPv4-mapped IPv6 (::ffff:a.b.c.d) becomes IPv4, so that one host has one form.
/// A default-constructed address is 0.0.0.0.
class IpAddress {
   public:
    constexpr IpAddress() = default;

    /// host_order: 0x0a010203 is 10.1.2.3.
    [[nodiscard]] static IpAddress v4(std::uint32_t host_order);
    /// bytes: network order.
    [[nodiscard]] static IpAddress v6(std::span<const std::byte, 16> bytes);
    /// Dotted quad without leading zeros, or RFC 4291 text with or without brackets; no zone, no name, no blanks.
    [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);

    [[nodiscard]] Family family() const { return family_; }
    [[nodiscard]] bool is_v4() const { return family_ == Family::ipv4; }
    /// Network order; 4 bytes for IPv4, 16 for IPv6. Borrowed from this value.
    [[nodiscard]] std::span<const std::byte> bytes() const& { return {bytes_.data(), is_v4() ? 4U : 16U}; }
    std::span<const std::byte> bytes() && = delete;

    [[nodiscard]] bool is_unspecified() const;  ///< 0.0.0.0 or ::
    [[nodiscard]] bool is_multicast() const;    ///< 224.0.0.0/4, ff00::/8
    [[nodiscard]] bool is_broadcast() const;    ///< 255.255.255.255
    [[nodiscard]] bool is_loopback() const;     ///< 127.0.0.0/8, ::1
    /// Not reachable across the Internet: RFC 1918, RFC 6598, link-local, fc00::/7.
    [[nodiscard]] bool is_private() const;

    /// What one host outside can have of addresses at will: of IPv6 its /64, of IPv4 the address itself. What is
    /// counted per sender is counted by it.
    [[nodiscard]] IpAddress site() const;

    /// RFC 5952 text for IPv6, without brackets.
    [[nodiscard]] std::string to_string() const;

    auto operator<=>(const IpAddress&) const = default;

   private:
    Family family_ = Family::ipv4;
    std::array<std::byte, 16> bytes_{};
};

/// Address and port; port in host order.
struct Endpoint {
    IpAddress address;
    std::uint16_t port = 0;

    /// "10.1.2.3:5060", "[2001:db8::1]:5060".
    [[nodiscard]] std::string to_string() const;
    auto operator<=>(const Endpoint&) const = default;
};

/// A network in CIDR form. Host bits beyond the length must be zero.
class Prefix {
   public:
    /// "10.0.0.0/8", "2001:db8::/32", or a single address. Absent if it is neither, or if host bits are set.
    [[nodiscard]] static std::optional<Prefix> parse(std::string_view text);
    /// length is capped to the address's own; host bits are cleared.
    Prefix(const IpAddress& address, unsigned length);

    [[nodiscard]] bool contains(const IpAddress& address) const;
    [[nodiscard]] const IpAddress& address() const { return address_; }
    [[nodiscard]] unsigned length() const { return length_; }
    [[nodiscard]] std::string to_string() const;
    auto operator<=>(const Prefix&) const = default;

   private:
    IpAddress address_;
    std::uint8_t length_;
};

/// A list of networks from the configuration, or "any". Looked at linearly: operators name a handful.
class PrefixSet {
   public:
    PrefixSet() = default;
    [[nodiscard]] static PrefixSet any();
    /// RFC 1918, RFC 6598, link-local and fc00::/7: what explain takes for inside unless told.
    [[nodiscard]] static PrefixSet private_ranges();

    void add(const Prefix& prefix) { prefixes_.push_back(prefix); }
    [[nodiscard]] bool contains(const IpAddress& address) const;
    [[nodiscard]] bool empty() const { return !any_ && prefixes_.empty(); }

   private:
    bool any_ = false;
    std::vector<Prefix> prefixes_;
};

}  // namespace messenger::alg
