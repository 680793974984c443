// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/commands/nat_numbers.h"

#include <string_view>

namespace messenger::daemon {

std::vector<OutsideNumbers> outside_numbers(const DaemonParts& parts) {
    std::vector<OutsideNumbers> all;
    const NumberRange& range = parts.config.nat.media_ports;
    const std::size_t ports = std::size_t{range.last} - range.first + 1;
    parts.outside.each([&](std::string_view name, const std::optional<alg::IpAddress>& address,
                           const std::optional<alg::IpAddress>& advertised) {
        all.push_back({std::string(name), address, advertised, {0, 0, ports}, {0, 0, ports}});
    });
    for (const auto& [key, binding] : parts.engine.bindings().all()) {
        for (OutsideNumbers& one : all) {
            if (one.address != key.outside) continue;
            PortNumbers& numbers = key.transport == alg::Transport::tcp ? one.tcp : one.udp;
            ++(alg::BindingTable::is_held(binding) ? numbers.used : numbers.lingering);
            if (range.contains(binding.port)) --numbers.free;
        }
    }
    return all;
}

}  // namespace messenger::daemon
