// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/element.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace messenger::nft {
namespace {

constexpr std::size_t kPaddedProtocol = 4;
constexpr std::size_t kPaddedPort = 4;
constexpr std::size_t kInterface = 16;  // IFNAMSIZ

/// Reads the fields of a key one after the other; the caller has checked the size.
class FieldReader {
   public:
    explicit FieldReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

    Address address(std::size_t size) { return Address::from_bytes(take(size)); }
    std::uint8_t protocol() { return std::to_integer<std::uint8_t>(take(kPaddedProtocol)[0]); }
    std::string interface() {
        std::string name;
        for (const std::byte byte : take(kInterface)) name += static_cast<char>(byte);
        name.resize(std::min(name.find('\0'), name.size()));
        return name;
    }
    std::uint16_t port() {
        const auto field = take(kPaddedPort);
        return static_cast<std::uint16_t>(std::to_integer<unsigned>(field[0]) << 8U |
                                          std::to_integer<unsigned>(field[1]));
    }

   private:
    std::span<const std::byte> take(std::size_t size) {
        assert(size <= bytes_.size());
        const auto field = bytes_.first(size);
        bytes_ = bytes_.subspan(size);
        return field;
    }

    std::span<const std::byte> bytes_;
};

std::optional<Protocol> known_protocol(std::uint8_t number) {
    if (number != static_cast<std::uint8_t>(Protocol::tcp) && number != static_cast<std::uint8_t>(Protocol::udp)) {
        return std::nullopt;
    }
    return static_cast<Protocol>(number);
}

std::string protocol_text(std::uint8_t number) {
    const auto protocol = known_protocol(number);
    return protocol ? std::string(name(*protocol)) : std::to_string(number);
}

}  // namespace

void Key::append(std::span<const std::byte> field) {
    const std::size_t padded = (field.size() + 3) & ~std::size_t{3};
    assert(padded <= kMaxSize - size_);
    std::copy(field.begin(), field.end(), bytes_.begin() + size_);  // the padding is zero since construction
    size_ = static_cast<std::uint8_t>(size_ + padded);
}

void Key::append(Protocol protocol) {
    append(std::array{static_cast<std::byte>(protocol)});
}

void Key::append(std::uint16_t port) {
    append(std::array{static_cast<std::byte>(port >> 8U), static_cast<std::byte>(port & 0xffU)});
}

Key Key::pinhole(const Address& remote, Protocol protocol, const Endpoint& inside) {
    assert(remote.family() == inside.address.family());
    Key key;
    key.append(remote.bytes());
    key.append(inside.address.bytes());
    key.append(protocol);
    key.append(inside.port);
    return key;
}

Key Key::endpoint(Protocol protocol, const Endpoint& inside) {
    Key key;
    key.append(inside.address.bytes());
    key.append(protocol);
    key.append(inside.port);
    return key;
}

Key Key::binding(std::string_view interface, Protocol protocol, const Endpoint& inside) {
    assert(inside.address.family() == Family::ipv4 && interface.size() < kInterface);
    std::array<std::byte, kInterface> name{};
    std::transform(interface.begin(), interface.end(), name.begin(), [](char c) { return static_cast<std::byte>(c); });
    Key key;
    key.append(name);
    key.append(inside.address.bytes());
    key.append(protocol);
    key.append(inside.port);
    return key;
}

Key Key::tuple(const FlowTuple& tuple) {
    assert(tuple.source.address.family() == tuple.destination.address.family());
    Key key;
    key.append(tuple.source.address.bytes());
    key.append(tuple.destination.address.bytes());
    key.append(tuple.protocol);
    key.append(tuple.source.port);
    key.append(tuple.destination.port);
    return key;
}

Key Key::address(const Address& address) {
    Key key;
    key.append(address.bytes());
    return key;
}

Key Key::port(Protocol protocol, std::uint16_t port) {
    Key key;
    key.append(protocol);
    key.append(port);
    return key;
}

Key Key::protocol(Protocol protocol) {
    Key key;
    key.bytes_.front() = static_cast<std::byte>(protocol);
    key.size_ = 1;
    return key;
}

std::optional<Key> Key::from_bytes(std::span<const std::byte> bytes) {
    if (bytes.size() > kMaxSize) return std::nullopt;
    Key key;
    std::copy(bytes.begin(), bytes.end(), key.bytes_.begin());
    key.size_ = static_cast<std::uint8_t>(bytes.size());
    return key;
}

std::string Key::to_string(SetId set) const {
    const SetSpec& spec = spec_of(set);
    assert(spec.key_size() == size_);
    if (spec.key.size() == 1 && spec.key.front() == Field::protocol) {
        return protocol_text(std::to_integer<std::uint8_t>(bytes_.front()));
    }
    FieldReader reader(bytes());
    std::string text;
    for (const Field field : spec.key) {
        if (!text.empty()) text += " . ";
        switch (field) {
            case Field::ipv4_address:
            case Field::ipv6_address: text += reader.address(field_size(field)).to_string(); break;
            case Field::protocol: text += protocol_text(reader.protocol()); break;
            case Field::port: text += std::to_string(reader.port()); break;
            case Field::interface: text += '"' + reader.interface() + '"'; break;
        }
    }
    return text;
}

