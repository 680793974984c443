// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "alg/nat/nat_path.h"
#include "daemon/translate.h"
#include "nft/conntrack.h"

namespace messenger::daemon {

/// What conntrack says of a flow's translation, for the engine.
class ConntrackTranslations final : public alg::FlowTranslations {
   public:
    explicit ConntrackTranslations(nft::Conntrack& conntrack) : conntrack_(conntrack) {}

    [[nodiscard]] Answer find(const alg::FlowTuple& tuple) override {
        const auto found = conntrack_.translation(to_nft(tuple));
        if (!found || !*found) return {};
        if (!(*found)->outside) return {Answer::Kind::not_translated, {}};
        return {Answer::Kind::translated, to_alg(*(*found)->outside)};
    }

   private:
    nft::Conntrack& conntrack_;
};

}  // namespace messenger::daemon
