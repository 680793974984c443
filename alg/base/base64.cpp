// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/base/base64.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace messenger::alg {

namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNone = 0xff;

/// The six bits that a character stands for, kNone for characters outside the alphabet.
constexpr std::array<std::uint8_t, 256> kBits = [] {
    std::array<std::uint8_t, 256> bits{};
    for (auto& value : bits) value = kNone;
    for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
        bits[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
    }
    return bits;
}();

/// The digits without their padding; absent if the padding is wrong.
[[nodiscard]] Expected<std::string_view> without_padding(std::string_view text) {
    const std::size_t size = text.size();
    while (!text.empty() && text.back() == '=') text.remove_suffix(1);
    const std::size_t padding = size - text.size();
    if (padding > 2 || (padding > 0 && size % 4 != 0)) return Error::bad_base64;
    if (text.size() % 4 == 1) return Error::bad_base64;
    return text;
}

}  // namespace

Expected<std::string_view> decode_base64(std::string_view text, std::span<char> out) {
    const auto digits = without_padding(text);
    if (!digits) return digits.error();
    const std::size_t rest = digits->size() % 4;
    const std::size_t size = digits->size() / 4 * 3 + (rest == 0 ? 0 : rest - 1);
    if (size > out.size()) return Error::too_large;

    std::uint32_t pending = 0;  // the low bits that no byte has yet
    unsigned count = 0;         // how many
    std::size_t at = 0;
    for (const char c : *digits) {
        const std::uint8_t bits = kBits[static_cast<unsigned char>(c)];
        if (bits == kNone) return Error::bad_base64;
        pending = (pending << 6U | bits) & 0xfffU;
        count += 6;
        if (count < 8) continue;
        count -= 8;
        out[at++] = static_cast<char>(pending >> count & 0xffU);
    }
    if ((pending & ((1U << count) - 1U)) != 0) return Error::bad_base64;
    return std::string_view(out.data(), size);
}

void encode_base64(std::string_view text, bool padded, std::string& out) {
    out.clear();
    std::uint32_t pending = 0;
    unsigned count = 0;  // of the bits in pending that no digit has yet
    for (const char c : text) {
        pending = (pending << 8U | static_cast<unsigned char>(c)) & 0xffffU;
        for (count += 8; count >= 6;) {
            count -= 6;
            out += kAlphabet[pending >> count & 0x3fU];
        }
    }
    if (count > 0) out += kAlphabet[pending << (6 - count) & 0x3fU];
    while (padded && out.size() % 4 != 0) out += '=';
}

}  // namespace messenger::alg
