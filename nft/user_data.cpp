// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/user_data.h"

namespace messenger::nft {

std::string_view find_user_text(std::span<const std::byte> user_data, std::uint8_t type) {
    constexpr std::size_t kHeader = 2;
    std::string_view found;
    while (!user_data.empty()) {
        if (user_data.size() < kHeader) return {};
        const auto length = std::to_integer<std::size_t>(user_data[1]);
        if (user_data.size() - kHeader < length) return {};
        const std::string_view text(reinterpret_cast<const char*>(user_data.data() + kHeader), length);
        if (std::to_integer<std::uint8_t>(user_data[0]) == type) found = text.substr(0, text.find('\0'));
        user_data = user_data.subspan(kHeader + length);
    }
    return found;
}

}  // namespace messenger::nft
