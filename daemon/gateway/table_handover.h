// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>

#include "alg/engine.h"
#include "daemon/gateway/pinhole_sync.h"
#include "daemon/gateway/state_file.h"
#include "daemon/gateway/table_keeper.h"
#include "daemon/process/log.h"
#include "nft/schema.h"

namespace messenger::daemon {

/// Spares the next daemon listing the sets (table_file.h), if nobody changes a rule between us.
class TableHandover {
   public:
    /// All borrowed; they outlive this object.
    struct Parts {
        alg::Engine& engine;
        PinholeSync& sync;
        TableKeeper& keeper;
        nft::Schema& schema;
        Log& log;
    };

    TableHandover(const std::string& file, const Parts& parts)
        : parts_(parts), file_(file), ruleset_(name_of_ruleset()) {}

    /// Before sync restores. generation: of the rules, read when the keeper's watch was open.
    void take(std::uint32_t generation);
    /// At the end: nothing may change any more.
    void leave();

   private:
    Parts parts_;
    StateFile file_;
    std::string ruleset_;
};

}  // namespace messenger::daemon
