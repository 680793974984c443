// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>

#include "alg/nat/edit_list.h"
#include "alg/nat/translation.h"
#include "alg/net/tuple.h"
#include "alg/sip/message.h"

namespace messenger::alg {

// Edits of single headers. message: parsed from a part of edits.text().

/// Every value of every Contact header: maddr (and the host, if it is the same address) or the host, and the port. A
/// port is written only where one stands, or where the new one is not what a URI without port means. transport: for a
/// URI that does not say. Left alone: names, "*", other transports than UDP, TCP and TLS, and values with
/// proxy=replace, which the server fills in itself ([MS-SIP] 3.1.5.3).
void rewrite_contacts(const SipMessageView& message, const Translation& translation, Transport transport,
                      EditList& edits);

/// The same for the Request-URI of a request, by Translation::target.
void rewrite_request_uri(const SipMessageView& message, const Translation& translation, Transport transport,
                         EditList& edits);

/// The same for Refer-To (RFC 3515): who is transferred goes where the sender has learnt from us to find the target.
void rewrite_refer_to(const SipMessageView& message, const Translation& translation, Transport transport,
                      EditList& edits);

/// The sent-by port of the top Via, which gets one if it has none. 0 takes it away.
void rewrite_via_port(const SipMessageView& message, std::uint16_t port, EditList& edits);

/// Adds to the number of every Content-Length header, however it is written; zeros before it are kept. A message
/// without one gets none.
void rewrite_content_length(const SipMessageView& message, std::ptrdiff_t growth, EditList& edits);

/// Adds growth to a number that stands in the text. True if it could be done.
bool add_to_number(std::string_view field, std::ptrdiff_t growth, EditList& edits);

}  // namespace messenger::alg
