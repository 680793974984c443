// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/known_hosts.h"

#include "daemon/translate.h"

namespace messenger::daemon {

std::vector<alg::IpAddress> KnownHosts::learn(std::span<const alg::IpAddress> hosts) {
    std::vector<nft::Place> places;
    places.reserve(hosts.size());
    for (const alg::IpAddress& host : hosts) {
        const nft::Address address = to_nft(host);
        places.push_back({nft::heard(address.family()), nft::Key::address(address)});
    }
    const std::vector<bool> known = ask_(places);
    std::vector<alg::IpAddress> learned;
    for (std::size_t i = 0; i < hosts.size(); ++i) {
        if (known[i] && hosts_.insert(hosts[i]).second) learned.push_back(hosts[i]);
    }
    return learned;
}

void KnownHosts::recall(std::span<const nft::Place> places) {
    const std::vector<bool> known = ask_(places);
    for (std::size_t i = 0; i < places.size(); ++i) {
        if (const auto host = host_at(places[i]); host && known[i]) hosts_.insert(*host);
    }
}

void KnownHosts::forget() {
    forget_all_();
    hosts_.clear();
}

}  // namespace messenger::daemon
