// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "daemon/process/fd.h"

namespace messenger::daemon {

/// A descriptor in the keeping of the service manager between two processes of the same service (its file descriptor
/// store). The name says what it is: printable ASCII without colon, at most 255 characters.
struct KeptDescriptor {
    std::string name;
    Fd fd;
};

/// What the process before this one left. Once; the environment and the service manager forget it.
[[nodiscard]] std::vector<KeptDescriptor> take_kept_descriptors();

/// Leaves a descriptor for the next process. It stays open there after this one has ended, until that process takes it
/// or the service is stopped for good. Without a service manager, nothing happens.
void keep_descriptor(const KeptDescriptor& kept);

}  // namespace messenger::daemon
