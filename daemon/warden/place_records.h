// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "nft/element.h"

namespace messenger::daemon {

/// Places in our sets on the way from the daemon to its warden: so few at once that the answers fit into a socket.
inline constexpr std::size_t kMostPlacesAtOnce = 256;

/// At most kMostPlacesAtOnce. As long as a multiple of 4 bytes.
[[nodiscard]] std::vector<std::byte> write_places(std::span<const nft::Place> places);
/// Absent if the bytes are anything else than that.
[[nodiscard]] std::optional<std::vector<nft::Place>> read_places(std::span<const std::byte> bytes);

}  // namespace messenger::daemon
