// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/config/config.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

#include "daemon/config/key_table.h"
#include "daemon/config/nearest.h"

namespace messenger::daemon {

namespace {

[[nodiscard]] std::string full_name(std::string_view section, std::string_view name) {
    return std::string(section) + '.' + std::string(name);
}

[[nodiscard]] const Key* find_key(std::string_view section, std::string_view name) {
    for (const Key& key : key_table()) {
        if (key.section == section && key.name == name) return &key;
    }
    return nullptr;
}

[[nodiscard]] std::vector<std::string_view> section_names() {
    std::vector<std::string_view> names;
    for (const Key& key : key_table()) {
        if (names.empty() || names.back() != key.section) names.push_back(key.section);
    }
    return names;
}

/// Whether RTP and RTCP find an even number there with the odd one behind it. taken: sorted.
[[nodiscard]] bool has_pair(const NumberRange& ports, const std::vector<std::uint16_t>& taken) {
    const auto is_free = [&](int port) { return !std::binary_search(taken.begin(), taken.end(), port); };
    for (int even = ports.first + ports.first % 2; even < ports.last; even += 2) {
        if (is_free(even) && is_free(even + 1)) return true;
    }
    return false;
}

/// What may have been meant by a key that does not exist: the same name in another section, or a like one in this.
[[nodiscard]] std::string suggest_key(std::string_view section, std::string_view name) {
    std::vector<std::string_view> here;
    for (const Key& key : key_table()) {
        if (key.name == name && key.section != section) return "; it belongs in [" + std::string(key.section) + ']';
        if (key.section == section) here.push_back(key.name);
    }
    const std::string_view nearest = find_nearest(name, here);
    if (!nearest.empty()) return "; did you mean " + std::string(nearest) + '?';
    std::string known;
    for (const std::string_view candidate : here) known += (known.empty() ? "" : ", ") + std::string(candidate);
    return "; [" + std::string(section) + "] knows " + known;
}

[[nodiscard]] std::string suggest_section(std::string_view name) {
    for (const Key& key : key_table()) {
        if (key.name == name) return "; " + std::string(name) + " belongs in [" + std::string(key.section) + ']';
    }
    const std::vector<std::string_view> sections = section_names();
    const std::string_view nearest = find_nearest(name, sections);
    if (!nearest.empty()) return "; did you mean [" + std::string(nearest) + "]?";
    std::string known;
    for (const std::string_view section : sections) known += (known.empty() ? "[" : ", [") + std::string(section) + ']';
    return "; the sections are " + known;
}

[[nodiscard]] alg::Prefix upper_half(const alg::Prefix& network) {
    constexpr unsigned kByteBits = 8;
    const alg::IpAddress first = network.address();
    std::array<std::byte, 16> bytes{};
    std::copy(first.bytes().begin(), first.bytes().end(), bytes.begin());
    const unsigned bit = network.length();
    bytes.at(bit / kByteBits) |= static_cast<std::byte>(1U << (kByteBits - 1 - bit % kByteBits));
    std::uint32_t v4 = 0;
    for (std::size_t i = 0; i < 4; ++i) v4 = v4 << kByteBits | std::to_integer<std::uint32_t>(bytes.at(i));
    return {first.is_v4() ? alg::IpAddress::v4(v4) : alg::IpAddress::v6(bytes), bit + 1};
}

/// True if the networks together have every address of this one.
[[nodiscard]] bool cover(const std::vector<alg::Prefix>& networks, const alg::Prefix& whole) {
    bool touched = false;
    for (const alg::Prefix& network : networks) {
        if (network.length() <= whole.length() && network.contains(whole.address())) return true;
        touched = touched || (network.length() > whole.length() && whole.contains(network.address()));
    }
    if (!touched) return false;
    // Nobody lists both halves of a network unless he lists parts of them: this ends soon.
    const unsigned length = whole.length() + 1;
    return cover(networks, alg::Prefix(whole.address(), length)) && cover(networks, upper_half(whole));
}

class Parser {
   public:
    [[nodiscard]] ConfigResult parse(std::string_view text) {
        try {
            read_document(toml::parse(text));
        } catch (const toml::parse_error& error) {
            complain(error.source().begin.line, std::string(error.description()));
        }
        fit_ringing();
        if (errors_.empty()) check_contradictions();
        if (errors_.empty()) {
            leave_room_in_queue();
            return {std::move(config_), {}};
        }
        std::stable_sort(errors_.begin(), errors_.end(),
                         [](const ConfigError& a, const ConfigError& b) { return a.line < b.line; });
        return {std::nullopt, std::move(errors_)};
    }

