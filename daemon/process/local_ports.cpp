// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/process/local_ports.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <string>
#include <utility>

namespace messenger::daemon {

namespace {

/// As the kernel prints them, in words of the host's order; those of IPv6 have four words.
constexpr std::string_view kLoopback6 = "00000000000000000000000001000000";

/// The next word of a line, which is cut off its front.
[[nodiscard]] std::string_view take_word(std::string_view& line) {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    const std::string_view word = line.substr(0, line.find(' '));
    line.remove_prefix(word.size());
    return word;
}

[[nodiscard]] bool is_loopback(std::string_view address) {
    // 127.0.0.1 is 0100007F on the little-endian machines that we run on; an address too many only reserves a port.
    return address == kLoopback6 || (address.size() == 8 && address.ends_with("7F"));
}

[[nodiscard]] std::optional<std::vector<std::uint16_t>> list_ports(std::initializer_list<const char*> tables) {
    std::vector<std::uint16_t> ports;
    bool readable = false;
    for (const char* const name : tables) {
        std::ifstream file(name);
        if (!file) continue;  // without IPv6 there is one
        readable = true;
        const std::string table(std::istreambuf_iterator<char>(file), {});
        const auto some = read_bound_ports(table);
        ports.insert(ports.end(), some.begin(), some.end());
    }
    if (!readable) return std::nullopt;
    std::sort(ports.begin(), ports.end());
    ports.erase(std::unique(ports.begin(), ports.end()), ports.end());
    return ports;
}

}  // namespace

std::vector<std::uint16_t> read_bound_ports(std::string_view table) {
    //   sl  local_address rem_address   st tx_queue rx_queue ...
    //  123: 00000000:CA6C 00000000:0000 07 00000000:00000000 ...
    std::vector<std::uint16_t> ports;
    while (!table.empty()) {
        std::string_view line = table.substr(0, table.find('\n'));
        table.remove_prefix(std::min(line.size() + 1, table.size()));
        if (!take_word(line).ends_with(':')) continue;  // the heading
        const std::string_view local = take_word(line);
        const std::string_view remote = take_word(line);
        const std::size_t colon = local.find(':');
        if (colon == std::string_view::npos || !remote.ends_with(":0000") || is_loopback(local.substr(0, colon)))
            continue;
        const std::string_view digits = local.substr(colon + 1);
        std::uint16_t port = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port, 16);
        if (error == std::errc() && end == digits.data() + digits.size() && port != 0) ports.push_back(port);
    }
    return ports;
}

std::optional<BoundPorts> list_bound_ports() {
    auto udp = list_ports({"/proc/net/udp", "/proc/net/udp6"});
    auto tcp = list_ports({"/proc/net/tcp", "/proc/net/tcp6"});
    if (!udp && !tcp) return std::nullopt;
    return BoundPorts{std::move(udp).value_or(std::vector<std::uint16_t>()),
                      std::move(tcp).value_or(std::vector<std::uint16_t>())};
}

}  // namespace messenger::daemon
