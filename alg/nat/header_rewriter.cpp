// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/nat/header_rewriter.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>

#include "alg/base/text.h"
#include "alg/nat/lookup.h"
#include "alg/sip/content_length.h"
#include "alg/sip/fields.h"

namespace messenger::alg {

namespace {

constexpr std::uint16_t kPort = 5060;
constexpr std::uint16_t kTlsPort = 5061;
constexpr std::size_t kMaxDigits = 10;

/// A number as text, zeros before it if it is to be wide.
class Digits {
   public:
    explicit Digits(std::uint32_t number, std::size_t width = 0) {
        std::array<char, kMaxDigits> plain{};
        const auto end = std::to_chars(plain.data(), plain.data() + plain.size(), number).ptr;
        const auto length = static_cast<std::size_t>(end - plain.data());
        size_ = std::min(std::max(width, length), kMaxDigits);
        text_.fill('0');
        std::copy(plain.data(), end, text_.begin() + static_cast<std::ptrdiff_t>(size_ - length));
    }
    [[nodiscard]] std::string_view text() const& { return {text_.data(), size_}; }
    std::string_view text() && = delete;

   private:
    std::array<char, kMaxDigits> text_{};
    std::size_t size_ = 0;
};

/// The port of a URI or of a sent-by: it gets one, loses it, or has it changed.
void replace_port(std::string_view host, std::string_view port_text, std::uint16_t port, EditList& edits) {
    const char* const host_end = host.data() + host.size();
    if (port_text.empty()) {
        std::array<char, kMaxDigits + 1> colon_port{':'};
        const Digits digits(port);
        std::copy(digits.text().begin(), digits.text().end(), colon_port.begin() + 1);
        edits.replace(host.substr(host.size()), {colon_port.data(), digits.text().size() + 1});
    } else if (port == 0) {
        const char* const port_end = port_text.data() + port_text.size();
        edits.replace({host_end, static_cast<std::size_t>(port_end - host_end)}, {});
    } else {
        edits.replace_number(port_text, port);
    }
}

struct Reached {
    Transport transport = Transport::udp;
    std::uint16_t default_port = kPort;
};

/// How a URI is reached (RFC 3263 section 4.1); absent for what we do not carry.
[[nodiscard]] std::optional<Reached> how_reached(const SipUri& uri, Transport usual) {
    const auto name = find_parameter(uri.parameters, "transport");
    if (name && equals_ignoring_case(*name, "udp")) {
        if (uri.secure) return std::nullopt;
        return Reached{Transport::udp, kPort};
    }
    const bool tls = name && equals_ignoring_case(*name, "tls");
    if (name && !tls && !equals_ignoring_case(*name, "tcp")) return std::nullopt;
    if (tls || uri.secure) return Reached{Transport::tcp, kTlsPort};
    return Reached{name ? Transport::tcp : usual, kPort};
}

using LookUp = std::optional<Endpoint> (*)(const Translation& translation, Transport transport, std::string_view text,
                                           const Endpoint& endpoint);

void rewrite_uri(std::string_view text, const Translation& translation, LookUp find, Transport usual, EditList& edits) {
    const auto uri = parse_sip_uri(text);
    if (!uri) return;
    const auto reached = how_reached(*uri, usual);
    if (!reached) return;
    const auto maddr = find_parameter(uri->parameters, "maddr");
    const bool by_maddr = maddr && !maddr->empty();
    const std::string_view place = by_maddr ? *maddr : uri->host;
    const auto address = IpAddress::parse(place);
    if (!address) return;
    const Endpoint from{*address, uri->port == 0 ? reached->default_port : uri->port};
    const auto to = find(translation, reached->transport, place, from);
    if (!to || to->port == 0) return;
    edits.replace(place, to->address.to_string());
    if (by_maddr && IpAddress::parse(uri->host) == address && is_replaceable(uri->host, *address)) {
        edits.replace(uri->host, to->address.to_string());
    }
    if (to->port != from.port) replace_port(uri->host, uri->port_text, to->port, edits);
}

}  // namespace

void rewrite_contacts(const SipMessageView& message, const Translation& translation, Transport transport,
                      EditList& edits) {
    for (const HeaderLine& line : message.lines()) {
        if (line.id != HeaderId::contact) continue;
        std::string_view rest = message.value_of(line);
        while (!rest.empty()) {
            const auto contact = parse_name_address(next_list_value(rest));
            if (!contact) continue;
            const auto proxy = find_parameter(contact->parameters, "proxy");
            if (proxy && equals_ignoring_case(*proxy, "replace")) continue;
            rewrite_uri(contact->uri, translation, look_up, transport, edits);
        }
    }
}

void rewrite_request_uri(const SipMessageView& message, const Translation& translation, Transport transport,
                         EditList& edits) {
    if (message.is_request()) rewrite_uri(message.request_uri(), translation, look_up_target, transport, edits);
}

void rewrite_refer_to(const SipMessageView& message, const Translation& translation, Transport transport,
                      EditList& edits) {
    if (!message.is_request()) return;
    const auto target = parse_name_address(message.value(HeaderId::refer_to));
    if (target) rewrite_uri(target->uri, translation, look_up_target, transport, edits);
}

void rewrite_via_port(const SipMessageView& message, std::uint16_t port, EditList& edits) {
    const auto via = parse_via(message.top_via());
    if (via && via->port != port) replace_port(via->host, via->port_text, port, edits);
}

void rewrite_content_length(const SipMessageView& message, std::ptrdiff_t growth, EditList& edits) {
    for (const HeaderLine& line : message.lines()) {
        if (line.id == HeaderId::content_length) add_to_number(message.value_of(line), growth, edits);
    }
}

bool add_to_number(std::string_view field, std::ptrdiff_t growth, EditList& edits) {
    const auto number = parse_content_length(field);
    if (!number) return false;
    const std::int64_t sum = std::int64_t{*number} + growth;
    if (sum < 0 || sum > INT32_MAX) return false;
    const Digits old(*number);
    // Zeros before the number hold its width, as far as they go; however many there are, only what changes is edited.
    const std::size_t width = field.size() > old.text().size() ? std::min(field.size(), kMaxDigits) : 0;
    const Digits digits(static_cast<std::uint32_t>(sum), width);
    edits.replace(width == 0 ? field : field.substr(field.size() - width), digits.text());
    return true;
}

}  // namespace messenger::alg