   private:
    void complain(std::size_t line, std::string text) { errors_.push_back({line, std::move(text)}); }

    /// For what is wrong between keys: the line of the first of them that the operator wrote, 0 if all are defaults.
    void contradiction(std::initializer_list<std::string_view> keys, std::string text) {
        std::size_t line = 0;
        for (const std::string_view key : keys) {
            const auto at = lines_.find(key);
            if (at != lines_.end() && line == 0) line = at->second;
        }
        complain(line, std::move(text));
    }

    void read_document(const toml::table& document) {
        const std::vector<std::string_view> sections = section_names();
        for (const auto& [name, node] : document) {
            const std::size_t line = name.source().begin.line;
            const std::string_view section = name.str();
            if (std::find(sections.begin(), sections.end(), section) == sections.end()) {
                complain(line, '"' + std::string(section) + "\" is not known" + suggest_section(section));
            } else if (const toml::table* table = node.as_table()) {
                read_section(section, *table);
            } else {
                complain(line, std::string(section) + " is a section; write [" + std::string(section) +
                                   "] on a line of its own");
            }
        }
    }

    void read_section(std::string_view section, const toml::table& table) {
        for (const auto& [name, node] : table) {
            const std::size_t line = name.source().begin.line;
            const Key* key = find_key(section, name.str());
            if (key == nullptr) {
                complain(line, full_name(section, name.str()) + " is not known" + suggest_key(section, name.str()));
                continue;
            }
            const std::string what = full_name(section, name.str());
            lines_.emplace(what, line);
            for (ConfigError& error : read_value(node, key->slot, key->bounds, what, config_)) {
                errors_.push_back(std::move(error));
            }
        }
    }

    /// Nobody has to know of this key to set the two that it lies between.
    void fit_ringing() {
        alg::Limits& limits = config_.limits;
        if (lines_.contains("timeouts.ringing")) return;
        limits.ringing = std::max(limits.invite, std::min(limits.ringing, limits.call));
    }

    void check_contradictions() {
        check_network();
        check_passage();
        check_nat();
        check_tls();
        check_queues();
        check_limits();
    }

    /// Packets that wait for the rest of a message keep their places in the queue.
    void leave_room_in_queue() { config_.limits.held_in_all = config_.queue.length / 4; }

    void check_network() {
        if (config_.network.inside.empty() && config_.network.inside_interfaces.empty()) {
            contradiction({"network.inside", "network.inside_interfaces"},
                          "nothing is inside; name the networks in network.inside, such as [\"10.0.0.0/8\"], or the "
                          "interfaces in network.inside_interfaces, such as [\"lan0\"]");
        }
        for (const char* everybody : {"0.0.0.0/0", "::/0"}) {
            if (!cover(config_.network.inside, *alg::Prefix::parse(everybody))) continue;
            contradiction({"network.inside"}, std::string("network.inside has all of ") + everybody +
                                                  ", so nobody is outside, and nothing could ever be opened; name the "
                                                  "networks of your own hosts, such as [\"10.0.0.0/8\"]");
        }
        if (config_.sip.ports.empty()) {
            contradiction({"sip.ports"}, "sip.ports is empty, so no call would be seen; the usual value is [5060]");
        }
        if (config_.control.socket.empty() || config_.control.socket.front() != '/') {
            contradiction({"control.socket"}, "control.socket is no absolute path; it must begin with a slash");
        }
        if (!config_.metrics.textfile.empty() && config_.metrics.textfile.front() != '/') {
            contradiction({"metrics.textfile"}, "metrics.textfile is no absolute path; it must begin with a slash");
        }
        constexpr std::size_t kLongestSocketPath = 107;  // sun_path, less its ending zero
        if (config_.control.socket.size() > kLongestSocketPath) {
            contradiction({"control.socket"}, "control.socket is longer than the 107 bytes of a UNIX socket's path");
        }
    }

