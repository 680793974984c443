// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/address.h"

#include <algorithm>
#include <cassert>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace messenger::nft {

std::string_view name(Protocol protocol) {
    return protocol == Protocol::tcp ? "tcp" : "udp";
}

Address Address::v4(std::uint32_t host_order) {
    Address address;
    for (std::size_t i = 0; i < 4; ++i) {
        address.bytes_[i] = static_cast<std::byte>((host_order >> (24 - 8 * i)) & 0xffU);
    }
    return address;
}

Address Address::from_bytes(std::span<const std::byte> bytes) {
    assert(bytes.size() == 4 || bytes.size() == 16);
    Address address;
    address.family_ = bytes.size() == 4 ? Family::ipv4 : Family::ipv6;
    std::copy_n(bytes.begin(), std::min(bytes.size(), address.bytes_.size()), address.bytes_.begin());
    return address;
}

std::optional<Address> Address::parse(std::string_view text) {
    const std::string terminated(text);
    if (terminated.find('\0') != std::string::npos) return std::nullopt;
    Address address;
    if (inet_pton(AF_INET, terminated.c_str(), address.bytes_.data()) == 1) return address;
    if (inet_pton(AF_INET6, terminated.c_str(), address.bytes_.data()) == 1) {
        address.family_ = Family::ipv6;
        return address;
    }
    return std::nullopt;
}

std::string Address::to_string() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const int family = family_ == Family::ipv4 ? AF_INET : AF_INET6;
    return inet_ntop(family, bytes_.data(), text.data(), text.size());
}

std::string FlowTuple::to_string() const {
    const auto endpoint = [](const Endpoint& at) {
        const std::string address = at.address.to_string();
        const bool v4 = at.address.family() == Family::ipv4;
        return (v4 ? address : "[" + address + "]") + ":" + std::to_string(at.port);
    };
    return std::string(name(protocol)) + " " + endpoint(source) + " > " + endpoint(destination);
}

}  // namespace messenger::nft
