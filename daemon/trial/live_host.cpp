// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/trial/live_host.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

namespace messenger::daemon {

namespace {

[[nodiscard]] bool is_link_local(const alg::IpAddress& address) {
    static const auto local = *alg::Prefix::parse("fe80::/10");
    return local.contains(address);
}

[[nodiscard]] std::string path_of(std::string_view name) {
    std::string path = "/proc/sys/";
    bool inside_braces = false;
    for (const char c : name) {
        if (c == '{' || c == '}') {
            inside_braces = c == '{';
        } else {
            path += c == '.' && !inside_braces ? '/' : c;
        }
    }
    return path;
}

/// "eth0 00000000 010200C0 0003 0 0 100 00000000 ..."
[[nodiscard]] std::optional<std::string> default_interface4() {
    std::ifstream in("/proc/thread-self/net/route");
    std::string line;
    std::optional<std::string> best;
    std::uint32_t least = UINT32_MAX;
    while (std::getline(in, line)) {
        std::istringstream words(line);
        std::string interface;
        std::string destination;
        std::string gateway;
        std::string flags;
        std::string unused;
        std::string mask;
        std::uint32_t metric = 0;
        words >> interface >> destination >> gateway >> flags >> unused >> unused >> metric >> mask;
        if (!words || destination != "00000000" || mask != "00000000" || (best && metric >= least)) continue;
        best = interface;
        least = metric;
    }
    return best;
}

/// Destination, prefix length, source, prefix length, next hop, metric, references, use, flags, interface; all
/// hexadecimal.
[[nodiscard]] std::optional<std::string> default_interface6() {
    std::ifstream in("/proc/thread-self/net/ipv6_route");
    std::string line;
    while (std::getline(in, line)) {
        std::istringstream words(line);
        std::array<std::string, 10> field;
        for (std::string& one : field) words >> one;
        const bool everything = field[0] == std::string(32, '0') && field[1] == "00";
        if (words && everything && field[9] != "lo") return field[9];
    }
    return std::nullopt;
}

}  // namespace

LiveHost::LiveHost()
    : links_(RouteSocket().links()),
      addresses_(list_interface_addresses()),
      ways_out_{default_interface4(), default_interface6()} {}

const Link* LiveHost::find_link(std::string_view name) const {
    const auto found =
        std::find_if(links_.begin(), links_.end(), [name](const Link& link) { return link.name == name; });
    return found == links_.end() ? nullptr : &*found;
}

std::optional<InterfaceAddress> LiveHost::address_of(std::string_view interface, bool ipv6) const {
    for (const InterfaceAddress& one : addresses_) {
        if (one.interface == interface && one.address.is_v4() != ipv6 && !is_link_local(one.address)) return one;
    }
    return std::nullopt;
}

std::vector<std::string> LiveHost::inside_interfaces(const Config& config) const {
    std::vector<std::string> names;
    const auto add = [&names](const std::string& name) {
        // It may have addresses of inside networks, such as a router's own, and nobody is behind it.
        if (name == "lo") return;
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    };
    for (const std::string& name : config.network.inside_interfaces) {
        if (find_link(name) != nullptr) add(name);
    }
    for (const InterfaceAddress& one : addresses_) {
        if (is_link_local(one.address)) continue;
        const auto& outside = config.nat.interfaces;
        if (std::find(outside.begin(), outside.end(), one.interface) != outside.end()) continue;
        for (const alg::Prefix& prefix : config.network.inside) {
            if (prefix.contains(one.address)) add(one.interface);
        }
    }
    return names;
}

std::optional<std::int64_t> read_setting(std::string_view name) {
    std::ifstream in(path_of(name));
    std::int64_t value = 0;
    if (!(in >> value)) return std::nullopt;
    return value;
}

bool write_setting(std::string_view name, std::int64_t value) {
    std::ofstream out(path_of(name));
    out << value << std::flush;
    return out.good();
}

}  // namespace messenger::daemon