    void check_passage() {
        const std::uint32_t mark = config_.passage.mark;
        const std::uint32_t mask = config_.passage.mark_mask;
        if ((mark & ~mask) != 0) {
            contradiction({"passage.mark", "passage.mark_mask"},
                          "passage.mark has bits outside passage.mark_mask; the mask must cover the mark");
        }
        const std::uint32_t own = ((1U << kMarkBits) - 1U) << config_.marks.base_bit;
        if (config_.passage.mode != Passage::mark) return;
        if ((mark & mask) == 0) {
            contradiction({"passage.mark", "passage.mode"},
                          "passage.mark is 0, which every packet carries; choose a bit that nobody else uses");
        }
        if ((mask & own) != 0) {
            contradiction({"passage.mark_mask", "marks.base_bit"},
                          "passage.mark_mask overlaps the four bits from marks.base_bit upwards; move one of them");
        }
    }

    void check_nat() {
        const Config::Nat& nat = config_.nat;
        const std::vector<std::string>& inside = config_.network.inside_interfaces;
        for (const std::string& interface : nat.interfaces) {
            if (std::find(inside.begin(), inside.end(), interface) == inside.end()) continue;
            contradiction({"nat.interfaces", "network.inside_interfaces"},
                          interface + " is in network.inside_interfaces and in nat.interfaces; those are outside");
        }
        check_outside_address("nat.address", nat.address);
        check_outside_address("nat.advertised_address", nat.advertised_address);
        if (!has_pair(nat.media_ports, {})) {
            contradiction({"nat.media_ports"},
                          "nat.media_ports has no even number with the odd one behind it, as RTP "
                          "and RTCP need them; the default is \"40000-49999\"");
        } else if (!has_pair(nat.media_ports, nat.reserved_ports.to_ports())) {
            contradiction({"nat.reserved_ports", "nat.media_ports"},
                          "nat.reserved_ports leaves no even number with the odd one behind it in nat.media_ports, so "
                          "calls that cannot keep their own numbers would get none; choose other nat.media_ports");
        }
    }

    void check_tls() {
        const Config::Tls& tls = config_.tls;
        if (tls.media == TlsMedia::off) return;
        if (tls.servers.empty()) {
            contradiction({"tls.servers", "tls.media"},
                          "tls.media is \"static-range\", but tls.servers is empty; name the servers that clients "
                          "connect to, such as [\"198.51.100.20\"]");
        }
        const std::vector<std::uint16_t>& sip = config_.sip.ports;
        if (std::find(sip.begin(), sip.end(), tls.port) != sip.end()) {
            contradiction({"tls.port", "sip.ports"}, "tls.port is one of sip.ports, where SIP is read; TLS cannot be");
        }
        constexpr int kMost = 64;
        if (tls.media_ports.last - tls.media_ports.first >= kMost) {
            contradiction({"tls.media_ports"},
                          "tls.media_ports has more than 64 ports, all open at once; Group Policy's example has four");
        }
        const NumberRange& media = config_.network.media_ports;
        if (!media.contains(tls.media_ports.first) || !media.contains(tls.media_ports.last)) {
            contradiction({"tls.media_ports", "network.media_ports"},
                          "tls.media_ports is not within network.media_ports, outside of which nothing is opened");
        }
    }

    void check_outside_address(std::string_view key, const OutsideAddress& address) {
        const std::vector<std::string>& interfaces = config_.nat.interfaces;
        if (address.all && interfaces.size() > 1) {
            contradiction({key, "nat.interfaces"}, std::string(key) +
                                                       " is one address for several interfaces; write a "
                                                       "list such as [\"" +
                                                       interfaces.front() + '=' + address.all->to_string() + "\"]");
        }
        std::vector<std::string_view> seen;
        for (const OutsideAddress::Named& named : address.named) {
            if (std::find(interfaces.begin(), interfaces.end(), named.interface) == interfaces.end()) {
                contradiction({key, "nat.interfaces"},
                              std::string(key) + " names " + named.interface + ", which is not in nat.interfaces");
            } else if (std::find(seen.begin(), seen.end(), named.interface) != seen.end()) {
                contradiction({key}, std::string(key) + " has two addresses for " + named.interface);
            }
            seen.push_back(named.interface);
        }
    }

