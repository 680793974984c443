// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/traffic.h"

#include <utility>

namespace messenger::nft {

namespace {

[[nodiscard]] Counter counter_of(const std::optional<StoredElement>& element) {
    return element ? element->counter.value_or(Counter{}) : Counter{};
}

}  // namespace

Expected<Traffic> read_traffic(Ruleset& ruleset, Protocol protocol, const Endpoint& inside) {
    const Family family = inside.address.family();
    const Key key = Key::endpoint(protocol, inside);
    auto inbound = ruleset.find(received(family), key);
    if (!inbound) return std::move(inbound).error();
    auto outbound = ruleset.find(sent(family), key);
    if (!outbound) return std::move(outbound).error();
    return Traffic{counter_of(*inbound), counter_of(*outbound)};
}

Expected<std::vector<Traffic>> read_traffic(Ruleset& ruleset, std::span<const InsideEndpoint> insides) {
    std::vector<Place> places;
    places.reserve(2 * insides.size());
    for (const InsideEndpoint& inside : insides) {
        const Family family = inside.endpoint.address.family();
        const Key key = Key::endpoint(inside.protocol, inside.endpoint);
        places.push_back({received(family), key});
        places.push_back({sent(family), key});
    }
    auto found = ruleset.find_each(places);
    if (!found) return std::move(found).error();
    std::vector<Traffic> traffic;
    traffic.reserve(insides.size());
    for (std::size_t i = 0; i < found->size(); i += 2) {
        traffic.push_back({counter_of((*found)[i]), counter_of((*found)[i + 1])});
    }
    return traffic;
}

}  // namespace messenger::nft
