// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <span>
#include <string_view>

#include "daemon/config/value.h"

namespace messenger::daemon {

/// All there is to know about one key of the configuration.
struct Key {
    std::string_view section;
    std::string_view name;
    Slot slot;
    Bounds bounds;
    std::string_view description;
};

/// Grouped by section. Static storage.
[[nodiscard]] std::span<const Key> key_table();

}  // namespace messenger::daemon
