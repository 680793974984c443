// SPDX-License-Identifier: GPL-2.0-or-later
// The result has the length that the text implies and fits every buffer of that length; encoding it again gives the
// text back.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "alg/base/base64.h"
#include "tests/fuzz/require.h"

namespace {

std::string encode(std::string_view bytes) {
    constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        std::uint32_t group = 0;
        const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
        for (std::size_t i = 0; i < count; ++i) {
            group |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at + i])) << (16 - 8 * i);
        }
        for (std::size_t i = 0; i <= count; ++i) text += kAlphabet[group >> (18 - 6 * i) & 0x3fU];
    }
    return text;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using messenger::alg::decode_base64;
    using messenger::test::require;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    std::vector<char> out(size);
    const auto decoded = decode_base64(text, out);
    if (!decoded) return 0;
    const std::string_view digits = text.substr(0, text.find('='));
    require(encode(*decoded) == digits, "encoding gives the text back");
    std::vector<char> exact(decoded->size());
    require(decode_base64(text, exact).has_value(), "fits its own size");
    if (exact.empty()) return 0;
    exact.pop_back();
    exact.shrink_to_fit();
    require(!decode_base64(text, exact).has_value(), "does not fit one byte less");
    return 0;
}
