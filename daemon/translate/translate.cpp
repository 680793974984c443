// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/translate/translate.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <chrono>
#include <string_view>

namespace messenger::daemon {

namespace {

constexpr std::string_view kCall = "; call ";
constexpr std::string_view kSeparator = "; ";
constexpr std::size_t kHexDigits = 16;
constexpr std::size_t kNumbers = 2 * kHexDigits + 1;  // "call.dialog"
constexpr std::string_view kCut = "...";

[[nodiscard]] nft::Protocol to_nft(alg::Transport transport) {
    return transport == alg::Transport::tcp ? nft::Protocol::tcp : nft::Protocol::udp;
}

[[nodiscard]] alg::Transport to_alg(nft::Protocol protocol) {
    return protocol == nft::Protocol::tcp ? alg::Transport::tcp : alg::Transport::udp;
}

[[nodiscard]] nft::Element element_of(const alg::PinholeChange& change) {
    return {key_of(change.key), std::chrono::ceil<std::chrono::milliseconds>(change.timeout),
            format_comment(change.purpose, change.label)};
}

template <class Enum>
[[nodiscard]] std::optional<Enum> find_name(std::string_view text, Enum last) {
    for (unsigned value = 0; value <= static_cast<unsigned>(last); ++value) {
        if (alg::name(static_cast<Enum>(value)) == text) return static_cast<Enum>(value);
    }
    return std::nullopt;
}

[[nodiscard]] std::optional<alg::Purpose> parse_purpose(std::string_view text) {
    const std::size_t blank = text.find(' ');
    if (blank == std::string_view::npos) return std::nullopt;
    const auto kind = find_name(text.substr(0, blank), alg::MediaKind::other);
    const auto role = find_name(text.substr(blank + 1), alg::PortRole::t120);
    if (!kind || !role) return std::nullopt;
    return alg::Purpose{*kind, *role};
}

[[nodiscard]] std::optional<std::uint64_t> parse_hex(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (error != std::errc{} || end != text.data() + text.size() || text.size() != kHexDigits) return std::nullopt;
    return value;
}

[[nodiscard]] bool read_comment(std::string_view text, KnownPinhole& known) {
    const std::size_t call = text.find(kCall);
    if (call == std::string_view::npos || text.size() < call + kCall.size() + kSeparator.size() + kNumbers) {
        return false;
    }
    const auto purpose = parse_purpose(text.substr(0, call));
    const std::string_view numbers = text.substr(text.size() - kNumbers);
    const auto call_number = parse_hex(numbers.substr(0, kHexDigits));
    const auto dialog_number = parse_hex(numbers.substr(kHexDigits + 1));
    if (!purpose || !call_number || !dialog_number || numbers[kHexDigits] != '.') return false;
    std::string_view call_id = text.substr(call + kCall.size());
    call_id.remove_suffix(kSeparator.size() + kNumbers);
    known.purpose = *purpose;
    known.call = *call_number;
    known.dialog = *dialog_number;
    // What was cut or replaced is not the Call-ID any more, and must not be compared with one.
    const bool whole = !call_id.ends_with(kCut) && call_id.find('?') == std::string_view::npos;
    if (whole) known.call_id = call_id;
    return true;
}

}  // namespace

nft::Address to_nft(const alg::IpAddress& address) {
    return nft::Address::from_bytes(address.bytes());
}

nft::Endpoint to_nft(const alg::Endpoint& endpoint) {
    return {to_nft(endpoint.address), endpoint.port};
}

nft::FlowTuple to_nft(const alg::FlowTuple& tuple) {
    return {to_nft(tuple.transport), to_nft(tuple.source), to_nft(tuple.destination)};
}

alg::IpAddress to_alg(const nft::Address& address) {
    const auto bytes = address.bytes();
    if (address.family() == nft::Family::ipv6) return alg::IpAddress::v6(bytes.first<16>());
    std::uint32_t number = 0;
    for (const std::byte byte : bytes) number = number << 8U | std::to_integer<std::uint32_t>(byte);
    return alg::IpAddress::v4(number);
}

nft::SetId set_of(const alg::PinholeKey& key) {
    const nft::Family family = key.inside.address.is_v4() ? nft::Family::ipv4 : nft::Family::ipv6;
    return key.any_remote ? nft::open(family) : nft::pinholes(family);
}

nft::Key key_of(const alg::PinholeKey& key) {
    const nft::Protocol protocol = to_nft(key.transport);
    if (key.any_remote) return nft::Key::endpoint(protocol, to_nft(key.inside));
    return nft::Key::pinhole(to_nft(key.remote), protocol, to_nft(key.inside));
}

void stage_change(nft::Transaction& transaction, const alg::PinholeChange& change) {
    switch (change.kind) {
        case alg::PinholeChange::Kind::add: transaction.add(set_of(change.key), element_of(change)); break;
        case alg::PinholeChange::Kind::refresh: transaction.refresh(set_of(change.key), element_of(change)); break;
        case alg::PinholeChange::Kind::remove: transaction.remove(set_of(change.key), key_of(change.key)); break;
        case alg::PinholeChange::Kind::forget: break;
    }
}

nft::Comment format_comment(const alg::Purpose& purpose, const alg::CallLabel& label) {
    const std::string head = fmt::format("{} {}{}", name(purpose.kind), name(purpose.role), kCall);
    const std::size_t room = nft::Comment::kMaxSize - head.size() - kSeparator.size() - kNumbers;
    std::string call_id(label.call_id.substr(0, room));
    if (label.call_id.size() > room) call_id.replace(room - kCut.size(), kCut.size(), kCut);
    return nft::Comment(fmt::format("{}{}{}{:016x}.{:016x}", head, call_id, kSeparator, label.call, label.dialog));
}

std::optional<KnownPinhole> read_pinhole(nft::SetId set, const nft::StoredElement& stored) {
    KnownPinhole known;
    const bool any = set == nft::SetId::open4 || set == nft::SetId::open6;
    if (any) {
        const auto key = nft::read_endpoint_key(stored.element.key);
        if (!key) return std::nullopt;
        known.key = {to_alg(key->protocol), true, {to_alg(key->inside.address), key->inside.port}, {}};
    } else {
        const auto key = nft::read_pinhole_key(stored.element.key);
        if (!key) return std::nullopt;
        known.key = {
            to_alg(key->protocol), false, {to_alg(key->inside.address), key->inside.port}, to_alg(key->remote)};
    }
    if (!read_comment(stored.element.comment.text(), known)) return std::nullopt;
    known.remaining = stored.expires;
    return known;
}

}  // namespace messenger::daemon
