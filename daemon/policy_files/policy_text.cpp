// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/policy_files/policy_text.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "daemon/process/sanitize.h"

namespace messenger::daemon {

namespace {

/// The keys that a policy decides.
constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kKeys{
    {{"network", "media_ports"}, {"sip", "dynamic_ports"}}};

[[nodiscard]] nlohmann::ordered_json to_json(const std::optional<NumberRange>& range) {
    if (!range) return nullptr;
    return {{"first", range->first}, {"last", range->last}};
}

[[nodiscard]] nlohmann::ordered_json to_json(const std::vector<PolicyError>& errors) {
    auto list = nlohmann::ordered_json::array();
    for (const PolicyError& error : errors) {
        list.push_back({{"place", error.place.to_string()}, {"text", error.text}});
    }
    return list;
}

void append_section(std::string& out, const PortPolicyResult& result, std::string_view section, std::string_view key,
                    std::optional<NumberRange> PortPolicy::*range) {
    if (!(result.policy.*range)) return;
    out += fmt::format("\n[{}]\n", section);
    for (const PolicySource& source : result.sources) {
        if (!(source.policy.*range)) continue;
        out += fmt::format("# {}\\{} ({})\n", name(source.hive), path_of(source.key), source.place.to_string());
    }
    out += fmt::format("{} = \"{}-{}\"\n", key, (result.policy.*range)->first, (result.policy.*range)->last);
}

}  // namespace

Config apply_policy(Config config, const PortPolicy& policy) {
    const Config defaults;
    config.network.media_ports = policy.media.value_or(defaults.network.media_ports);
    config.sip.dynamic_ports = policy.sip.value_or(defaults.sip.dynamic_ports);
    return config;
}

std::vector<PolicyDifference> compare(const Config& config, const PortPolicy& policy) {
    const Config meant = apply_policy(config, policy);
    std::vector<PolicyDifference> differences;
    for (const auto& [section, key] : kKeys) {
        PolicyDifference one{section, key, format_value(config, section, key).value_or(""),
                             format_value(meant, section, key).value_or("")};
        if (one.has != one.should_have) differences.push_back(std::move(one));
    }
    return differences;
}

std::vector<std::uint16_t> closed_ports(const Config& config, const PortPolicy& policy) {
    std::vector<std::uint16_t> closed;
    if (!policy.media) return closed;
    closed = config.network.protected_ports;
    closed.insert(closed.end(), config.sip.ports.begin(), config.sip.ports.end());
    closed.insert(closed.end(), {5060, 5061});
    closed.erase(std::remove_if(closed.begin(), closed.end(), [&](auto port) { return !policy.media->contains(port); }),
                 closed.end());
    std::sort(closed.begin(), closed.end());
    closed.erase(std::unique(closed.begin(), closed.end()), closed.end());
    return closed;
}

std::string format_toml(const PortPolicyResult& result) {
    std::string out;
    append_section(out, result, "network", "media_ports", &PortPolicy::media);
    append_section(out, result, "sip", "dynamic_ports", &PortPolicy::sip);
    if (out.empty()) return "# No policy pins a port range: clients take any port from 1024.\n";
    return out.substr(1);
}

std::string format_difference(const std::vector<PolicyDifference>& differences) {
    std::string out;
    for (const PolicyDifference& one : differences) {
        out += fmt::format("-{0}.{1} = {2}\n+{0}.{1} = {3}\n", one.section, one.name, one.has, one.should_have);
    }
    return out;
}

std::string format_json(const PortPolicyResult& result, const std::vector<PolicyDifference>* differences) {
    nlohmann::ordered_json document;
    document["media_ports"] = to_json(result.policy.media);
    document["sip_dynamic_ports"] = to_json(result.policy.sip);
    auto sources = nlohmann::ordered_json::array();
    for (const PolicySource& source : result.sources) {
        sources.push_back({{"hive", name(source.hive)},
                           {"key", path_of(source.key)},
                           {"place", source.place.to_string()},
                           {"media_ports", to_json(source.policy.media)},
                           {"sip_dynamic_ports", to_json(source.policy.sip)}});
    }
    document["sources"] = std::move(sources);
    document["errors"] = to_json(result.errors);
    document["notes"] = to_json(result.notes);
    if (differences != nullptr) {
        auto list = nlohmann::ordered_json::array();
        for (const PolicyDifference& one : *differences) {
            list.push_back(
                {{"section", one.section}, {"name", one.name}, {"has", one.has}, {"should_have", one.should_have}});
        }
        document["differences"] = std::move(list);
    }
    return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

}  // namespace messenger::daemon
