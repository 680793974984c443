// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/explain/wire_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <iterator>

#include <fmt/format.h>

namespace messenger::daemon {

namespace {

constexpr std::size_t kUserLongest = 80;

/// A character at the beginning of bytes: how many bytes it has, and its number. length 0: no UTF-8 (RFC 3629).
struct Character {
    std::size_t length = 0;
    std::uint32_t code = 0;
};

[[nodiscard]] Character decode(std::string_view bytes) {
    const auto at = [bytes](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])); };
    const std::uint32_t first = at(0);
    if (first < 0x80) return {1, first};
    std::size_t length = 0;
    std::uint32_t least = 0;
    std::uint32_t code = 0;
    if (first >= 0xC2 && first < 0xE0) {
        length = 2, least = 0x80, code = first & 0x1FU;
    } else if (first >= 0xE0 && first < 0xF0) {
        length = 3, least = 0x800, code = first & 0x0FU;
    } else if (first >= 0xF0 && first < 0xF5) {
        length = 4, least = 0x10000, code = first & 0x07U;
    }
    if (length == 0 || length > bytes.size()) return {};
    for (std::size_t i = 1; i < length; ++i) {
        if ((at(i) & 0xC0U) != 0x80) return {};
        code = (code << 6U) | (at(i) & 0x3FU);
    }
    const bool surrogate = code >= 0xD800 && code < 0xE000;
    if (code < least || code > 0x10FFFF || surrogate) return {};
    return {length, code};
}

struct CodeRange {
    std::uint32_t first;
    std::uint32_t last;
};

/// Characters that a terminal acts on instead of showing them, or that show nothing: C0, DEL and C1 controls, zero
/// width and bidirectional controls, line and paragraph separators, tags.
[[nodiscard]] bool is_treacherous(std::uint32_t code) {
    constexpr std::array<CodeRange, 9> kRanges{{{0x00, 0x1F},
                                                {0x7F, 0x9F},
                                                {0xAD, 0xAD},
                                                {0x61C, 0x61C},
                                                {0x200B, 0x200F},
                                                {0x2028, 0x202E},
                                                {0x2060, 0x206F},
                                                {0xFEFF, 0xFEFF},
                                                {0xE0000, 0xE0FFF}}};
    return std::any_of(kRanges.begin(), kRanges.end(),
                       [code](const CodeRange& range) { return code >= range.first && code <= range.last; });
}

/// What is shown as it is: most of what there is to show.
[[nodiscard]] bool is_plain(char c) {
    return c >= ' ' && c <= '~';
}

/// As it stands before a port.
void append_address(std::string& out, const alg::IpAddress& address) {
    if (!address.is_v4()) {
        out += '[';
        out += address.to_string();
        out += ']';
        return;
    }
    char separator = '\0';
    for (const std::byte octet : address.bytes()) {
        if (separator != '\0') out += separator;
        append_number(out, std::to_integer<std::uint64_t>(octet));
        separator = '.';
    }
}

}  // namespace

std::string_view repair_utf8(std::string_view bytes, std::string& repaired) {
    constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
    const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
    std::size_t good = 0;
    bool copied = false;
    while (good < bytes.size()) {
        const auto special = std::find_if_not(bytes.begin() + static_cast<std::ptrdiff_t>(good), bytes.end(), is_ascii);
        const auto end = static_cast<std::size_t>(special - bytes.begin());
        const std::size_t length = end == bytes.size() ? 0 : decode(bytes.substr(end)).length;
        if (end < bytes.size() && length == 0 && !copied) {
            repaired.assign(bytes.substr(0, good));
            copied = true;
        }
        if (copied) {
            repaired += bytes.substr(good, end - good + length);
            if (end < bytes.size() && length == 0) repaired += kReplacement;
        }
        good = end == bytes.size() ? end : end + std::max<std::size_t>(length, 1);
    }
    return copied ? std::string_view(repaired) : bytes;
}

