// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>

#include "alg/nat/binding_table.h"
#include "alg/nat/nat_path.h"
#include "alg/nat/translation.h"
#include "alg/policy.h"

namespace messenger::alg {

/// On the way out: the sender's own endpoints become those that are bound to them. So do requests for another inside
/// host, whose proxy outside knows it by its outside endpoint only.
class OutboundTranslation final : public Translation {
   public:
    /// All borrowed. sender: the source of the packet. t120_refused: see Call.
    OutboundTranslation(const BindingTable& bindings, const Policy& policy, const NatPath& path,
                        const IpAddress& sender, bool t120_refused)
        : bindings_(bindings), policy_(policy), path_(path), sender_(sender), t120_refused_(t120_refused) {}

    /// An endpoint without a binding keeps its number, for nothing leads there; over TCP only if that is so.
    [[nodiscard]] std::optional<Endpoint> endpoint(Transport transport, const Endpoint& endpoint) const override;
    /// Of any inside host: the sender has learnt it from us, in the Contact of the other end of its call.
    [[nodiscard]] std::optional<Endpoint> target(Transport transport, const Endpoint& endpoint) const override;
    [[nodiscard]] std::optional<IpAddress> address(const IpAddress& address) const override;

   private:
    [[nodiscard]] bool is_own(const IpAddress& address) const;

    const BindingTable& bindings_;
    const Policy& policy_;
    const NatPath& path_;
    const IpAddress& sender_;
    bool t120_refused_;
};

/// On the way in: what names one of our outside endpoints becomes the inside one that is bound to it. So two inside
/// hosts that call each other through a server outside learn each other's own addresses.
class InboundTranslation final : public Translation {
   public:
    /// sharer: the inside host whose T.120 a message of this call names by our outside address. That port has no
    /// binding of its own.
    InboundTranslation(const BindingTable& bindings, const NatPath& path, const std::optional<IpAddress>& sharer)
        : bindings_(bindings), path_(path), sharer_(sharer) {}

    [[nodiscard]] std::optional<Endpoint> endpoint(Transport transport, const Endpoint& endpoint) const override;
    /// Our outside address alone is that of every inside host.
    [[nodiscard]] std::optional<IpAddress> address(const IpAddress& address) const override;

   private:
    const BindingTable& bindings_;
    const NatPath& path_;
    std::optional<IpAddress> sharer_;
};

}  // namespace messenger::alg
