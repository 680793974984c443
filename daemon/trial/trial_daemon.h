// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>

#include "daemon/config/config.h"
#include "daemon/trial/program.h"
#include "daemon/trial/scratch_network.h"

namespace messenger::daemon {

/// A folder of its own that goes with this object.
class TrialFolder {
   public:
    /// Throws std::system_error.
    TrialFolder();
    ~TrialFolder();
    TrialFolder(const TrialFolder&) = delete;
    TrialFolder& operator=(const TrialFolder&) = delete;
    TrialFolder(TrialFolder&&) = delete;
    TrialFolder& operator=(TrialFolder&&) = delete;

    [[nodiscard]] std::string file(const std::string& name) const { return path_ + '/' + name; }

   private:
    std::string path_;
};

/// messenger-algd with the live configuration, but with a control socket of its own, without a textfile, and never only
/// looking on.
class TrialDaemon {
   public:
    /// Returns when it is ready. Throws std::runtime_error with what it said if it does not become so.
    TrialDaemon(const std::string& program, const Config& config, const TrialFolder& folder,
                const NetworkNamespace& gateway);

    /// The last lines that it has written.
    [[nodiscard]] std::string log() const;

   private:
    /// What it has written, behind what became of it.
    [[nodiscard]] std::string said() const;

    std::string log_file_;
    std::optional<Companion> process_;
};

/// The configuration as a file says it.
[[nodiscard]] std::string format_config(const Config& config);

}  // namespace messenger::daemon
