// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/doctor/trial_plan.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace messenger::daemon {

namespace {

constexpr std::size_t kMostInterfaces = 3;

// Ordinary addresses that no list of private or reserved ones has. Nobody is asked there: the trial's network ends at
// its own hosts.
struct Strangers {
    const char* server;
    const char* peer;
};
constexpr Strangers kStrangers4{"131.107.1.10", "131.107.1.20"};
constexpr Strangers kStrangers6{"2620:0:2d0:200::10", "2620:0:2d0:200::20"};

[[nodiscard]] std::string outside_interface(const LiveHost& host, const Config& config, const TrialWishes& wishes,
                                            bool ipv6) {
    if (!wishes.outside_interface.empty()) return wishes.outside_interface;
    if (!ipv6 && !config.nat.interfaces.empty()) return config.nat.interfaces.front();
    return host.default_interface(ipv6).value_or("");
}

/// An inside host behind the interface.
[[nodiscard]] std::optional<alg::IpAddress> inside_host(const LiveHost& host, const Config& config,
                                                        const std::string& interface, bool ipv6) {
    const auto own = host.address_of(interface, ipv6);
    if (own) {
        const bool all = std::find(config.network.inside_interfaces.begin(), config.network.inside_interfaces.end(),
                                   interface) != config.network.inside_interfaces.end();
        const auto chosen = choose_host(own->network, own->address);
        const bool known = all || std::any_of(config.network.inside.begin(), config.network.inside.end(),
                                              [&](const alg::Prefix& one) { return chosen && one.contains(*chosen); });
        if (known && chosen) return chosen;
    }
    for (const alg::Prefix& prefix : config.network.inside) {
        const bool is_v6 = prefix.to_string().find(':') != std::string::npos;
        if (is_v6 != ipv6 || (!own && !host.inside_interfaces(config).empty())) continue;
        if (const auto chosen = choose_host(prefix, own ? own->address : alg::IpAddress())) return chosen;
    }
    return std::nullopt;
}

[[nodiscard]] alg::IpAddress wished_or(const std::optional<alg::IpAddress>& wished, std::string_view stranger,
                                       bool ipv6) {
    return wished && wished->is_v4() != ipv6 ? *wished : *alg::IpAddress::parse(stranger);
}

/// Why nothing can be tried between the two; absent if it can.
[[nodiscard]] std::optional<std::string> missing_link(const LiveHost& host, const std::string& inside,
                                                      const std::string& outside) {
    for (const std::string& name : {outside, inside}) {
        if (host.find_link(name) == nullptr) return fmt::format("there is no interface {}", name);
    }
    return std::nullopt;
}

/// Adds the trials of one address family. The problems with it. needs_way: whether it is one that there is no way out.
[[nodiscard]] std::vector<std::string> plan_family(const LiveHost& host, const Config& config,
                                                   const TrialWishes& wishes, bool ipv6, bool needs_way,
                                                   std::vector<TrialPlaces>& trials) {
    std::vector<std::string> problems;
    std::vector<std::string> inside = host.inside_interfaces(config);
    if (!wishes.inside_interface.empty()) inside = {wishes.inside_interface};
    const std::string outside = outside_interface(host, config, wishes, ipv6);
    std::size_t planned = 0;
    for (const std::string& interface : inside) {
        const auto address = wishes.inside ? wishes.inside : inside_host(host, config, interface, ipv6);
        if (!address || address->is_v4() == ipv6) continue;
        if (outside.empty()) {
            if (needs_way) {
                problems.emplace_back("there is no default route; name the way out with --outside-interface");
            }
            return problems;
        }
        if (interface == outside) {
            problems.push_back(
                fmt::format("{} is inside and outside at once; what passes there twice is not tried", interface));
            continue;
        }
        if (const auto missing = missing_link(host, interface, outside)) {
            problems.push_back(*missing);
            return problems;
        }
        if (planned++ == kMostInterfaces) {
            problems.push_back(fmt::format("{} inside interfaces; only the first {} are tried. See --inside-interface",
                                           inside.size(), kMostInterfaces));
            return problems;
        }
        const Strangers& strangers = ipv6 ? kStrangers6 : kStrangers4;
        trials.push_back({interface, outside, *address, wished_or(wishes.server, strangers.server, ipv6),
                          wished_or(wishes.peer, strangers.peer, ipv6)});
    }
    return problems;
}

/// What is in the way of both families is said once.
void add_problems(const std::vector<std::string>& with_v4, const std::vector<std::string>& with_v6, TrialPlan& plan) {
    const auto has = [](const std::vector<std::string>& problems, const std::string& one) {
        return std::find(problems.begin(), problems.end(), one) != problems.end();
    };
    for (const std::string& one : with_v4) plan.problems.push_back(has(with_v6, one) ? one : "IPv4: " + one);
    for (const std::string& one : with_v6) {
        if (!has(with_v4, one)) plan.problems.push_back("IPv6: " + one);
    }
}

/// A host that was named, and none of whose family is tried.
void add_what_was_ignored(const TrialWishes& wishes, TrialPlan& plan) {
    for (const auto& [option, address] : {std::pair{"--inside", wishes.inside}, std::pair{"--server", wishes.server},
                                          std::pair{"--peer", wishes.peer}}) {
        if (!address) continue;
        const bool ipv6 = !address->is_v4();
        const bool tried = std::any_of(plan.trials.begin(), plan.trials.end(),
                                       [ipv6](const TrialPlaces& trial) { return trial.ipv6() == ipv6; });
        if (tried) continue;
        const std::string_view family = ipv6 ? "IPv6" : "IPv4";
        plan.problems.push_back(
            fmt::format("{} {}: no call over {} could be tried, for that needs an inside host and a "
                        "way out with {}",
                        option, address->to_string(), family, family));
    }
}

}  // namespace

TrialPlan plan_trials(const LiveHost& host, const Config& config, const TrialWishes& wishes) {
    TrialPlan plan;
    const auto with_v4 = plan_family(host, config, wishes, false, true, plan.trials);
    // Inside hosts often have IPv6 among themselves only. Where they have nothing else, or it was asked for, a way out
    // is missed.
    const bool needs_v6 = wishes.inside || (plan.trials.empty() && with_v4.empty());
    add_problems(with_v4, plan_family(host, config, wishes, true, needs_v6, plan.trials), plan);
    if (plan.trials.empty() && plan.problems.empty()) {
        plan.problems.push_back(wishes.inside_interface.empty()
                                    ? "no interface with inside hosts was found; name one with --inside-interface"
                                    : fmt::format("{} has no address in network.inside, so who is behind it is not "
                                                  "known; name a host with --inside",
                                                  wishes.inside_interface));
    }
    add_what_was_ignored(wishes, plan);
    return plan;
}

std::string find_daemon(const std::string& installed) {
    std::error_code failed;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", failed);
    if (!failed) {
        // As it is built: the daemon is one folder up.
        const auto built = self.parent_path().parent_path() / "messenger-algd";
        if (std::filesystem::is_regular_file(built, failed)) return built;
    }
    return installed;
}

}  // namespace messenger::daemon
