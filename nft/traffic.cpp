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
    auto found = ruleset.find_each(places);
    if (!found) return std::move(found).error();
    const auto counter_of = [](const std::optional<StoredElement>& element) {
        return element ? element->counter.value_or(Counter{}) : Counter{};
    };
    std::vector<Traffic> traffic;
    traffic.reserve(insides.size());
    for (std::size_t i = 0; i < found->size(); i += 2) {
        traffic.push_back({counter_of((*found)[i]), counter_of((*found)[i + 1])});
    }
    return traffic;
}

}  // namespace messenger::nft
