// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "alg/nat/nat_path.h"
#include "daemon/gateway/tracking_check.h"
#include "daemon/translate.h"
#include "nft/conntrack.h"

namespace messenger::daemon {

/// What conntrack says of a flow's translation, for the engine.
class ConntrackTranslations final : public alg::FlowTranslations {
   public:
    /// Both borrowed; they outlive this object.
    ConntrackTranslations(nft::Conntrack& conntrack, TrackingCheck& tracking)
        : conntrack_(conntrack), tracking_(tracking) {}

    [[nodiscard]] Answer find(const alg::FlowTuple& tuple) override {
        const auto found = conntrack_.translation(to_nft(tuple));
        if (!found) return {};
        if (!*found && tuple.transport == alg::Transport::tcp) {
            // Its bytes are at hand, so it has been there for long: conntrack would stop it at the first edit.
            tracking_.note(tuple);
            return {Answer::Kind::not_translated, {}};
        }
        if (!*found) return {};
        if (!(*found)->outside) return {Answer::Kind::not_translated, {}};
        return {Answer::Kind::translated, to_alg(*(*found)->outside)};
    }

   private:
    nft::Conntrack& conntrack_;
    TrackingCheck& tracking_;
};

}  // namespace messenger::daemon
