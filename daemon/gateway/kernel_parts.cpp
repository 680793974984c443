// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/kernel_parts.h"

#include <array>

#include "daemon/gateway/schema_options.h"
#include "nft/netlink_socket.h"

namespace messenger::daemon {

KernelParts open_kernel(const Config& config, Log& log) {
    auto ruleset = expect(nft::NetlinkSocket::open());
    auto schema = expect(nft::NetlinkSocket::open());
    const std::array<std::uint32_t, 2> own{ruleset.portid(), schema.portid()};
    // Before anything is asked or tried: what is found then holds until the watch says otherwise.
    auto watch = expect(nft::RulesetWatch::open(expect(nft::NetlinkSocket::open()), own));
    const std::uint32_t generation = expect(nft::read_generation(schema));
    const nft::Features features = expect(nft::probe_features());
    log.notice("start", "kernel: {}", features.to_string());
    const auto queue_kind = features.queue_kind();
    if (!queue_kind) {
        throw std::runtime_error(
            "this kernel can hand packets to no queue: it needs nft_queue, or nft_compat with xt_NFQUEUE");
    }
    if (config.passage.mode == Passage::admit && !features.conntrack_create) {
        throw std::runtime_error(
            "this kernel lets nobody make conntrack entries (CONFIG_NF_CT_NETLINK); set passage.mode = \"mark\" and "
            "accept that mark in your firewall");
    }
    if (!config.nat.interfaces.empty() && !features.nat_map) {
        throw std::runtime_error("this kernel cannot translate by maps (nft_nat), which [nat] needs");
    }
    if (!config.nat.interfaces.empty() && !features.tcp_reset) {
        log.warning("start",
                    "this kernel has no nft_reject: after a crash of this daemon, SIP connections over TCP that it had "
                    "edited hang until their own timeouts instead of being reset");
    }
    return {features,
            nft::KernelRuleset(std::move(ruleset), features.destroy_element),
            nft::Schema(std::move(schema), schema_options(config, features, *queue_kind)),
            nft::Conntrack(expect(nft::NetlinkSocket::open())),
            std::move(watch),
            generation};
}

}  // namespace messenger::daemon
