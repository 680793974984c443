// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/traffic.h"

#include <utility>

namespace messenger::nft {

Expected<Traffic> read_traffic(Ruleset& ruleset, Protocol protocol, const Endpoint& inside) {
    const Family family = inside.address.family();
    const Key key = Key::endpoint(protocol, inside);
    auto inbound = ruleset.find(received(family), key);
    if (!inbound) return std::move(inbound).error();
    auto outbound = ruleset.find(sent(family), key);
    if (!outbound) return std::move(outbound).error();
    const auto counter = [](const std::optional<StoredElement>& element) {
        return element ? element->counter.value_or(Counter{}) : Counter{};
    };
    return Traffic{counter(*inbound), counter(*outbound)};
}

Expected<std::map<Key, Traffic>> read_all_traffic(Ruleset& ruleset) {
    std::map<Key, Traffic> all;
    for (const Family family : {Family::ipv4, Family::ipv6}) {
        auto inbound = ruleset.list(received(family));
        if (!inbound) return std::move(inbound).error();
        auto outbound = ruleset.list(sent(family));
        if (!outbound) return std::move(outbound).error();
        for (const auto& stored : *inbound) all[stored.element.key].inbound = stored.counter.value_or(Counter{});
        for (const auto& stored : *outbound) all[stored.element.key].outbound = stored.counter.value_or(Counter{});
    }
    return all;
}

}  // namespace messenger::nft
