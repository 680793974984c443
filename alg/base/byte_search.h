// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace messenger::alg {

// Lines, names and words are so short that a call of memchr costs more than its search. So many bytes are compared at
// once, inline, and the answer is one bit for each.

/// Bit i tells whether bytes[i] is wanted: eight bytes at a time, with nothing but arithmetic.
/// Size: how many bytes there are, a multiple of 8 up to 64.
template <std::size_t Size>
[[nodiscard]] inline std::uint64_t find_bytes_by_words(const char* bytes, char wanted) {
    static_assert(Size % 8 == 0 && Size <= 64);
    constexpr std::uint64_t kOnes = 0x0101010101010101;
    constexpr std::uint64_t kLow = 0x7f * kOnes;
    // Multiplied, the lowest bit of byte i becomes bit 56 + i.
    constexpr std::uint64_t kGather = 0x0102040810204080;
    std::uint64_t found = 0;
    for (std::size_t at = 0; at < Size; at += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes + at, sizeof word);
        if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
        const std::uint64_t differs = word ^ static_cast<unsigned char>(wanted) * kOnes;
        // No byte carries into the next one, so that the highest bits are those of the equal bytes alone.
        const std::uint64_t equal = ~(((differs & kLow) + kLow) | differs | kLow);
        found |= ((equal >> 7U) * kGather >> 56U) << at;
    }
    return found;
}

/// The same by what the processor has for it. Size: a multiple of 16 up to 64.
template <std::size_t Size>
[[nodiscard]] inline std::uint64_t find_bytes(const char* bytes, char wanted) {
    static_assert(Size % 16 == 0 && Size <= 64);
#if defined(__SSE2__)
    const __m128i pattern = _mm_set1_epi8(wanted);
    std::uint64_t found = 0;
    for (std::size_t at = 0; at < Size; at += sizeof pattern) {
        __m128i part;
        std::memcpy(&part, bytes + at, sizeof part);
        const auto equal = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(part, pattern)));
        found |= std::uint64_t{equal} << at;
    }
    return found;
#else
    return find_bytes_by_words<Size>(bytes, wanted);
#endif
}

/// Bit i tells whether bytes[i] is a blank or a control character of ASCII.
template <std::size_t Size>
[[nodiscard]] inline std::uint64_t find_invisible(const char* bytes) {
    static_assert(Size % 16 == 0 && Size <= 64);
    std::uint64_t found = 0;
#if defined(__SSE2__)
    const __m128i blank = _mm_set1_epi8(' ');
    const __m128i del = _mm_set1_epi8(0x7f);
    for (std::size_t at = 0; at < Size; at += sizeof blank) {
        __m128i part;
        std::memcpy(&part, bytes + at, sizeof part);
        const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(part, blank), part);
        const auto bits = static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(low, _mm_cmpeq_epi8(part, del))));
        found |= std::uint64_t{bits} << at;
    }
#else
    for (std::size_t at = 0; at < Size; ++at) {
        const auto byte = static_cast<unsigned char>(bytes[at]);
        found |= std::uint64_t{byte <= ' ' || byte == 0x7f} << at;
    }
#endif
    return found;
}

/// Bit i tells whether bytes[i] is a letter or digit of ASCII, or a hyphen.
template <std::size_t Size>
[[nodiscard]] inline std::uint64_t find_word_bytes(const char* bytes) {
    static_assert(Size % 16 == 0 && Size <= 64);
    std::uint64_t found = 0;
#if defined(__SSE2__)
    // What is above the last of a range, counted from its first, is not in it.
    const auto is_among = [](__m128i part, char first, char last) {
        const __m128i from_first = _mm_sub_epi8(part, _mm_set1_epi8(first));
        return _mm_cmpeq_epi8(_mm_min_epu8(from_first, _mm_set1_epi8(static_cast<char>(last - first))), from_first);
    };
    for (std::size_t at = 0; at < Size; at += 16) {
        __m128i part;
        std::memcpy(&part, bytes + at, sizeof part);
        const __m128i letter = is_among(_mm_or_si128(part, _mm_set1_epi8(0x20)), 'a', 'z');
        const __m128i other = _mm_or_si128(is_among(part, '0', '9'), _mm_cmpeq_epi8(part, _mm_set1_epi8('-')));
        found |= std::uint64_t{static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(letter, other)))} << at;
    }
