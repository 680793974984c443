// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/traffic.h"

#include <utility>

namespace messenger::nft {

Expected<std::vector<Traffic>> read_traffic(Ruleset& ruleset, std::span<const InsideEndpoint> insides) {
    std::vector<Place> places;
    places.reserve(2 * insides.size());
    for (const InsideEndpoint& inside : insides) {
        const Family family = inside.endpoint.address.family();
        const Key key = Key::endpoint(inside.protocol, inside.endpoint);
        places.push_back({received(family), key});
        places.push_back({sent(family), key});
    }
    std::vector<Traffic> traffic(insides.size());
    auto read = ruleset.find_each(places, [&](std::size_t index, const StoredElement& element) {
        Traffic& both_ways = traffic[index / 2];
        Counter& counter = index % 2 == 0 ? both_ways.inbound : both_ways.outbound;
        counter = element.counter.value_or(Counter{});
    });
    if (!read) return std::move(read).error();
    return traffic;
}

}  // namespace messenger::nft
