// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/net/address.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace messenger::alg {

namespace {

constexpr std::size_t kV6Words = 8;

[[nodiscard]] unsigned byte_at(std::span<const std::byte> bytes, std::size_t index) {
    return std::to_integer<unsigned>(bytes[index]);
}

/// Takes a digit off the front of text, if there is one, and appends it to number.
[[nodiscard]] bool take_digit(std::string_view& text, std::uint32_t& number) {
    if (text.empty()) return false;
    const auto digit = static_cast<std::uint32_t>(text.front() - '0');
    if (digit > 9) return false;
    text.remove_prefix(1);
    number = number * 10 + digit;
    return true;
}

[[nodiscard]] std::optional<std::uint32_t> parse_v4(std::string_view text) {
    std::uint32_t value = 0;
    for (int octets = 0; octets < 4; ++octets) {
        if (octets > 0) {
            if (text.empty() || text.front() != '.') return std::nullopt;
            text.remove_prefix(1);
        }
        std::uint32_t octet = 0;
        if (!take_digit(text, octet)) return std::nullopt;
        // A leading zero is refused: some readers take it for octal, and two readings of one address open a door.
        if (octet != 0 && take_digit(text, octet) && take_digit(text, octet) && octet > 255) return std::nullopt;
        value = value << 8U | octet;
    }
    if (!text.empty()) return std::nullopt;
    return value;
}

[[nodiscard]] std::optional<unsigned> hex_digit(char c) {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
    return std::nullopt;
}

/// The words of one side of "::", at most 8; the last may be a dotted quad.
struct Words {
    std::array<std::uint16_t, kV6Words> word{};
    std::size_t count = 0;
};

[[nodiscard]] bool parse_words(std::string_view text, Words& words) {
    while (!text.empty()) {
        const std::size_t colon = text.find(':');
        const std::string_view item = text.substr(0, colon);
        if (colon == std::string_view::npos && item.find('.') != std::string_view::npos) {
            const auto quad = parse_v4(item);
            if (!quad || words.count + 2 > kV6Words) return false;
            words.word[words.count++] = static_cast<std::uint16_t>(*quad >> 16U);
            words.word[words.count++] = static_cast<std::uint16_t>(*quad & 0xffffU);
            return true;
        }
        if (item.empty() || item.size() > 4 || words.count == kV6Words) return false;
        unsigned value = 0;
        for (const char c : item) {
            const auto digit = hex_digit(c);
            if (!digit) return false;
            value = value << 4U | *digit;
        }
        words.word[words.count++] = static_cast<std::uint16_t>(value);
        if (colon == std::string_view::npos) return true;
        text.remove_prefix(colon + 1);
        if (text.empty()) return false;  // a trailing single colon
    }
    return true;
}

[[nodiscard]] std::optional<IpAddress> parse_v6(std::string_view text) {
    const std::size_t gap = text.find("::");
    Words head;
    Words tail;
    if (!parse_words(text.substr(0, gap), head)) return std::nullopt;
    if (gap == std::string_view::npos) {
        if (head.count != kV6Words) return std::nullopt;
    } else {
        if (!parse_words(text.substr(gap + 2), tail) || head.count + tail.count >= kV6Words) return std::nullopt;
        const std::string_view before = text.substr(0, gap);
        if (before.find('.') != std::string_view::npos) return std::nullopt;
    }
    std::array<std::uint16_t, kV6Words> word = head.word;
    std::copy_n(tail.word.begin(), tail.count, word.end() - static_cast<std::ptrdiff_t>(tail.count));
    std::array<std::byte, 16> bytes{};
    for (std::size_t i = 0; i < kV6Words; ++i) {
        bytes[2 * i] = static_cast<std::byte>(word[i] >> 8U);
        bytes[2 * i + 1] = static_cast<std::byte>(word[i] & 0xffU);
    }
    return IpAddress::v6(bytes);
}

void append_number(std::string& out, unsigned value, unsigned base) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::array<char, 10> text{};
    std::size_t at = text.size();
    do {
        text[--at] = kDigits[value % base];
        value /= base;
    } while (value != 0);
    out.append(text.data() + at, text.size() - at);
}

}  // namespace

IpAddress IpAddress::v4(std::uint32_t host_order) {
    IpAddress address;
    for (std::size_t i = 0; i < 4; ++i) {
        address.bytes_[i] = static_cast<std::byte>(host_order >> (24U - 8U * i) & 0xffU);
    }
    return address;
}

IpAddress IpAddress::v6(std::span<const std::byte, 16> bytes) {
    IpAddress address;
    const auto zeros = bytes.first(10);
    const bool mapped = std::all_of(zeros.begin(), zeros.end(), [](std::byte b) { return b == std::byte{0}; }) &&
                        bytes[10] == std::byte{0xff} && bytes[11] == std::byte{0xff};
    if (mapped) {
        std::copy_n(bytes.begin() + 12, 4, address.bytes_.begin());
        return address;
    }
    address.family_ = Family::ipv6;
    std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
    return address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    if (text.size() >= 2 && text.front() == '[' && text.back() == ']') {
        text = text.substr(1, text.size() - 2);
        if (text.find(':') == std::string_view::npos) return std::nullopt;
    }
    if (const auto quad = parse_v4(text)) return v4(*quad);
    return text.find(':') != std::string_view::npos ? parse_v6(text) : std::nullopt;
}

bool IpAddress::is_unspecified() const {
    return std::all_of(bytes_.begin(), bytes_.end(), [](std::byte b) { return b == std::byte{0}; });
}

