// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alg/limits.h"
#include "alg/net/address.h"
#include "alg/policy.h"
#include "daemon/process/log_level.h"

namespace messenger::daemon {

/// Both ends included.
struct NumberRange {
    std::uint16_t first = 0;
    std::uint16_t last = 0;

    [[nodiscard]] bool contains(unsigned number) const { return number >= first && number <= last; }
    bool operator==(const NumberRange&) const = default;
};

/// Ports and ranges of them.
struct PortList {
    std::vector<NumberRange> ranges;

    /// Each once, in ascending order.
    [[nodiscard]] std::vector<std::uint16_t> to_ports() const;
    bool operator==(const PortList&) const = default;
};

/// Hosts from a list of networks, or all of them.
struct HostList {
    bool any = false;
    std::vector<alg::Prefix> prefixes;

    [[nodiscard]] alg::PrefixSet to_set() const;
};

/// The address that each outside interface has: found out, one for all, or one for each.
struct OutsideAddress {
    struct Named {
        std::string interface;
        alg::IpAddress address;
    };
    std::optional<alg::IpAddress> all;
    std::vector<Named> named;

    /// Absent: to be found out.
    [[nodiscard]] std::optional<alg::IpAddress> of(std::string_view interface) const;
};

/// When the pinholes of a call are opened: when its answer is known, or as soon as its offer goes out.
enum class EarlyMedia : std::uint8_t { answer, offer };
/// How allowed packets get past the operator's own firewall (design.md section 6).
enum class Passage : std::uint8_t { admit, mark };
/// What becomes of a packet about which we cannot decide.
enum class Fallback : std::uint8_t { accept, drop };
/// What becomes of a message that we cannot understand. It never opens anything.
enum class Malformed : std::uint8_t { pass, drop };

/// What is open for inside hosts whose SIP goes over TLS, where nobody can read what they agree on.
enum class TlsMedia : std::uint8_t { off, static_range };

/// How many bits of the packet mark and the ct mark are ours, from marks.base_bit upwards.
inline constexpr unsigned kMarkBits = 4;

/// What the operator chose: plain values, with the defaults of the program. Each one is described once, in
/// key_table.cpp, and shown in packaging/messenger-alg.toml.
struct Config {
    struct Network {
        std::vector<alg::Prefix> inside;
        std::vector<std::string> inside_interfaces;
        HostList relays;  ///< inside hosts that may announce media for others
        /// Services that live above 1024 and must not be reached from outside, whatever a message says. 5000, 6000,
        /// 8000 and 9000 are left out: soft phones begin their media there.
        std::vector<std::uint16_t> protected_ports = {1080, 1433,  1434,  1521,  1723,  2049,  2375, 2376, 2379, 3128,
                                                      3260, 3268,  3269,  3306,  3389,  4899,  5432, 5672, 5900, 5901,
                                                      5985, 5986,  6379,  6443,  8080,  8443,  8888, 9090, 9100, 9200,
                                                      9300, 10250, 11211, 15672, 27017, 47001, 50000};
        NumberRange media_ports = {1024, 65535};
    } network;

    struct Sip {
        std::vector<std::uint16_t> ports = {5060};
        EarlyMedia early_media = EarlyMedia::answer;
        NumberRange dynamic_ports = {1024, 65535};
    } sip;

    struct PassageOptions {
        Passage mode = Passage::admit;
        std::uint32_t mark = 0x1;
        std::uint32_t mark_mask = 0x1;
    } passage;

    struct Nat {
        std::vector<std::string> interfaces;
        OutsideAddress address;
        OutsideAddress advertised_address;
        NumberRange media_ports = {40000, 49999};
        bool keep_numbers = true;
        /// OpenVPN, L2TP, RADIUS, TURN, IPsec, VXLAN, WireGuard.
        PortList reserved_ports = {{{1194, 1194},
                                    {1701, 1701},
                                    {1812, 1812},
                                    {1813, 1813},
                                    {3478, 3478},
                                    {4500, 4500},
                                    {4789, 4789},
                                    {51820, 51820},
                                    {51821, 51821}}};
        std::vector<alg::Prefix> no_rewrite;
    } nat;

    struct Marks {
        std::uint8_t base_bit = 28;
        std::uint8_t label = 127;
    } marks;

    struct Queue {
        NumberRange signalling = {200, 200};
        std::uint16_t admit = 210;
        std::uint32_t length = 4096;
        alg::Duration gather = std::chrono::milliseconds(5);
        Fallback fallback = Fallback::accept;
        Fallback on_overload = Fallback::accept;
    } queue;

    struct Policy {
        Malformed malformed = Malformed::pass;
        alg::Compression compression = alg::Compression::opaque;
        bool observe = false;
        alg::FixedRanges fixed_ranges = alg::FixedRanges::announced;
    } policy;

    struct Tls {
        TlsMedia media = TlsMedia::off;
        std::vector<alg::Prefix> servers;
        std::uint16_t port = 5061;
        NumberRange media_ports = {5350, 5353};
        alg::Duration silence = std::chrono::minutes(10);
    } tls;

    alg::Limits limits;

    struct Logging {
        LogLevel level = LogLevel::info;
    } log;

    /// What is remembered of calls for `messenger-algctl calls` and `explain`, and how their media is watched.
    struct Journal {
        std::size_t recent_calls = 200;
        std::size_t bytes = std::size_t{16} << 20U;
        alg::Duration one_way = std::chrono::seconds(5);
    } journal;

    struct Metrics {
        std::string textfile;  ///< empty: none
        alg::Duration interval = std::chrono::seconds(15);
    } metrics;

    struct Control {
        std::string socket = "/run/messenger-alg/control.sock";
        std::string group;  ///< its members may use the socket, too; empty: root alone
    } control;
};

struct ConfigError {
    std::size_t line = 0;  ///< 0 where no line is to blame, such as for a key that is missing
    std::string text;      ///< what is wrong, and what would be right

    /// "FILE:LINE: TEXT", or "FILE: TEXT".
    [[nodiscard]] std::string to_string(std::string_view file) const;
};

/// A configuration, or all errors in the order of their lines, never both. A syntax error ends the reading, so it comes
/// alone.
struct ConfigResult {
    std::optional<Config> config;
    std::vector<ConfigError> errors;
};

/// text: TOML 1.0. Looks at nothing but the text: no file, no interface, no user data base.
[[nodiscard]] ConfigResult parse_config(std::string_view text);

/// One key, for manuals and tests.
struct KeyDescription {
    std::string_view section;
    std::string_view name;
    std::string type;     ///< "a duration such as \"90s\"", with the allowed range
    std::string initial;  ///< the default, as TOML
    std::string_view description;
};

/// Every key that parse_config knows, in the order of the table.
[[nodiscard]] std::vector<KeyDescription> describe_keys();

/// The value of a key in a configuration, as TOML. Absent if there is no such key.
[[nodiscard]] std::optional<std::string> format_value(const Config& config, std::string_view section,
                                                      std::string_view name);

}  // namespace messenger::daemon
