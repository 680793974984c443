// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/policy_files/reg_text.h"

#include <cstdint>

namespace messenger::daemon {

namespace {

constexpr std::string_view kUtf16LittleEndian = "\xFF\xFE";
constexpr std::string_view kUtf16BigEndian = "\xFE\xFF";
constexpr std::string_view kUtf8 = "\xEF\xBB\xBF";
constexpr std::uint32_t kReplacement = 0xFFFD;

[[nodiscard]] std::uint32_t unit_at(std::string_view bytes, std::size_t at) {
    const auto low = static_cast<unsigned char>(bytes[at]);
    const auto high = static_cast<unsigned char>(bytes[at + 1]);
    return low | (std::uint32_t{high} << 8U);
}

[[nodiscard]] bool is_high_surrogate(std::uint32_t unit) {
    return unit >= 0xD800 && unit < 0xDC00;
}

[[nodiscard]] bool is_low_surrogate(std::uint32_t unit) {
    return unit >= 0xDC00 && unit < 0xE000;
}

void append_utf8(std::string& out, std::uint32_t code) {
    const auto tail = [code](unsigned shift) { return static_cast<char>(0x80U | ((code >> shift) & 0x3FU)); };
    if (code < 0x80) {
        out += static_cast<char>(code);
    } else if (code < 0x800) {
        out += static_cast<char>(0xC0U | (code >> 6U));
        out += tail(0);
    } else if (code < 0x10000) {
        out += static_cast<char>(0xE0U | (code >> 12U));
        out += tail(6);
        out += tail(0);
    } else {
        out += static_cast<char>(0xF0U | (code >> 18U));
        out += tail(12);
        out += tail(6);
        out += tail(0);
    }
}

}  // namespace

std::string utf16_to_utf8(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size() / 2);
    std::size_t at = 0;
    while (bytes.size() - at >= 2) {
        std::uint32_t code = unit_at(bytes, at);
        at += 2;
        if (is_high_surrogate(code) && bytes.size() - at >= 2 && is_low_surrogate(unit_at(bytes, at))) {
            code = 0x10000 + ((code - 0xD800) << 10U) + (unit_at(bytes, at) - 0xDC00);
            at += 2;
        } else if (is_high_surrogate(code) || is_low_surrogate(code)) {
            code = kReplacement;
        }
        append_utf8(out, code);
    }
    return out;
}

std::string ascii_to_utf16(std::string_view text) {
    std::string out;
    out.reserve(text.size() * 2);
    for (const char c : text) {
        out += c;
        out += '\0';
    }
    return out;
}

RegText decode_reg_text(std::string_view bytes) {
    const auto starts_with = [&](std::string_view mark) { return bytes.substr(0, mark.size()) == mark; };
    if (starts_with(kUtf16LittleEndian)) {
        if (bytes.size() % 2 != 0) return {{}, "half a UTF-16 character at the end", bytes.size() - 1};
        return {utf16_to_utf8(bytes.substr(2)), {}, 0};
    }
    if (starts_with(kUtf16BigEndian)) return {{}, "big-endian UTF-16; regedit writes and reads little-endian", 0};
    if (bytes.size() >= 2 && (bytes[0] == '\0' || bytes[1] == '\0')) {
        return {{}, "UTF-16 without its byte order mark FF FE", 0};
    }
    if (starts_with(kUtf8)) bytes.remove_prefix(kUtf8.size());
    return {std::string(bytes), {}, 0};
}

}  // namespace messenger::daemon
