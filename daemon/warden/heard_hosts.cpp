// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/warden/heard_hosts.h"

#include <optional>

#include "daemon/translate.h"

namespace messenger::daemon {

std::optional<alg::IpAddress> host_at(const nft::Place& place) {
    using nft::SetId;
    switch (place.set) {
        case SetId::heard4:
        case SetId::heard6: {
            const auto source = nft::read_address_key(place.key);
            return source ? std::optional(to_alg(*source)) : std::nullopt;
        }
        case SetId::pinholes4:
        case SetId::pinholes6:
        case SetId::callbacks4:
        case SetId::callbacks6: {
            const auto key = nft::read_pinhole_key(place.key);
            return key ? std::optional(to_alg(key->inside.address)) : std::nullopt;
        }
        case SetId::open4:
        case SetId::open6: {
            const auto key = nft::read_endpoint_key(place.key);
            return key ? std::optional(to_alg(key->inside.address)) : std::nullopt;
        }
        default: return std::nullopt;
    }
}

std::vector<bool> HeardHosts::look(std::span<const nft::Place> places) {
    std::vector<bool> heard(places.size());
    const auto looked = ruleset_.find_each(places, [&](std::size_t index, const nft::StoredElement&) {
        const auto host = host_at(places[index]);
        if (host && hosts_.size() < most_) hosts_.insert(*host);
    });
    if (!looked) return heard;
    for (std::size_t i = 0; i < places.size(); ++i) {
        const auto host = host_at(places[i]);
        heard[i] = host && hosts_.contains(*host);
    }
    return heard;
}

}  // namespace messenger::daemon
