// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/process/sanitize.h"

#include <array>

namespace messenger::daemon {

namespace {

struct Escape {
    std::array<char, 4> text{};
    std::size_t length = 0;
};

[[nodiscard]] Escape escape(char c) {
    constexpr std::string_view kHex = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\') return {{'\\', '\\'}, 2};
    if (c == '\n') return {{'\\', 'n'}, 2};
    if (c == '\r') return {{'\\', 'r'}, 2};
    if (c == '\t') return {{'\\', 't'}, 2};
    if (byte < 0x20 || byte > 0x7e) return {{'\\', 'x', kHex[byte >> 4U], kHex[byte & 0xfU]}, 4};
    return {{c}, 1};
}

}  // namespace

std::string sanitize(std::string_view text, std::size_t limit) {
    constexpr std::string_view kCut = "...";
    std::string out;
    std::size_t cut = 0;  // where the text may end so that the dots still fit
    for (const char c : text) {
        const Escape escaped = escape(c);
        if (escaped.length > limit - out.size()) {
            out.resize(cut);
            out += kCut.substr(0, limit - cut);
            return out;
        }
        out.append(escaped.text.data(), escaped.length);
        if (limit >= kCut.size() && out.size() <= limit - kCut.size()) cut = out.size();
    }
    return out;
}

}  // namespace messenger::daemon
