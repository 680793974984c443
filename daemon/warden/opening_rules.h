// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <span>
#include <vector>

#include "alg/net/address.h"
#include "alg/net/tuple.h"
#include "alg/policy.h"
#include "daemon/config/config.h"
#include "daemon/process/interfaces.h"
#include "daemon/warden/heard_hosts.h"
#include "nft/conntrack.h"
#include "nft/request_check.h"
#include "nft/schema.h"

namespace messenger::daemon {

/// What may be put into the kernel's sets and into conntrack: the rules of plan_check.h, said of set elements. The
/// daemon leaves out by them what would only be turned down; the warden turns down by them what is asked for all the
/// same. Every element must end by itself, so that nothing outlives a dead daemon.
class OpeningRules final : public nft::RequestCheck::Judge {
   public:
    /// addresses: this host's own. heard: borrowed; who may have something opened. The daemon, which asks for that
    /// before (known_hosts.h), has none.
    OpeningRules(const Config& config, std::span<const InterfaceAddress> addresses, const HeardHosts* heard);

    [[nodiscard]] bool may_add(nft::SetId set, const nft::Element& element) const override;
    [[nodiscard]] bool may_seed(const nft::FlowEntry& entry) const override;

   private:
    /// Has it asked, as far as can be known? Where relays are named, they ask for hosts that stay silent.
    [[nodiscard]] bool has_spoken(const alg::IpAddress& host) const;
    [[nodiscard]] bool may_be_pinhole(nft::SetId set, const nft::Element& element) const;
    [[nodiscard]] bool may_be_called(const alg::Endpoint& listener, const alg::IpAddress& remote) const;
    [[nodiscard]] bool may_listen(const alg::Endpoint& listener) const;
    [[nodiscard]] bool may_translate_to(const nft::Element& element) const;
    [[nodiscard]] bool may_be_binding(const nft::Element& element) const;
    [[nodiscard]] bool may_be_tls_client(const nft::Element& element) const;
    /// The outside of a translation: an address of this host, or one that the configuration names, and a port that may
    /// be given to an inside host.
    [[nodiscard]] bool may_be_outside(const alg::Endpoint& endpoint) const;
    [[nodiscard]] bool is_outside(const alg::IpAddress& address) const;
    [[nodiscard]] bool is_inside_or_outside(const alg::IpAddress& address) const;

    alg::Policy policy_;
    std::vector<alg::IpAddress> outside_;
    nft::MarkLayout marks_;
    alg::Duration longest_;
    const HeardHosts* heard_;
};

}  // namespace messenger::daemon
