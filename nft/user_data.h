// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace messenger::nft {

/// A text in the user data that nft keeps with tables and elements: attributes of type, length and value. type:
/// NFTNL_UDATA_*. Without its NUL; empty if there is none, or if what is there is not such attributes. libnftnl's own
/// reader hands out the last attribute as long as it says it is, however little is left.
[[nodiscard]] std::string_view find_user_text(std::span<const std::byte> user_data, std::uint8_t type);

}  // namespace messenger::nft
