// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include <boost/container/vector.hpp>

#include "daemon/process/fd.h"

namespace messenger::daemon {

/// What an orderly stop hands over to the next daemon, in a file beside the control socket. It is opened at start,
/// because later the process may make no files, and it is empty while the daemon runs, so that it can never be taken
/// for the state after a crash.
class StateFile {
   public:
    /// Opens the file, or makes it, readable for nobody else. Does not throw: see error().
    explicit StateFile(const std::string& path);

    /// Not zeroed first: there may be many megabytes.
    using Bytes = boost::container::vector<std::byte>;

    /// What the daemon before this one left, and empties the file. Absent if there is nothing, or if it is older than a
    /// restart takes.
    [[nodiscard]] std::optional<Bytes> take();
    /// Returns what went wrong, for the log; empty if nothing did.
    [[nodiscard]] std::string write(std::span<const std::byte> state);

   private:
    std::string path_;
    Fd file_;
    std::string error_;
};

}  // namespace messenger::daemon
