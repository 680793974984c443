// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/commands/pinholes_command.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "daemon/journal/call_story.h"
#include "daemon/translate.h"
#include "nft/traffic.h"

namespace messenger::daemon {

namespace {

using nlohmann::json;

// For each one shown the kernel looks at three places, and packets wait meanwhile.
constexpr std::size_t kPinholesShown = 1000;
constexpr std::size_t kMostPinholesShown = 5000;

[[nodiscard]] json describe_calls(const alg::Engine& engine, const alg::PinholeTable::Pinhole& pinhole) {
    json ids = json::array();
    for (const std::uint64_t key : pinhole.calls) {
        if (const alg::Call* call = engine.calls().find(key)) ids.push_back(std::string(call->id()));
    }
    return ids;
}

[[nodiscard]] json describe_pinhole(const DaemonParts& parts, const alg::PinholeKey& key,
                                    const alg::PinholeTable::Pinhole& pinhole) {
    return {{"proto", key.transport == alg::Transport::tcp ? "tcp" : "udp"},
            {"inside", key.inside.to_string()},
            {"remote", key.any_remote ? "*" : key.remote.to_string()},
            {"kind", alg::name(pinhole.purpose.kind)},
            {"role", alg::name(pinhole.purpose.role)},
            {"on_hold", pinhole.hold_until.has_value()},
            {"call_ids", describe_calls(parts.engine, pinhole)},
            {"observed", parts.sync.is_withheld(key)},
            {"in_kernel", false}};
}

/// What the kernel says of the pinholes with these keys, into their descriptions.
void ask_kernel(const DaemonParts& parts, std::span<const alg::PinholeKey> keys, json& pinholes) {
    std::vector<nft::Place> places;
    std::vector<std::size_t> owners;  // of places
    std::vector<nft::InsideEndpoint> insides;
    for (std::size_t i = 0; i < keys.size(); ++i) {
        insides.push_back({to_nft(keys[i].transport), to_nft(keys[i].inside)});
        const auto place = place_of(keys[i]);
        if (!place) continue;
        places.push_back(*place);
        owners.push_back(i);
    }
    // If the kernel does not answer, they are shown as not in it.
    static_cast<void>(parts.ruleset.find_each(places, [&](std::size_t index, const nft::StoredElement& stored) {
        json& object = pinholes[owners[index]];
        object["in_kernel"] = true;
        object["expires_seconds"] = std::chrono::ceil<std::chrono::seconds>(stored.expires).count();
    }));
    if (const auto traffic = nft::read_traffic(parts.ruleset, insides)) {
        for (std::size_t i = 0; i < keys.size(); ++i) {
            pinholes[i]["in"] = describe_counter((*traffic)[i].inbound);
            pinholes[i]["out"] = describe_counter((*traffic)[i].outbound);
        }
    }
}

[[nodiscard]] json describe_pinholes(const DaemonParts& parts, std::size_t limit) {
    std::vector<alg::PinholeKey> keys;
    for (const auto& [key, pinhole] : parts.engine.pinholes().all()) keys.push_back(key);
    const std::size_t shown = std::min(limit, keys.size());
    const auto by_inside = [](const alg::PinholeKey& a, const alg::PinholeKey& b) {
        return std::tie(a.inside, a.transport, a) < std::tie(b.inside, b.transport, b);
    };
    std::partial_sort(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(shown), keys.end(), by_inside);
    json pinholes = json::array();
    for (std::size_t i = 0; i < shown; ++i) {
        pinholes.push_back(describe_pinhole(parts, keys[i], *parts.engine.pinholes().find(keys[i])));
    }
    ask_kernel(parts, std::span(keys).first(shown), pinholes);
    return {{"pinholes", std::move(pinholes)}, {"left_out", keys.size() - shown}};
}

}  // namespace

void add_pinholes_command(CommandTable& commands, const DaemonParts& parts) {
    commands.add("pinholes", [&parts](const CommandArguments& arguments) {
        return describe_pinholes(parts, arguments.number("limit", kPinholesShown, kMostPinholesShown));
    });
}

}  // namespace messenger::daemon
