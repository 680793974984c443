// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>

#include "alg/engine.h"
#include "daemon/gateway/pinhole_sync.h"
#include "daemon/gateway/pipeline.h"
#include "daemon/gateway/state_file.h"
#include "daemon/process/log.h"
#include "nft/conntrack.h"

namespace messenger::daemon {

/// Edited TCP connections over a restart. Their ends count on numbers that only this daemon can translate: an orderly
/// stop leaves word of them, and those of a daemon that crashed are reset, so that their clients connect anew.
class ConnectionHandover {
   public:
    /// All borrowed; they outlive this object.
    struct Parts {
        alg::Engine& engine;
        Pipeline& pipeline;
        PinholeSync& sync;
        EditedConnections& edited;
        nft::Conntrack& conntrack;
        Log& log;
    };

    ConnectionHandover(const std::string& file, const Parts& parts) : parts_(parts), file_(file) {}

    /// Goes on with the connections that the daemon before this one edited. edited: the bit in the ct mark of all such.
    [[nodiscard]] nft::Expected<void> take_over(std::uint32_t edited, alg::TimePoint now);
    /// For the next daemon. No packet may wait for its verdict.
    [[nodiscard]] nft::Expected<void> leave_behind();

   private:
    Parts parts_;
    StateFile file_;
};

}  // namespace messenger::daemon
