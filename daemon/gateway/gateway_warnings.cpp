// SPDX-License-Identifier: GPL-2.0-or-later
// The part of Gateway that tells the operator, now and then, of what only the operator can change.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string_view>
#include <vector>

#include "daemon/gateway/gateway.h"

namespace messenger::daemon {

namespace {

constexpr auto kBetweenUnprovenWarnings = std::chrono::seconds(10);
constexpr std::size_t kLostTold = 10;
constexpr auto kBetweenUntrackedWarnings = std::chrono::minutes(10);

[[nodiscard]] std::string_view name_of(alg::Transport transport) {
    return transport == alg::Transport::tcp ? "TCP" : "UDP";
}

template <class Tell>
void tell_some(Log& log, const std::vector<Restored::Outside>& ends, Tell tell) {
    std::for_each_n(ends.begin(), std::min(ends.size(), kLostTold), tell);
    if (ends.size() > kLostTold) log.warning("start", "the same goes for {} more", ends.size() - kLostTold);
}

}  // namespace

void Gateway::warn_of_tls() {
    const Config::Tls& tls = config_.tls;
    if (tls.media != TlsMedia::static_range) return;
    log_.warning("start",
                 "tls.media = \"static-range\": while an inside host has a TLS connection to port {} of a server in "
                 "tls.servers, anybody outside can reach its UDP ports {}-{} and TCP 1503 and 6891-6900, call or no "
                 "call, for nobody can read what it agrees on; without TLS only what a call needs is open",
                 tls.port, tls.media_ports.first, tls.media_ports.last);
}

/// What was there before this start and is not after it.
void Gateway::warn_of_lost(const Restored& restored) {
    tell_some(log_, restored.reserved, [&](const Restored::Outside& lost) {
        log_.warning(
            "start",
            "{} had {} as its {} endpoint outside; that port is reserved now (nat.reserved_ports, or a service "
            "of this host listens there), so it is taken away: a call goes on while its media flows, a client gets "
            "another port when it registers again",
            lost.inside.to_string(), lost.outside.to_string(), name_of(lost.transport));
    });
    tell_some(log_, restored.shared, [&](const Restored::Outside& kept) {
        log_.warning(
            "start",
            "{} keeps {} as its {} endpoint outside, though a UDP socket of this host has that port by now; if "
            "it is a service's, list the port in nat.reserved_ports and restart",
            kept.inside.to_string(), kept.outside.to_string(), name_of(kept.transport));
    });
    if (restored.forbidden > 0) {
        log_.warning("start",
                     "{} pinholes and call-backs are closed: network, sip or policy.fixed_ranges do not allow them as "
                     "they did before this start; what running calls had there is cut off",
                     restored.forbidden);
    }
    if (restored.tls_clients > 0) {
        log_.warning("start",
                     "{} TLS connections open nothing any more: tls.servers, tls.port or network.inside do not cover "
                     "them as they did before this start",
                     restored.tls_clients);
    }
}

void Gateway::warn_of_unproven() {
    const std::uint64_t count = sync_.counters().unproven;
    if (count == unproven_told_ || loop_.now() < next_unproven_warning_) return;
    log_.warning("warden",
                 "{} openings wait for a further message of their inside host: the kernel has not heard it. Somebody "
                 "has emptied the sets heard4 and heard6, or they are full of made-up source addresses "
                 "(nft list set inet messenger_alg heard4)",
                 count - unproven_told_);
    unproven_told_ = count;
    next_unproven_warning_ = loop_.now() + kBetweenUnprovenWarnings;
}

void Gateway::warn_of_untracked() {
    const auto flow = tracking_.take();
    if (!flow || loop_.now() < next_untracked_warning_) return;
    log_.warning(
        "conntrack",
        "SIP between {} and {} passes, but conntrack has no entry of it: media will be dropped as new, and "
        "behind NAT connections are not edited. Zones of conntrack (ct zone set, -j CT --zone, VRFs that use them) are "
        "not supported, nor are outside hosts whose address is translated: take this traffic out of them. If "
        "you exempt SIP alone with notrack, all is well",
        flow->source.to_string(), flow->destination.to_string());
    next_untracked_warning_ = loop_.now() + kBetweenUntrackedWarnings;
}

}  // namespace messenger::daemon
