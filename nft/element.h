// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "nft/address.h"
#include "nft/set_spec.h"

namespace messenger::nft {

/// The key of a set element: its fields one after the other, each filled with zeros up to a multiple of 4 bytes; a
/// field that stands alone is not filled up.
///
///   pinholes4   203.0.113.30 | 10.1.2.3 | 11 00 00 00 | 14 e6 00 00      (udp, 5350)
///
/// A value of fixed size, so that transactions need no heap of their own.
class Key {
   public:
    static constexpr std::size_t kMaxSize = 44;

    constexpr Key() = default;
    /// pinholes, and outside4 and dnat4 with the outside endpoint: both addresses of one family.
    [[nodiscard]] static Key pinhole(const Address& remote, Protocol protocol, const Endpoint& inside);
    /// open, received, sent, sip_endpoints, and outside_open4 and dnat_open4 with the outside endpoint.
    [[nodiscard]] static Key endpoint(Protocol protocol, const Endpoint& inside);
    /// snat4. interface: a name that an interface can have, so not longer than 15 bytes.
    [[nodiscard]] static Key binding(std::string_view interface, Protocol protocol, const Endpoint& inside);
    /// admitted.
    [[nodiscard]] static Key tuple(const FlowTuple& tuple);
    /// heard.
    [[nodiscard]] static Key address(const Address& address);
    /// sip_ports.
    [[nodiscard]] static Key port(Protocol protocol, std::uint16_t port);
    /// handover.
    [[nodiscard]] static Key protocol(Protocol protocol);
    /// Bytes as the kernel gave them. Absent if longer than kMaxSize.
    [[nodiscard]] static std::optional<Key> from_bytes(std::span<const std::byte> bytes);

    /// Borrowed from this value.
    [[nodiscard]] std::span<const std::byte> bytes() const& { return {bytes_.data(), size_}; }
    std::span<const std::byte> bytes() && = delete;
    /// As nft writes it: "203.0.113.30 . 10.1.2.3 . udp . 5350". The key must be one of that set.
    [[nodiscard]] std::string to_string(SetId set) const;

    auto operator<=>(const Key&) const = default;

   private:
    void append(std::span<const std::byte> field);
    void append(Protocol protocol);
    void append(std::uint16_t port);

    std::array<std::byte, kMaxSize> bytes_{};
    std::uint8_t size_ = 0;
};

/// Where an element is.
struct Place {
    SetId set = SetId::pinholes4;
    Key key;
    auto operator<=>(const Place&) const = default;
};

/// What a pinhole's key says, for the way back after a restart.
struct PinholeKey {
    Address remote;
    Protocol protocol = Protocol::udp;
    Endpoint inside;
};
struct EndpointKey {
    Protocol protocol = Protocol::udp;
    Endpoint inside;
};
struct BindingKey {
    std::string interface;
    Protocol protocol = Protocol::udp;
    Endpoint inside;
};
/// Absent if the bytes are not such a key (wrong size, a protocol other than TCP and UDP, an interface's name without
/// an end).
[[nodiscard]] std::optional<PinholeKey> read_pinhole_key(const Key& key);
[[nodiscard]] std::optional<EndpointKey> read_endpoint_key(const Key& key);
[[nodiscard]] std::optional<BindingKey> read_binding_key(const Key& key);
[[nodiscard]] std::optional<FlowTuple> read_tuple_key(const Key& key);
[[nodiscard]] std::optional<Address> read_address_key(const Key& key);

/// A comment that nft(8) can print and read back: at most 128 characters of printable ASCII. What it cannot hold (a
/// quote, a backslash, control characters, bytes above 126) becomes '?', the rest is cut off.
class Comment {
   public:
    static constexpr std::size_t kMaxSize = 128;

    constexpr Comment() = default;
    explicit Comment(std::string_view text);

    [[nodiscard]] std::string_view text() const& { return {text_.data(), size_}; }
    std::string_view text() && = delete;
    [[nodiscard]] bool empty() const { return size_ == 0; }
    bool operator==(const Comment& other) const { return text() == other.text(); }

   private:
    std::array<char, kMaxSize> text_{};
    std::uint8_t size_ = 0;
};

/// An element as we ask for it.
struct Element {
    Key key;
    std::chrono::milliseconds timeout{0};  ///< 0: for ever; only sip_ports should
    Comment comment;
    std::optional<Endpoint> target{};  ///< of a map, and only there: where the key leads; IPv4
};

struct Counter {
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;  ///< of IP packets, headers included
    bool operator==(const Counter&) const = default;
};

/// An element as the kernel has it.
struct StoredElement {
    Element element;                       ///< timeout: what it was given last, not what is left
    std::chrono::milliseconds expires{0};  ///< what is left; 0 if it has no timeout
    std::optional<Counter> counter;

    /// The element to put back after a reinstall: it lives as long as it would have.
    [[nodiscard]] Element restored() const;
};

/// The bytes of a map's target, "10.1.2.3 . 5350" | 0a 01 02 03 | 14 e6 00 00, and the way back. Absent if they are not
/// such bytes.
inline constexpr std::size_t kTargetSize = 8;
[[nodiscard]] std::array<std::byte, kTargetSize> target_bytes(const Endpoint& target);
[[nodiscard]] std::optional<Endpoint> read_target(std::span<const std::byte> bytes);

/// "2m", "59s500ms", as nft reads it.
[[nodiscard]] std::string format_timeout(std::chrono::milliseconds timeout);

}  // namespace messenger::nft
