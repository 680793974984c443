// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "alg/net/address.h"

namespace messenger::alg {

// Header values, read in place. Every view points into the argument. White space may be folded over lines.

/// Cuts off the next value of a comma-separated list (RFC 3261 section 7.3.1): commas in "..." (with \ escapes) and in
/// <...> do not split. Returns it trimmed and moves rest behind the comma; an empty rest means that it was the last.
[[nodiscard]] std::string_view next_list_value(std::string_view& rest);

/// The value of ;name=value among the parameters, quotes removed; an empty view inside the optional for a parameter
/// without value. parameters: beginning anywhere at or before the first ';'. Names are compared without case.
[[nodiscard]] std::optional<std::string_view> find_parameter(std::string_view parameters, std::string_view name);

/// A SIP or SIPS URI (RFC 3261 section 19.1). Other schemes: absent.
struct SipUri {
    bool secure = false;
    std::string_view user;        ///< with password; empty without one
    std::string_view host;        ///< a name, an IPv4 address, or [IPv6] with its brackets
    std::uint16_t port = 0;       ///< 0 when not given
    std::string_view port_text;   ///< as written, behind the host; empty when not given
    std::string_view parameters;  ///< from the first ';' up to '?'; empty without
};
[[nodiscard]] std::optional<SipUri> parse_sip_uri(std::string_view text);

/// name-addr or addr-spec with header parameters (RFC 3261 section 20: without <>, parameters belong to the header).
struct NameAddress {
    std::string_view uri;
    std::string_view parameters;  ///< of the header, from the first ';'
};
[[nodiscard]] std::optional<NameAddress> parse_name_address(std::string_view value);

/// The URI of a From or To value: who it is. Empty if it cannot be read.
[[nodiscard]] std::string_view address_of_record(std::string_view value);

/// One Via value (RFC 3261 section 20.42).
struct Via {
    std::string_view transport;  ///< "UDP", "TCP", "TLS", ...; as written
    std::string_view host;       ///< sent-by: a name, IPv4, or [IPv6]
    std::uint16_t port = 0;      ///< 0 when not given
    std::string_view port_text;  ///< as written, behind the host; empty when not given
    std::string_view parameters;
};
[[nodiscard]] std::optional<Via> parse_via(std::string_view value);

/// Where a Contact leads when it names an address: maddr when present, else the host; with the port, 5060 when not
/// given. Absent for names and for other schemes.
[[nodiscard]] std::optional<Endpoint> contact_endpoint(const SipUri& uri);

/// "type/subtype;parameters": the first two in any case.
struct ContentType {
    std::string_view type;
    std::string_view subtype;
    std::string_view parameters;
    [[nodiscard]] bool is(std::string_view wanted_type, std::string_view wanted_subtype) const;
    /// text/x-msmsgsinvite, Messenger's file transfer; application/ is taken as well.
    [[nodiscard]] bool is_invitation() const;
};
[[nodiscard]] std::optional<ContentType> parse_content_type(std::string_view value);

/// A number of seconds followed by the end, white space or parameters (Expires, Session-Expires).
[[nodiscard]] std::optional<std::uint32_t> parse_seconds(std::string_view value);

}  // namespace messenger::alg
