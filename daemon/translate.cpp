// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/translate.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <string>

namespace messenger::daemon {

namespace {

constexpr std::array kKinds{alg::MediaKind::audio,       alg::MediaKind::video, alg::MediaKind::image,
                            alg::MediaKind::application, alg::MediaKind::text,  alg::MediaKind::message,
                            alg::MediaKind::other};
constexpr std::array kRoles{alg::PortRole::rtp, alg::PortRole::rtcp, alg::PortRole::udp, alg::PortRole::t120,
                            alg::PortRole::file};

constexpr std::string_view kCall = " call=";
constexpr std::string_view kDialog = " dialog=";
constexpr std::string_view kSharer = " and=";
constexpr std::string_view kWholeId = " id=";
constexpr std::string_view kPartOfId = " id~";
constexpr std::size_t kHexDigits = 16;

void append_hex(std::string& text, std::uint64_t number) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (unsigned shift = 64; shift != 0; shift -= 4) text += kDigits[(number >> (shift - 4)) & 0xFU];
}

/// Takes expected from the front of text.
[[nodiscard]] bool take(std::string_view& text, std::string_view expected) {
    if (text.substr(0, expected.size()) != expected) return false;
    text.remove_prefix(expected.size());
    return true;
}

[[nodiscard]] std::optional<std::uint64_t> take_hex(std::string_view& text) {
    if (text.size() < kHexDigits) return std::nullopt;
    const std::string_view digits = text.substr(0, kHexDigits);
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
    if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    text.remove_prefix(kHexDigits);
    return number;
}

/// Takes the first word, if it is the name of one of values.
template <class T, std::size_t n>
[[nodiscard]] std::optional<T> take_name(std::string_view& text, const std::array<T, n>& values) {
    const std::string_view word = text.substr(0, text.find(' '));
    const auto found = std::find_if(values.begin(), values.end(), [word](T value) { return alg::name(value) == word; });
    if (found == values.end()) return std::nullopt;
    text.remove_prefix(word.size());
    return *found;
}

}  // namespace

nft::Protocol to_nft(alg::Transport transport) {
    return transport == alg::Transport::tcp ? nft::Protocol::tcp : nft::Protocol::udp;
}

nft::Address to_nft(const alg::IpAddress& address) {
    return nft::Address::from_bytes(address.bytes());
}

nft::Endpoint to_nft(const alg::Endpoint& endpoint) {
    return {to_nft(endpoint.address), endpoint.port};
}

nft::FlowTuple to_nft(const alg::FlowTuple& tuple) {
    return {to_nft(tuple.transport), to_nft(tuple.source), to_nft(tuple.destination)};
}

alg::Transport to_alg(nft::Protocol protocol) {
    return protocol == nft::Protocol::tcp ? alg::Transport::tcp : alg::Transport::udp;
}

alg::IpAddress to_alg(const nft::Address& address) {
    const auto bytes = address.bytes();
    if (address.family() == nft::Family::ipv6) return alg::IpAddress::v6(bytes.first<16>());
    std::uint32_t host_order = 0;
    for (const std::byte byte : bytes) host_order = (host_order << 8U) | std::to_integer<std::uint32_t>(byte);
    return alg::IpAddress::v4(host_order);
}

alg::Endpoint to_alg(const nft::Endpoint& endpoint) {
    return {to_alg(endpoint.address), endpoint.port};
}

alg::FlowTuple to_alg(const nft::FlowTuple& tuple) {
    return {to_alg(tuple.source), to_alg(tuple.destination), to_alg(tuple.protocol)};
}

std::optional<nft::Place> place_of(const alg::PinholeKey& pinhole) {
    const nft::Protocol protocol = to_nft(pinhole.transport);
    const nft::Endpoint inside = to_nft(pinhole.inside);
    const nft::Family family = inside.address.family();
    if (pinhole.any_remote) return nft::Place{nft::open(family), nft::Key::endpoint(protocol, inside)};
    const nft::Address remote = to_nft(pinhole.remote);
    if (remote.family() != family) return std::nullopt;
    return nft::Place{nft::pinholes(family), nft::Key::pinhole(remote, protocol, inside)};
}

std::optional<alg::PinholeKey> pinhole_at(nft::SetId set, const nft::Key& key) {
    std::optional<alg::PinholeKey> pinhole;
    if (const auto pinned = nft::read_pinhole_key(key)) {
        pinhole = {to_alg(pinned->protocol), false, to_alg(pinned->inside), to_alg(pinned->remote)};
    } else if (const auto any = nft::read_endpoint_key(key)) {
        pinhole = {to_alg(any->protocol), true, to_alg(any->inside), {}};
    }
    // Somebody else may have put there what we would put elsewhere: the IPv6 form of an IPv4 address.
    if (!pinhole || place_of(*pinhole) != nft::Place{set, key}) return std::nullopt;
    return pinhole;
}

nft::Comment format_comment(alg::Purpose purpose, const alg::CallLabel& label,
                            const std::optional<alg::PinholeChange::Sharer>& sharer) {
    std::string text;
    text.reserve(nft::Comment::kMaxSize);
    text += alg::name(purpose.kind);
    text += ' ';
    text += alg::name(purpose.role);
    text += kCall;
    append_hex(text, label.call);
    text += kDialog;
    append_hex(text, label.dialog);
    if (sharer) {
        text += kSharer;
        append_hex(text, sharer->call);
        text += '/';
        append_hex(text, sharer->dialog);
    }
    const std::size_t id_at = text.size() + kWholeId.size();
    const std::string_view shown = label.call_id.substr(0, nft::Comment::kMaxSize - id_at);
    nft::Comment comment(text.append(kWholeId).append(shown));
    if (comment.text().substr(id_at) != label.call_id) {
        text.replace(id_at - kPartOfId.size(), kPartOfId.size(), kPartOfId);
        comment = nft::Comment(text);
    }
    return comment;
}

std::optional<PinholeNote> parse_comment(std::string_view comment) {
    PinholeNote note;
    const auto kind = take_name(comment, kKinds);
    if (!kind || !take(comment, " ")) return std::nullopt;
    const auto role = take_name(comment, kRoles);
    if (!role || !take(comment, kCall)) return std::nullopt;
    note.purpose = {*kind, *role};
    const auto call = take_hex(comment);
    if (!call || !take(comment, kDialog)) return std::nullopt;
    note.call = *call;
    const auto dialog = take_hex(comment);
    if (!dialog) return std::nullopt;
    note.dialog = *dialog;
    if (take(comment, kSharer)) {
        const auto other = take_hex(comment);
        if (!other || !take(comment, "/")) return std::nullopt;
        const auto other_dialog = take_hex(comment);
        if (!other_dialog) return std::nullopt;
        note.sharer = {*other, *other_dialog};
    }
    note.call_id_is_whole = take(comment, kWholeId);
    if (!note.call_id_is_whole && !take(comment, kPartOfId)) return std::nullopt;
    note.call_id = comment;
    return note;
}

void translate(const alg::PinholeChange& change, nft::Transaction& transaction) {
    const auto place = place_of(change.key);
    if (!place) return;
    using Kind = alg::PinholeChange::Kind;
    if (change.kind == Kind::forget) return;
    if (change.kind == Kind::remove) {
        transaction.remove(place->set, place->key);
        return;
    }
    const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(change.timeout);
    const nft::Element element{place->key, timeout, format_comment(change.purpose, change.label, change.sharer)};
    if (change.kind == Kind::add) {
        transaction.add(place->set, element);
    } else {
        transaction.refresh(place->set, element);
    }
}

}  // namespace messenger::daemon
