// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/process/outside_interfaces.h"

#include <algorithm>
#include <utility>

namespace messenger::daemon {

namespace {

/// More than the calls of a day can have been set up through.
constexpr std::size_t kMostGone = 64;

}  // namespace

OutsideInterfaces::OutsideInterfaces(const Config::Nat& options) {
    for (const std::string& name : options.interfaces) {
        interfaces_.push_back({name, 0, {}, {}, options.address.of(name), options.advertised_address.of(name)});
    }
}

void OutsideInterfaces::refresh() {
    const std::vector<Link> links = socket_.links();
    const std::vector<LinkAddress> addresses = socket_.ipv4_addresses();
    known_.clear();
    for (const Link& link : links) known_.push_back(link.index);
    std::sort(known_.begin(), known_.end());

    for (Interface& interface : interfaces_) {
        const auto link =
            std::find_if(links.begin(), links.end(), [&](const Link& one) { return one.name == interface.name; });
        interface.index = link == links.end() ? 0 : link->index;
        std::optional<alg::IpAddress> now;
        if (interface.index != 0) {
            now = interface.given ? interface.given
                                  : masquerading_address(addresses, interface.index, socket_.gateway(interface.index));
        }
        const auto before = std::exchange(interface.outside, now);
        if (before && before != now) gone_.insert(gone_.begin(), *before);
        if (before != now || (!looked_ && !now)) {
            changes_.push_back({interface.name, interface.last, now, interface.index != 0});
        }
        if (now) interface.last = now;
    }
    const auto is_there = [this](const alg::IpAddress& address) {
        return std::any_of(interfaces_.begin(), interfaces_.end(),
                           [&](const Interface& one) { return one.outside == address; });
    };
    std::erase_if(gone_, is_there);
    if (gone_.size() > kMostGone) gone_.resize(kMostGone);
    looked_ = true;
}

std::optional<OutsidePath> OutsideInterfaces::find_path(std::uint32_t in, std::uint32_t out) const {
    if (auto path = path_of(out, true)) return path;
    return path_of(in, false);
}

bool OutsideInterfaces::is_unknown(std::uint32_t index) const {
    return index != 0 && !std::binary_search(known_.begin(), known_.end(), index);
}

std::optional<OutsidePath> OutsideInterfaces::path_of(std::uint32_t index, bool outbound) const {
    if (index == 0) return std::nullopt;
    for (const Interface& interface : interfaces_) {
        if (interface.index != index || !interface.outside) continue;
        return OutsidePath{
            {*interface.outside, interface.advertised.value_or(*interface.outside)}, interface.name, outbound};
    }
    return std::nullopt;
}

}  // namespace messenger::daemon
