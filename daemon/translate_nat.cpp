// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/translate_nat.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <string>

namespace messenger::daemon {

namespace {

constexpr std::string_view kContact = "contact";
constexpr std::string_view kCallback = "callback";
constexpr std::string_view kUsers = " users=";  // where it is not one
constexpr std::string_view kMarks = " marks=";  // where it is not any
constexpr std::string_view kCalls = " calls";
constexpr std::string_view kAs = " as=";
constexpr std::string_view kBindingCall = "binding call=";
constexpr std::size_t kCallDigits = 16;

/// As long as any registration may last. By itself a listener opens nothing, and the last of its callbacks takes it
/// away.
constexpr std::chrono::milliseconds kListener = std::chrono::hours(24);

[[nodiscard]] std::chrono::milliseconds to_timeout(alg::Duration duration) {
    return std::chrono::ceil<std::chrono::milliseconds>(duration);
}

[[nodiscard]] std::string hex(std::uint64_t number) {
    std::array<char, kCallDigits> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr;
    const auto size = static_cast<std::size_t>(end - digits.data());
    return std::string(kCallDigits - size, '0').append(digits.data(), size);
}

[[nodiscard]] nft::Comment binding_comment(const alg::BindingChange& change) {
    if (change.listener) return nft::Comment(kContact);
    std::string text(kBindingCall);
    text += hex(change.label.call);
    text += " dialog=";
    text += hex(change.label.dialog);
    text += " id=";
    text += change.label.call_id;
    return nft::Comment(text);
}

[[nodiscard]] std::string callback_comment(const alg::CallbackHolders& holders) {
    constexpr alg::CallbackHolders kUsual;
    std::string text(kCallback);
    if (holders.users != kUsual.users) text.append(kUsers).append(std::to_string(holders.users));
    if (holders.users > 0 && holders.marks != kUsual.marks) text.append(kMarks).append(hex(holders.marks));
    if (holders.calls) text.append(kCalls);
    return text;
}

/// Takes "NAME" and a number off the text, if it begins so. False if what stands there is no number.
template <class Number>
[[nodiscard]] bool take_number(std::string_view& text, std::string_view name, int base, Number& number) {
    if (text.substr(0, name.size()) != name) return true;
    text.remove_prefix(name.size());
    const std::string_view digits = text.substr(0, text.find(' '));
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
    if (error != std::errc{} || end != digits.data() + digits.size()) return false;
    text.remove_prefix(digits.size());
    return true;
}

/// "192.0.2.10:5060"
[[nodiscard]] std::optional<alg::Endpoint> parse_endpoint(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto address = alg::IpAddress::parse(text.substr(0, colon));
    const std::string_view digits = text.substr(colon + 1);
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (!address || error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    return alg::Endpoint{*address, port};
}

}  // namespace

std::optional<OutsidePlaces> outside_places(const alg::PinholeChange& change) {
    if (!change.outside) return std::nullopt;
    const nft::Protocol protocol = to_nft(change.key.transport);
    const nft::Endpoint outside = to_nft(*change.outside);
    if (change.key.any_remote) {
        return OutsidePlaces{nft::SetId::outside_open4, nft::SetId::dnat_open4, nft::Key::endpoint(protocol, outside)};
    }
    return OutsidePlaces{nft::SetId::outside4, nft::SetId::dnat4,
                         nft::Key::pinhole(to_nft(change.key.remote), protocol, outside)};
}

void translate_outside(const alg::PinholeChange& change, alg::Duration timeout, nft::Transaction& transaction) {
    const auto places = outside_places(change);
    if (!places) return;
    const nft::Comment comment = format_comment(change.purpose, change.label);
    const nft::Element first_packets{places->key, to_timeout(timeout), comment, {}};
    const nft::Element translation{places->key, to_timeout(timeout), comment, to_nft(change.key.inside)};
    switch (change.kind) {
        case alg::PinholeChange::Kind::add:
            transaction.add(places->set, first_packets);
            transaction.add(places->map, translation);
            return;
        case alg::PinholeChange::Kind::refresh:
            // They outlast a call, but not a registration or a TLS connection that goes on for days.
            transaction.refresh(places->set, first_packets);
            transaction.refresh(places->map, translation);
            return;
        case alg::PinholeChange::Kind::remove:
        case alg::PinholeChange::Kind::forget:
            transaction.remove(places->set, places->key);
            transaction.remove(places->map, places->key);
            return;
    }
}

void translate(const alg::BindingChange& change, std::string_view interface, nft::Transaction& transaction) {
    const nft::Key key = nft::Key::binding(interface, to_nft(change.transport), to_nft(change.inside));
    if (change.kind == alg::BindingChange::Kind::remove) {
        transaction.remove(nft::SetId::snat4, key);
        return;
    }
    const nft::Element element{key, to_timeout(change.timeout), binding_comment(change), to_nft(change.outside)};
    if (change.kind == alg::BindingChange::Kind::add) {
        transaction.add(nft::SetId::snat4, element);
    } else {
        transaction.refresh(nft::SetId::snat4, element);
    }
}

std::optional<nft::Place> place_of(const alg::CallbackChange& change) {
    const nft::Endpoint inside = to_nft(change.inside);
    const nft::Address remote = to_nft(change.remote);
    if (remote.family() != inside.address.family()) return std::nullopt;
    return nft::Place{nft::callbacks(remote.family()), nft::Key::pinhole(remote, to_nft(change.transport), inside)};
}

void translate(const alg::CallbackChange& change, nft::Transaction& transaction) {
    const auto place = place_of(change);
    if (!place) return;
    const auto& [set, key] = *place;
    const nft::Protocol protocol = to_nft(change.transport);
    const nft::Endpoint inside = to_nft(change.inside);
    const nft::Address remote = to_nft(change.remote);
    const nft::SetId listeners = nft::sip_endpoints(remote.family());
    const nft::Key listener = nft::Key::endpoint(protocol, inside);
    const auto outside =
        change.outside ? std::optional(nft::Key::pinhole(remote, protocol, to_nft(*change.outside))) : std::nullopt;
    if (change.kind == alg::CallbackChange::Kind::remove) {
        transaction.remove(set, key);
        if (change.last) transaction.remove(listeners, listener);
        if (!outside) return;
        transaction.remove(set, *outside);
        transaction.remove(nft::SetId::dnat4, *outside);
        return;
    }
    const auto timeout = to_timeout(change.timeout);
    std::string text = callback_comment(change.holders);
    if (change.outside) text.append(kAs).append(change.outside->to_string());
    const bool anew = change.kind == alg::CallbackChange::Kind::refresh;
    const auto put = [&transaction, anew](nft::SetId where, const nft::Element& element) {
        if (anew) {
            transaction.refresh(where, element);
        } else {
            transaction.add(where, element);
        }
    };
    put(set, {key, timeout, nft::Comment(text), {}});
    // Of several registrars each would write the lifetime of its own registration.
    put(listeners, {listener, std::max(timeout, kListener), nft::Comment(kContact), {}});
    if (!outside) return;
    const nft::Comment to("callback to=" + change.inside.to_string());
    put(set, {*outside, timeout, to, {}});
    put(nft::SetId::dnat4, {*outside, timeout, to, inside});
}

void translate(const alg::TlsFlowChange& change, nft::Transaction& transaction) {
    const nft::SetId set = nft::tls_clients(to_nft(change.tuple.source.address).family());
    const nft::Key key = nft::Key::tuple(to_nft(change.tuple));
    if (change.kind == alg::TlsFlowChange::Kind::remove) {
        transaction.remove(set, key);
    } else {
        transaction.add(set, {key, to_timeout(change.timeout), {}, {}});
    }
}

std::optional<StoredBinding> binding_at(const nft::Element& element) {
    const auto key = nft::read_binding_key(element.key);
    if (!key || !element.target) return std::nullopt;
    StoredBinding binding;
    binding.key = {to_alg(key->protocol), to_alg(key->inside), to_alg(element.target->address)};
    binding.outside_port = element.target->port;
    std::string_view comment = element.comment.text();
    if (comment == kContact) {
        binding.contact = true;
        return binding;
    }
    if (comment.substr(0, kBindingCall.size()) != kBindingCall) return std::nullopt;
    comment.remove_prefix(kBindingCall.size());
    const std::string_view digits = comment.substr(0, kCallDigits);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), binding.call, 16);
    if (digits.size() != kCallDigits || error != std::errc{} || end != digits.data() + digits.size()) {
        return std::nullopt;
    }
    return binding;
}

