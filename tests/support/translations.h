// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "alg/nat/translation.h"

namespace messenger::testing {

/// "10.1.2.3:5060"; aborts on a slip of the test's.
[[nodiscard]] inline alg::Endpoint nat_endpoint(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    std::uint32_t port = 0;
    for (const char c : text.substr(colon + 1)) port = port * 10 + static_cast<std::uint32_t>(c - '0');
    return {alg::IpAddress::parse(text.substr(0, colon)).value(), static_cast<std::uint16_t>(port)};
}

/// A table: what is not in it has no translation.
class TableTranslation : public alg::Translation {
   public:
    TableTranslation() = default;
    TableTranslation(const TableTranslation& other)
        : Translation(), endpoints_(other.endpoints_), addresses_(other.addresses_) {}
    TableTranslation& operator=(const TableTranslation&) = delete;
    ~TableTranslation() override = default;

    TableTranslation& udp(std::string_view from, std::string_view to) { return add(alg::Transport::udp, from, to); }
    TableTranslation& tcp(std::string_view from, std::string_view to) { return add(alg::Transport::tcp, from, to); }
    TableTranslation& host(std::string_view from, std::string_view to) {
        addresses_[alg::IpAddress::parse(from).value()] = alg::IpAddress::parse(to).value();
        return *this;
    }
    void add(alg::Transport transport, const alg::Endpoint& from, const alg::Endpoint& to) {
        endpoints_[{transport, from}] = to;
    }
    void add(const alg::IpAddress& from, const alg::IpAddress& to) { addresses_[from] = to; }

    [[nodiscard]] std::optional<alg::Endpoint> endpoint(alg::Transport transport,
                                                        const alg::Endpoint& from) const override {
        const auto found = endpoints_.find({transport, from});
        return found == endpoints_.end() ? std::nullopt : std::optional(found->second);
    }
    [[nodiscard]] std::optional<alg::IpAddress> address(const alg::IpAddress& from) const override {
        const auto found = addresses_.find(from);
        return found == addresses_.end() ? std::nullopt : std::optional(found->second);
    }

   private:
    TableTranslation& add(alg::Transport transport, std::string_view from, std::string_view to) {
        add(transport, nat_endpoint(from), nat_endpoint(to));
        return *this;
    }

    std::map<std::pair<alg::Transport, alg::Endpoint>, alg::Endpoint> endpoints_;
    std::map<alg::IpAddress, alg::IpAddress> addresses_;
};

/// Changes every private IPv4 address to one that is not, and every port but those of SIP; pairs stay pairs. What was
/// asked for is kept the other way round, so that a rewritten message can be turned back. public_too: all addresses.
class PrivateTranslation : public alg::Translation {
   public:
    explicit PrivateTranslation(bool public_too = false) : public_too_(public_too) {}

    [[nodiscard]] std::optional<alg::Endpoint> endpoint(alg::Transport transport,
                                                        const alg::Endpoint& from) const override {
        constexpr std::uint16_t kStep = 1000;
        const auto outside = address(from.address);
        if (!outside) return std::nullopt;
        alg::Endpoint to{*outside, from.port};
        const bool sip = from.port == 5060 || from.port == 5061;
        if (!sip && from.port <= UINT16_MAX - kStep) to.port = static_cast<std::uint16_t>(from.port + kStep);
        inverse_.add(transport, to, from);
        return to;
    }
    [[nodiscard]] std::optional<alg::IpAddress> address(const alg::IpAddress& from) const override {
        if (!from.is_v4() || (!from.is_private() && !public_too_)) return std::nullopt;
        std::uint32_t number = 0;
        for (const std::byte byte : from.bytes()) number = number << 8U | std::to_integer<std::uint32_t>(byte);
        std::uint32_t change = 0x80000000U;
        if (number >> 24U == 100) change = 0x10000000U;  // the carriers', which must not become a group
        if (!from.is_private()) change = 0x00404000U;
        const auto to = alg::IpAddress::v4(number ^ change);
        inverse_.add(to, from);
        return to;
    }
    [[nodiscard]] const alg::Translation& inverse() const { return inverse_; }

   private:
    bool public_too_;
    mutable TableTranslation inverse_;
};

}  // namespace messenger::testing