std::optional<PinholeKey> read_pinhole_key(const Key& key) {
    const std::size_t size = key.bytes().size();
    const bool v4 = size == spec_of(SetId::pinholes4).key_size();
    if (!v4 && size != spec_of(SetId::pinholes6).key_size()) return std::nullopt;
    FieldReader reader(key.bytes());
    const Address remote = reader.address(v4 ? 4 : 16);
    const Address inside = reader.address(v4 ? 4 : 16);
    const auto protocol = known_protocol(reader.protocol());
    if (!protocol) return std::nullopt;
    return PinholeKey{remote, *protocol, {inside, reader.port()}};
}

std::optional<EndpointKey> read_endpoint_key(const Key& key) {
    const std::size_t size = key.bytes().size();
    const bool v4 = size == spec_of(SetId::open4).key_size();
    if (!v4 && size != spec_of(SetId::open6).key_size()) return std::nullopt;
    FieldReader reader(key.bytes());
    const Address inside = reader.address(v4 ? 4 : 16);
    const auto protocol = known_protocol(reader.protocol());
    if (!protocol) return std::nullopt;
    return EndpointKey{*protocol, {inside, reader.port()}};
}

std::optional<BindingKey> read_binding_key(const Key& key) {
    if (key.bytes().size() != spec_of(SetId::snat4).key_size()) return std::nullopt;
    FieldReader reader(key.bytes());
    std::string interface = reader.interface();
    const Address inside = reader.address(4);
    const auto protocol = known_protocol(reader.protocol());
    if (!protocol || interface.size() >= kInterface) return std::nullopt;
    return BindingKey{std::move(interface), *protocol, {inside, reader.port()}};
}

std::optional<FlowTuple> read_tuple_key(const Key& key) {
    const std::size_t size = key.bytes().size();
    const bool v4 = size == spec_of(SetId::admitted4).key_size();
    if (!v4 && size != spec_of(SetId::admitted6).key_size()) return std::nullopt;
    FieldReader reader(key.bytes());
    const Address source = reader.address(v4 ? 4 : 16);
    const Address destination = reader.address(v4 ? 4 : 16);
    const auto protocol = known_protocol(reader.protocol());
    if (!protocol) return std::nullopt;
    const std::uint16_t source_port = reader.port();
    return FlowTuple{*protocol, {source, source_port}, {destination, reader.port()}};
}

std::optional<Address> read_address_key(const Key& key) {
    const std::size_t size = key.bytes().size();
    if (size != spec_of(SetId::heard4).key_size() && size != spec_of(SetId::heard6).key_size()) return std::nullopt;
    return Address::from_bytes(key.bytes());
}

Comment::Comment(std::string_view text) : size_(static_cast<std::uint8_t>(std::min(text.size(), kMaxSize))) {
    text.copy(text_.data(), size_);
    // All of the places: a number of turns that the compiler knows makes it look at many characters at once, and a
    // start with thousands of calls reads thousands of comments.
    for (char& c : text_) {
        const bool printable = c >= ' ' && c <= '~' && c != '"' && c != '\\';
        c = printable ? c : '?';
    }
    std::fill(text_.begin() + size_, text_.end(), '\0');
}

std::array<std::byte, kTargetSize> target_bytes(const Endpoint& target) {
    assert(target.address.family() == Family::ipv4);
    std::array<std::byte, kTargetSize> bytes{};
    const auto address = target.address.bytes();
    std::copy(address.begin(), address.end(), bytes.begin());
    bytes[4] = static_cast<std::byte>(target.port >> 8U);
    bytes[5] = static_cast<std::byte>(target.port & 0xffU);
    return bytes;
}

std::optional<Endpoint> read_target(std::span<const std::byte> bytes) {
    if (bytes.size() != kTargetSize) return std::nullopt;
    FieldReader reader(bytes);
    const Address address = reader.address(4);
    return Endpoint{address, reader.port()};
}

Element StoredElement::restored() const {
    Element again = element;
    if (element.timeout.count() != 0) again.timeout = std::max(expires, std::chrono::milliseconds{1});
    return again;
}

std::string format_timeout(std::chrono::milliseconds timeout) {
    using namespace std::chrono;
    std::string text;
    const auto part = [&](auto unit, const char* suffix) {
        const auto whole = duration_cast<decltype(unit)>(timeout);
        if (whole.count() != 0) text += std::to_string(whole.count()) + suffix;
        timeout -= whole;
    };
    part(hours{}, "h");
    part(minutes{}, "m");
    part(seconds{}, "s");
    part(milliseconds{}, "ms");
    return text.empty() ? "0s" : text;
}

}  // namespace messenger::nft
