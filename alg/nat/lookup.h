// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string_view>

#include "alg/nat/translation.h"

namespace messenger::alg {

/// Whether an address that was read from text may be replaced in it: IPv4 as a dotted quad (IPv6 is not translated, and
/// an IPv4-mapped address stands where only IPv6 may), and not 0.0.0.0, which means hold.
[[nodiscard]] inline bool is_replaceable(std::string_view text, const IpAddress& address) {
    return address.is_v4() && text.find_first_of(":[") == std::string_view::npos && !address.is_unspecified() &&
           !address.is_multicast();
}

/// What becomes of an endpoint whose address is written as text.
[[nodiscard]] inline std::optional<Endpoint> look_up(const Translation& translation, Transport transport,
                                                     std::string_view text, const Endpoint& endpoint) {
    if (!is_replaceable(text, endpoint.address)) return std::nullopt;
    const auto found = translation.endpoint(transport, endpoint);
    if (!found || !found->address.is_v4()) return std::nullopt;
    return found;
}

/// What becomes of an endpoint that a request is meant for.
[[nodiscard]] inline std::optional<Endpoint> look_up_target(const Translation& translation, Transport transport,
                                                            std::string_view text, const Endpoint& endpoint) {
    if (!is_replaceable(text, endpoint.address)) return std::nullopt;
    const auto found = translation.target(transport, endpoint);
    if (!found || !found->address.is_v4()) return std::nullopt;
    return found;
}

/// What becomes of an address that is written as text.
[[nodiscard]] inline std::optional<IpAddress> look_up(const Translation& translation, std::string_view text,
                                                      const IpAddress& address) {
    if (!is_replaceable(text, address)) return std::nullopt;
    const auto found = translation.address(address);
    if (!found || !found->is_v4()) return std::nullopt;
    return found;
}

}  // namespace messenger::alg