#else
    for (std::size_t at = 0; at < Size; ++at) {
        const char byte = bytes[at];
        const char lower = static_cast<char>(byte | 0x20);
        found |= std::uint64_t{(lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') || byte == '-'} << at;
    }
#endif
    return found;
}

inline constexpr std::size_t kSearchStep = 16;

/// find_byte where fewer bytes of text are left than are compared at once. Not inline: it comes once in a text.
template <class... Chars>
[[nodiscard]] [[gnu::noinline]] std::size_t find_byte_in_last(std::string_view text, std::size_t from, std::size_t to,
                                                              Chars... wanted) {
    if (text.size() >= kSearchStep) {
        // The last bytes, of which the first have been looked at.
        const std::size_t begin = text.size() - kSearchStep;
        const std::uint64_t found =
            (find_bytes<kSearchStep>(text.data() + begin, wanted) | ...) >> (from - begin) << (from - begin);
        return found != 0 ? std::min(begin + static_cast<unsigned>(std::countr_zero(found)), to) : to;
    }
    while (from < to && ((text[from] != wanted) && ...)) ++from;
    return from;
}

/// Where the first of the wanted bytes is in text[from, to); `to` without one. from <= to <= text.size().
template <class... Chars>
[[nodiscard]] [[gnu::always_inline]] inline std::size_t find_byte(std::string_view text, std::size_t from,
                                                                  std::size_t to, Chars... wanted) {
    for (; from < to; from += kSearchStep) {
        if (text.size() - from < kSearchStep) return find_byte_in_last(text, from, to, wanted...);
        const std::uint64_t found = (find_bytes<kSearchStep>(text.data() + from, wanted) | ...);
        if (found != 0) return std::min(from + static_cast<unsigned>(std::countr_zero(found)), to);
    }
    return to;
}

/// Finds the LFs of a text, one after the other.
class LineEnds {
   public:
    /// text: borrowed. from: where to begin, at most its size.
    explicit LineEnds(std::string_view text, std::size_t from = 0) : text_(text), seen_(from) {}

    /// The offset of the next LF in text; npos when there is none left.
    [[nodiscard]] [[gnu::always_inline]] std::size_t next() {
        while (found_ == 0) {
            const std::size_t left = text_.size() - seen_;
            if (left == 0) return std::string_view::npos;
            block_ = seen_;
            found_ = left >= kBlock ? find_bytes<kBlock>(text_.data() + block_, '\n') : find_in_last(text_, left);
            seen_ += std::min(left, kBlock);
        }
        const std::size_t at = block_ + static_cast<unsigned>(std::countr_zero(found_));
        found_ &= found_ - 1;
        return at;
    }

   private:
    static constexpr std::size_t kBlock = 64;

    /// Of the last bytes, fewer than a block. Not inline: it comes once in a text, and would take the others'
    /// registers.
    [[nodiscard]] [[gnu::noinline]] static std::uint64_t find_in_last(std::string_view text, std::size_t left) {
        // Those before them have been looked at already.
        if (text.size() >= kBlock) {
            return find_bytes<kBlock>(text.data() + text.size() - kBlock, '\n') >> (kBlock - left);
        }
        std::array<char, kBlock> copy{};
        std::memcpy(copy.data(), text.data() + text.size() - left, left);
        return find_bytes<kBlock>(copy.data(), '\n');
    }

    std::string_view text_;
    std::size_t seen_;         ///< what lies before it has been looked at
    std::size_t block_ = 0;    ///< where the last block begins
    std::uint64_t found_ = 0;  ///< those LFs of it that next has not told yet
};

}  // namespace messenger::alg