std::optional<StoredOutsideEnd> outside_end_at(nft::SetId map, const nft::Element& element) {
    // In the place of the inside endpoint the key has the outside one.
    const auto set = map == nft::SetId::dnat4 ? nft::SetId::pinholes4 : nft::SetId::open4;
    auto key = pinhole_at(set, element.key);
    if (!key || !element.target || !parse_comment(element.comment.text())) return std::nullopt;
    const alg::Endpoint outside = key->inside;
    key->inside = to_alg(*element.target);
    return StoredOutsideEnd{*key, outside};
}

std::optional<StoredCallback> callback_at(const nft::Element& element) {
    const auto key = nft::read_pinhole_key(element.key);
    if (!key) return std::nullopt;
    std::string_view comment = element.comment.text();
    if (comment.substr(0, kCallback.size()) != kCallback) return std::nullopt;
    comment.remove_prefix(kCallback.size());
    StoredCallback callback;
    callback.key = {to_alg(key->protocol), to_alg(key->inside), to_alg(key->remote)};
    if (!take_number(comment, kUsers, 10, callback.holders.users)) return std::nullopt;
    if (!take_number(comment, kMarks, 16, callback.holders.marks)) return std::nullopt;
    if (comment.substr(0, kCalls.size()) == kCalls) {
        comment.remove_prefix(kCalls.size());
        callback.holders.calls = true;
    }
    if (comment.empty()) return callback;
    if (comment.substr(0, kAs.size()) != kAs) return std::nullopt;
    callback.outside = parse_endpoint(comment.substr(kAs.size()));
    if (!callback.outside) return std::nullopt;
    return callback;
}

}  // namespace messenger::daemon
