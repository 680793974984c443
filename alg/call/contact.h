// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "alg/net/tuple.h"
#include "alg/policy.h"
#include "alg/sip/fields.h"
#include "alg/sip/message.h"

namespace messenger::alg {

/// Where somebody wants to be called.
struct Contact {
    Endpoint endpoint;
    Transport transport = Transport::udp;
    bool operator==(const Contact&) const = default;
};

/// A Contact value (RFC 3261 section 20.10) that names an address; absent for names and other schemes. via: the
/// transport of the message, which holds unless the value names another one. TLS counts as TCP.
[[nodiscard]] std::optional<Contact> parse_contact(std::string_view value, Transport via);

/// Calls found(value) for each Contact value, in one line or several.
template <class Found>
void each_contact(const SipMessageView& message, Found&& found) {
    for (const HeaderLine& line : message.lines()) {
        if (line.id != HeaderId::contact) continue;
        std::string_view contacts = message.value_of(line);
        while (!contacts.empty()) found(next_list_value(contacts));
    }
}

/// Security rule 2, for a port that signalling comes to.
[[nodiscard]] bool may_be_called(std::uint16_t port, const Policy& policy);

/// Whether a client listens for connections of its server at a port outside the range that the site allows. Over UDP
/// there is no such range, and a client that names its connection's own port listens nowhere else. tuple: of the
/// message that the inside host sends.
[[nodiscard]] bool is_out_of_range(const Contact& contact, const FlowTuple& tuple, const Policy& policy);

}  // namespace messenger::alg
