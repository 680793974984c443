// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "daemon/process/fd.h"

namespace messenger::daemon {

/// Writes a file anew, each time whole: into a file beside it that then takes its name, so that nobody reads half of
/// it. The daemon itself may open no file for writing once its system call filter is on; so a process of its own does
/// this, which has no capability and no other descriptor, and ends with the daemon.
class TextfileWriter {
   public:
    /// Starts that process; before any thread, and before the filter. Throws std::system_error, also if the file cannot
    /// be written.
    explicit TextfileWriter(const std::string& path);
    ~TextfileWriter();
    TextfileWriter(const TextfileWriter&) = delete;
    TextfileWriter& operator=(const TextfileWriter&) = delete;
    TextfileWriter(TextfileWriter&&) = delete;
    TextfileWriter& operator=(TextfileWriter&&) = delete;

    /// Does not wait. False if the process is gone, or has not written the last one yet.
    [[nodiscard]] bool write(std::string_view text);

   private:
    Fd socket_;
    pid_t child_ = -1;
};

}  // namespace messenger::daemon
