// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/sip/fields.h"

#include <algorithm>

#include "alg/base/byte_search.h"
#include "alg/base/text.h"
#include "alg/sip/token.h"

namespace messenger::alg {
namespace {

constexpr std::uint16_t kDefaultPort = 5060;

std::string_view skip_lws(std::string_view text) {
    while (!text.empty() && is_lws(text.front())) text.remove_prefix(1);
    return text;
}

/// Behind the closing quote of the quoted-string that begins at text[at]; npos without one. A backslash takes the next
/// byte's meaning away (RFC 3261 section 25.1).
std::size_t find_quote_end(std::string_view text, std::size_t at) {
    for (++at; at < text.size(); at += 2) {
        at = find_byte(text, at, text.size(), '"', '\\');
        if (at < text.size() && text[at] == '"') return at + 1;
    }
    return std::string_view::npos;
}

/// The first `wanted` outside of quoted strings, from at on; npos without one. A quote that is never closed hides all
/// that follows.
std::size_t find_unquoted(std::string_view text, char wanted, std::size_t at = 0) {
    while (at < text.size()) {
        at = find_byte(text, at, text.size(), wanted, '"');
        if (at == text.size()) break;
        if (text[at] == wanted) return at;
        at = find_quote_end(text, at);
    }
    return std::string_view::npos;
}

/// Cuts off what stands before `end` (all of it for npos) and returns it; rest begins at end.
std::string_view take(std::string_view& rest, std::size_t end) {
    const std::string_view taken = rest.substr(0, end);
    rest.remove_prefix(taken.size());
    return taken;
}

std::string_view take_token(std::string_view& rest) {
    return take(rest, token_length(rest));
}

/// White space, `wanted`, white space. False, and rest somewhere, without it.
bool take_separator(std::string_view& rest, char wanted) {
    rest = skip_lws(rest);
    if (!rest.starts_with(wanted)) return false;
    rest = skip_lws(rest.substr(1));
    return true;
}

constexpr bool is_host_char(char c) {
    return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z') || c == '-' || c == '.' || c == '_';
}

constexpr bool is_ipv6_char(char c) {
    return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f') || c == ':' || c == '.';
}

struct HostPort {
    std::string_view host;
    std::uint16_t port = 0;
    std::string_view port_text;
};

/// A name, IPv4 address or [IPv6] and an optional port; white space around the colon as in a Via. Whether an address is
/// one is for IpAddress::parse to say. Absent without a host, and for a port that is none: 0 included.
std::optional<HostPort> take_host_port(std::string_view& rest) {
    HostPort result;
    if (rest.starts_with('[')) {
        const std::size_t close = rest.find(']');
        if (close == std::string_view::npos || close < 2) return std::nullopt;
        result.host = take(rest, close + 1);
        const std::string_view inner = result.host.substr(1, close - 1);
        if (!std::all_of(inner.begin(), inner.end(), is_ipv6_char)) return std::nullopt;
    } else {
        const auto end = std::find_if_not(rest.begin(), rest.end(), is_host_char);
        result.host = take(rest, static_cast<std::size_t>(end - rest.begin()));
        if (result.host.empty()) return std::nullopt;
    }
    if (!take_separator(rest, ':')) return result;  // which has skipped the white space
    const auto end = std::find_if_not(rest.begin(), rest.end(), is_digit);
    result.port_text = take(rest, static_cast<std::size_t>(end - rest.begin()));
    const auto port = parse_number(result.port_text, UINT16_MAX);
    if (!port || *port == 0) return std::nullopt;
    result.port = static_cast<std::uint16_t>(*port);
    rest = skip_lws(rest);
    return result;
}

bool begins_parameters_or_is_empty(std::string_view text) {
    return text.empty() || text.front() == ';';
}

}  // namespace

std::string_view next_list_value(std::string_view& rest) {
    std::size_t at = 0;
    while (at < rest.size() && rest[at] != ',') {
        if (rest[at] == '"') {
            at = find_quote_end(rest, at);
        } else if (rest[at] == '<') {
            at = rest.find('>', at);
        } else {
            ++at;
        }
    }
    const std::string_view value = trim(rest.substr(0, at));
    rest = at < rest.size() ? skip_lws(rest.substr(at + 1)) : std::string_view{};
    return value;
}

std::optional<std::string_view> find_parameter(std::string_view parameters, std::string_view name) {
    std::size_t at = parameters.find(';');
    while (at < parameters.size()) {
        const std::size_t end = std::min(find_unquoted(parameters, ';', at + 1), parameters.size());
        std::string_view value = trim(parameters.substr(at + 1, end - at - 1));
        const std::string_view found = trim(take(value, value.find('=')));
        at = end;
        if (!equals_ignoring_case(found, name)) continue;
        if (!value.empty()) value = trim(value.substr(1));
        if (!value.starts_with('"')) return value;
        const std::size_t quote_end = find_quote_end(value, 0);
        if (quote_end == std::string_view::npos) return std::nullopt;
        return value.substr(1, quote_end - 2);
    }
    return std::nullopt;
}

std::optional<SipUri> parse_sip_uri(std::string_view text) {
    std::string_view rest = trim(text);
    SipUri uri;
    if (starts_with_ignoring_case(rest, "sips:")) {
        uri.secure = true;
        rest.remove_prefix(5);
    } else if (starts_with_ignoring_case(rest, "sip:")) {
        rest.remove_prefix(4);
    } else {
        return std::nullopt;
    }
    // A user part may hold any of ";?/:" (section 25.1), and nothing behind it an @.
    if (const std::size_t at_sign = rest.find('@'); at_sign != std::string_view::npos) {
        uri.user = take(rest, at_sign);
        rest.remove_prefix(1);
    }
    const auto place = take_host_port(rest);
    if (!place) return std::nullopt;
    uri.host = place->host;
    uri.port = place->port;
    uri.port_text = place->port_text;
    const std::string_view parameters = trim(take(rest, rest.find('?')));
    if (!begins_parameters_or_is_empty(parameters)) return std::nullopt;
    uri.parameters = parameters;
    return uri;
}

std::optional<NameAddress> parse_name_address(std::string_view value) {
    const std::string_view text = trim(value);
    NameAddress result;
    // The display name, quoted or not, is of no use to us; a quote that is never closed hides the '<'.
    const std::size_t open = find_unquoted(text, '<');
    if (open != std::string_view::npos) {
        const std::size_t close = text.find('>', open);
        if (close == std::string_view::npos) return std::nullopt;
        result.uri = trim(text.substr(open + 1, close - open - 1));
        result.parameters = skip_lws(text.substr(close + 1));
        if (!begins_parameters_or_is_empty(result.parameters)) return std::nullopt;
    } else {
        const std::size_t semicolon = std::min(text.find(';'), text.size());
        result.uri = trim(text.substr(0, semicolon));
        result.parameters = text.substr(semicolon);
        if (result.uri.find('"') != std::string_view::npos) return std::nullopt;
    }
    if (result.uri.empty()) return std::nullopt;
    return result;
}

std::string_view address_of_record(std::string_view value) {
    const auto address = parse_name_address(value);
    return address ? address->uri : std::string_view{};
}

std::optional<Via> parse_via(std::string_view value) {
    std::string_view rest = trim(value);
    Via via;
    if (!equals_ignoring_case(take_token(rest), "SIP") || !take_separator(rest, '/')) return std::nullopt;
    if (take_token(rest) != "2.0" || !take_separator(rest, '/')) return std::nullopt;
    via.transport = take_token(rest);
    if (via.transport.empty() || rest.empty() || !is_lws(rest.front())) return std::nullopt;
    rest = skip_lws(rest);
    const auto place = take_host_port(rest);
    if (!place || !begins_parameters_or_is_empty(rest)) return std::nullopt;
    via.host = place->host;
    via.port = place->port;
    via.port_text = place->port_text;
    via.parameters = rest;
    return via;
}

std::optional<Endpoint> contact_endpoint(const SipUri& uri) {
    const auto maddr = find_parameter(uri.parameters, "maddr");
    const auto address = IpAddress::parse(maddr && !maddr->empty() ? *maddr : uri.host);
    if (!address) return std::nullopt;
    return Endpoint{*address, uri.port == 0 ? kDefaultPort : uri.port};
}

bool ContentType::is(std::string_view wanted_type, std::string_view wanted_subtype) const {
    return equals_ignoring_case(type, wanted_type) && equals_ignoring_case(subtype, wanted_subtype);
}

bool ContentType::is_invitation() const {
    return is("text", "x-msmsgsinvite") || is("application", "x-msmsgsinvite");
}

std::optional<ContentType> parse_content_type(std::string_view value) {
    std::string_view rest = trim(value);
    ContentType result;
    result.type = take_token(rest);
    if (result.type.empty() || !take_separator(rest, '/')) return std::nullopt;
    result.subtype = take_token(rest);
    result.parameters = skip_lws(rest);
    if (result.subtype.empty() || !begins_parameters_or_is_empty(result.parameters)) return std::nullopt;
    return result;
}

std::optional<std::uint32_t> parse_seconds(std::string_view value) {
    const std::string_view text = trim(value);
    const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
    const auto length = static_cast<std::size_t>(end - text.begin());
    if (length < text.size() && text[length] != ';' && !is_lws(text[length])) return std::nullopt;
    return parse_number(text.substr(0, length));
}

}  // namespace messenger::alg