    void check_queues() {
        if (config_.queue.signalling.contains(config_.queue.admit)) {
            contradiction({"queue.admit", "queue.signalling"},
                          "queue.admit is one of queue.signalling; first packets need a queue of their own");
        }
        constexpr unsigned kMostWorkers = 64;
        if (config_.queue.signalling.last - config_.queue.signalling.first >= static_cast<int>(kMostWorkers)) {
            contradiction({"queue.signalling"}, "queue.signalling names more than 64 queues; one per CPU is enough");
        }
    }

    /// The value of one key must not be above another's.
    template <class T>
    void at_most(std::string_view low_name, T low, std::string_view high_name, T high) {
        if (low <= high) return;
        contradiction({low_name, high_name},
                      std::string(low_name) + " is above " + std::string(high_name) + "; raise that, or lower this");
    }

    void check_limits() {
        const alg::Limits& limits = config_.limits;
        at_most("limits.calls_per_host", limits.calls_per_host, "limits.calls", limits.calls);
        at_most("limits.pinholes_per_host", limits.pinholes_per_host, "limits.pinholes", limits.pinholes);
        at_most("limits.bindings_per_host", limits.bindings_per_host, "limits.bindings", limits.bindings);
        at_most("limits.pending_bytes", limits.pending_bytes, "limits.buffered_bytes", limits.buffered_bytes);
        at_most("limits.messages_per_second", limits.messages_per_second, "limits.message_burst", limits.message_burst);
        at_most("timeouts.media_silence", limits.media_silence, "timeouts.hold", limits.hold);
        at_most("timeouts.first_packet", limits.first_packet, "timeouts.call", limits.call);
        at_most("timeouts.hold", limits.hold, "timeouts.call", limits.call);
        at_most("timeouts.invite", limits.invite, "timeouts.call", limits.call);
        if (!lines_.contains("timeouts.ringing")) return;
        at_most("timeouts.invite", limits.invite, "timeouts.ringing", limits.ringing);
        at_most("timeouts.ringing", limits.ringing, "timeouts.call", limits.call);
    }

    Config config_;
    std::vector<ConfigError> errors_;
    std::map<std::string, std::size_t, std::less<>> lines_;
};

}  // namespace

std::vector<std::uint16_t> PortList::to_ports() const {
    std::bitset<std::size_t{UINT16_MAX} + 1> listed;
    for (const NumberRange& range : ranges) {
        for (std::size_t port = range.first; port <= range.last; ++port) listed.set(port);
    }
    std::vector<std::uint16_t> ports;
    for (std::size_t port = 0; port < listed.size(); ++port) {
        if (listed[port]) ports.push_back(static_cast<std::uint16_t>(port));
    }
    return ports;
}

alg::PrefixSet HostList::to_set() const {
    if (any) return alg::PrefixSet::any();
    alg::PrefixSet set;
    for (const alg::Prefix& prefix : prefixes) set.add(prefix);
    return set;
}

std::optional<alg::IpAddress> OutsideAddress::of(std::string_view interface) const {
    for (const Named& one : named) {
        if (one.interface == interface) return one.address;
    }
    return all;
}

std::string ConfigError::to_string(std::string_view file) const {
    std::string out(file);
    if (line != 0) out += ':' + std::to_string(line);
    return out + ": " + text;
}

ConfigResult parse_config(std::string_view text) {
    return Parser().parse(text);
}

std::vector<KeyDescription> describe_keys() {
    const Config defaults;
    std::vector<KeyDescription> keys;
    for (const Key& key : key_table()) {
        keys.push_back({key.section, key.name, describe_type(key.slot, key.bounds), format_slot(defaults, key.slot),
                        key.description});
    }
    return keys;
}

std::optional<std::string> format_value(const Config& config, std::string_view section, std::string_view name) {
    const Key* key = find_key(section, name);
    if (key == nullptr) return std::nullopt;
    return format_slot(config, key->slot);
}

}  // namespace messenger::daemon