void append_printable(std::string& out, std::string_view bytes, std::size_t max_bytes) {
    const bool cut = bytes.size() > max_bytes;
    if (cut) bytes = bytes.substr(0, max_bytes);
    while (!bytes.empty()) {
        const auto special = std::find_if_not(bytes.begin(), bytes.end(), is_plain);
        const auto plain = static_cast<std::size_t>(special - bytes.begin());
        out += bytes.substr(0, plain);
        bytes.remove_prefix(plain);
        if (bytes.empty()) break;
        const Character character = decode(bytes);
        const std::size_t length = std::max<std::size_t>(character.length, 1);
        if (character.length == 0 || is_treacherous(character.code)) {
            for (const char c : bytes.substr(0, length)) {
                fmt::format_to(std::back_inserter(out), "\\x{:02X}", static_cast<unsigned char>(c));
            }
        } else {
            out += bytes.substr(0, length);
        }
        bytes.remove_prefix(length);
    }
    if (cut) out += "...";
}

std::string printable(std::string_view bytes, std::size_t max_bytes) {
    std::string text;
    append_printable(text, bytes, max_bytes);
    return text;
}

void append_number(std::string& out, std::uint64_t number) {
    std::array<char, 20> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    out.append(digits.data(), end);
}

void append_endpoint(std::string& out, const alg::Endpoint& endpoint) {
    append_address(out, endpoint.address);
    out += ':';
    append_number(out, endpoint.port);
}

void append_remote(std::string& out, const alg::PinholeKey& key) {
    if (key.any_remote) {
        out += '*';
    } else {
        append_address(out, key.remote);
    }
    out += ":*";
}

void append_seconds(std::string& out, alg::Duration duration) {
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
    const auto magnitude = micros < 0 ? 0 - static_cast<std::uint64_t>(micros) : static_cast<std::uint64_t>(micros);
    constexpr std::uint64_t kPerSecond = 1'000'000;
    if (micros < 0) out += '-';
    append_number(out, magnitude / kPerSecond);
    const std::size_t point = out.size();
    append_number(out, kPerSecond + magnitude % kPerSecond);  // the leading 1 keeps the zeros
    out[point] = '.';
}

std::string_view name(alg::Transport transport) {
    return transport == alg::Transport::tcp ? "tcp" : "udp";
}

std::string_view name(alg::MediaDirection direction) {
    switch (direction) {
        case alg::MediaDirection::sendrecv: return "sendrecv";
        case alg::MediaDirection::sendonly: return "sendonly";
        case alg::MediaDirection::recvonly: return "recvonly";
        case alg::MediaDirection::inactive: return "inactive";
    }
    return "sendrecv";
}

std::string summary(const alg::MessageEvent& message) {
    std::string text;
    if (message.request) {
        text += message.method;
        text += ' ';
        text += message.request_uri;
        return text;
    }
    append_number(text, message.status);
    if (!message.reason.empty()) text += ' ';
    text += message.reason;
    text += " (";
    text += message.method;
    text += ')';
    return text;
}

std::string session_text(const alg::SessionEvent& session) {
    std::string text(alg::describe(session.kind));
    text += " (";
    append_printable(text, session.what, kUserLongest);
    text += ')';
    const bool nothing = !alg::opens_ports(session.kind) && session.kind != alg::SessionKind::instant_messages;
    if (nothing) text += "; it passes and opens nothing";
    return text;
}

std::string detail(const alg::RefuseEvent& refusal) {
    std::string text;
    append_endpoint(text, refusal.tuple.source);
    if (!refusal.user.empty()) {
        text += " of ";
        append_printable(text, refusal.user, kUserLongest);
    }
    if (refusal.reason == alg::RefuseReason::not_understood) {
        fmt::format_to(std::back_inserter(text), " sent what is not understood: {}", alg::describe(refusal.error));
        return text;
    }
    if (refusal.announced) {
        text += " asks for ";
        if (refusal.port != 0) {
            append_endpoint(text, {*refusal.announced, refusal.port});
            if (refusal.last_port > refusal.port) fmt::format_to(std::back_inserter(text), "-{}", refusal.last_port);
        } else {
            text += refusal.announced->to_string();
        }
    } else if (refusal.port != 0) {
        fmt::format_to(std::back_inserter(text), " asks for port {}", refusal.port);
    } else {
        text += " is refused";
    }
    fmt::format_to(std::back_inserter(text), ": {}", alg::describe(refusal.reason));
    if (refusal.allowed.last != 0) {
        fmt::format_to(std::back_inserter(text), " ({}-{})", refusal.allowed.first, refusal.allowed.last);
    }
    if (refusal.owner) fmt::format_to(std::back_inserter(text), " ({})", refusal.owner->to_string());
    return text;
}

}  // namespace messenger::daemon
