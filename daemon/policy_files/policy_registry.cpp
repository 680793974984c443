// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/policy_files/policy_registry.h"

#include <algorithm>

#include "alg/base/text.h"

namespace messenger::daemon {

namespace {

/// Whether path is the removed key or lies below it.
[[nodiscard]] bool is_below(std::string_view path, std::string_view removed) {
    if (!alg::starts_with_ignoring_case(path, removed)) return false;
    return removed.empty() || path.size() == removed.size() || path[removed.size()] == '\\';
}

[[nodiscard]] bool is_removed(std::string_view path, const RegistryChange& change) {
    if (!is_below(path, change.key)) return false;
    if (change.subkey.empty()) return true;
    path.remove_prefix(std::min(path.size(), change.key.empty() ? 0 : change.key.size() + 1));
    return !path.empty() && is_below(path, change.subkey);
}

}  // namespace

std::string_view path_of(PortRangeKey key) {
    switch (key) {
        case PortRangeKey::communicator: return "SOFTWARE\\Policies\\Microsoft\\Communicator\\PortRange";
        case PortRangeKey::rtc: return "SOFTWARE\\Policies\\Microsoft\\Windows\\RTC\\PortRange";
        case PortRangeKey::ce: return "Comm\\RTC\\PortRange";
    }
    return "";
}

std::string_view name(PortRangeValue value) {
    switch (value) {
        case PortRangeValue::enabled: return "Enabled";
        case PortRangeValue::first_sip: return "MinSipDynamicPort";
        case PortRangeValue::last_sip: return "MaxSipDynamicPort";
        case PortRangeValue::first_media: return "MinMediaPort";
        case PortRangeValue::last_media: return "MaxMediaPort";
    }
    return "";
}

void PolicyRegistry::apply(const RegistryChange& change) {
    bool concerns = false;
    for (const PortRangeKey key : kPortRangeKeys) {
        if (change.kind == RegistryChange::Kind::remove_key) {
            if (!is_removed(path_of(key), change)) continue;
            clear(change.hive, key);
            concerns = true;
        } else if (alg::equals_ignoring_case(change.key, path_of(key))) {
            apply_to(key, change);
            concerns = true;
        }
    }
    if (!concerns) ++others_;
}

void PolicyRegistry::apply_to(PortRangeKey key, const RegistryChange& change) {
    using Kind = RegistryChange::Kind;
    if (change.kind == Kind::remove_values) {
        clear(change.hive, key);
        return;
    }
    const auto* const value = std::find_if(kPortRangeValues.begin(), kPortRangeValues.end(), [&](PortRangeValue one) {
        return alg::equals_ignoring_case(change.name, name(one));
    });
    if (value == kPortRangeValues.end()) return;
    auto& setting = settings_.at(index(change.hive, key, *value));
    if (change.kind == Kind::remove_value) {
        setting.reset();
    } else if (change.kind == Kind::set || !setting) {
        setting = Setting{change.type, change.number, change.place};
    }
}

void PolicyRegistry::clear(Hive hive, PortRangeKey key) {
    for (const PortRangeValue value : kPortRangeValues) settings_.at(index(hive, key, value)).reset();
}

bool PolicyRegistry::has_any(Hive hive, PortRangeKey key) const {
    return std::any_of(kPortRangeValues.begin(), kPortRangeValues.end(),
                       [&](PortRangeValue value) { return find(hive, key, value).has_value(); });
}

}  // namespace messenger::daemon