bool IpAddress::is_multicast() const {
    return is_v4() ? byte_at(bytes_, 0) >> 4U == 0xe : byte_at(bytes_, 0) == 0xff;
}

bool IpAddress::is_broadcast() const {
    return is_v4() && *this == v4(0xffffffff);
}

bool IpAddress::is_loopback() const {
    if (is_v4()) return byte_at(bytes_, 0) == 127;
    return std::all_of(bytes_.begin(), bytes_.end() - 1, [](std::byte b) { return b == std::byte{0}; }) &&
           bytes_[15] == std::byte{1};
}

bool IpAddress::is_private() const {
    const unsigned first = byte_at(bytes_, 0);
    const unsigned second = byte_at(bytes_, 1);
    if (!is_v4()) return (first & 0xfeU) == 0xfc || (first == 0xfe && (second & 0xc0U) == 0x80);
    return first == 10 || (first == 172 && second >> 4U == 1) || (first == 192 && second == 168) ||
           (first == 100 && second >> 6U == 1) || (first == 169 && second == 254);
}

std::string IpAddress::to_string() const {
    std::string out;
    if (is_v4()) {
        for (std::size_t i = 0; i < 4; ++i) {
            if (i > 0) out += '.';
            append_number(out, byte_at(bytes_, i), 10);
        }
        return out;
    }
    std::array<unsigned, kV6Words> word{};
    for (std::size_t i = 0; i < kV6Words; ++i) word[i] = byte_at(bytes_, 2 * i) << 8U | byte_at(bytes_, 2 * i + 1);
    // RFC 5952 section 4.2: the longest run of at least two zero words, the first of equals, becomes "::".
    std::size_t gap = kV6Words;
    std::size_t gap_length = 1;
    for (std::size_t i = 0; i < kV6Words; ++i) {
        std::size_t end = i;
        while (end < kV6Words && word[end] == 0) ++end;
        if (end - i > gap_length) {
            gap = i;
            gap_length = end - i;
        }
    }
    for (std::size_t i = 0; i < kV6Words; ++i) {
        if (i == gap) {
            out += "::";
            i += gap_length - 1;
            continue;
        }
        if (!out.empty() && out.back() != ':') out += ':';
        append_number(out, word[i], 16);
    }
    return out;
}

std::string Endpoint::to_string() const {
    std::string out = address.is_v4() ? address.to_string() : '[' + address.to_string() + ']';
    out += ':';
    append_number(out, port, 10);
    return out;
}

IpAddress IpAddress::site() const {
    constexpr unsigned kSite = 64;
    return is_v4() ? *this : Prefix(*this, kSite).address();
}

Prefix::Prefix(const IpAddress& address, unsigned length)
    : address_(address), length_(static_cast<std::uint8_t>(std::min(length, address.is_v4() ? 32U : 128U))) {
    std::array<std::byte, 16> bytes{};
    const auto from = address.bytes();
    std::copy(from.begin(), from.end(), bytes.begin());
    for (unsigned bit = length_; bit < from.size() * 8; ++bit) {
        bytes[bit / 8] &= static_cast<std::byte>(~(0x80U >> (bit % 8)));
    }
    if (address.is_v4()) {
        address_ = IpAddress::v4(byte_at(bytes, 0) << 24U | byte_at(bytes, 1) << 16U | byte_at(bytes, 2) << 8U |
                                 byte_at(bytes, 3));
    } else {
        address_ = IpAddress::v6(bytes);
    }
}

std::optional<Prefix> Prefix::parse(std::string_view text) {
    const std::size_t slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (!address) return std::nullopt;
    const unsigned longest = address->is_v4() ? 32 : 128;
    unsigned length = longest;
    if (slash != std::string_view::npos) {
        const std::string_view digits = text.substr(slash + 1);
        if (digits.empty() || digits.size() > 3) return std::nullopt;
        length = 0;
        for (const char c : digits) {
            if (c < '0' || c > '9') return std::nullopt;
            length = length * 10 + static_cast<unsigned>(c - '0');
        }
        if (length > longest) return std::nullopt;
    }
    Prefix prefix(*address, length);
    if (prefix.address_ != *address) return std::nullopt;
    return prefix;
}

bool Prefix::contains(const IpAddress& address) const {
    if (address.family() != address_.family()) return false;
    const auto left = address.bytes();
    const auto right = address_.bytes();
    const std::size_t whole = length_ / 8U;
    if (!std::equal(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(whole), right.begin())) return false;
    const unsigned rest = length_ % 8U;
    if (rest == 0) return true;
    const auto mask = static_cast<std::byte>(0xff00U >> rest & 0xffU);
    return (left[whole] & mask) == (right[whole] & mask);
}

std::string Prefix::to_string() const {
    std::string out = address_.to_string();
    out += '/';
    append_number(out, length_, 10);
    return out;
}

PrefixSet PrefixSet::any() {
    PrefixSet set;
    set.any_ = true;
    return set;
}

PrefixSet PrefixSet::private_ranges() {
    PrefixSet set;
    for (const std::string_view text : {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10",
                                        "169.254.0.0/16", "fc00::/7", "fe80::/10"}) {
        const auto prefix = Prefix::parse(text);
        assert(prefix);
        set.add(*prefix);
    }
    return set;
}

bool PrefixSet::contains(const IpAddress& address) const {
    return any_ || std::any_of(prefixes_.begin(), prefixes_.end(),
                               [&](const Prefix& prefix) { return prefix.contains(address); });
}

}  // namespace messenger::alg
