// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "alg/net/tuple.h"

namespace messenger::daemon {

// The messages of the trial's own two agents: as little as a call needs. What they read are each other's messages, as
// the gateway left them.

/// One side of a dialog.
struct SipParty {
    alg::Endpoint own;  ///< as it knows itself
    alg::Transport transport = alg::Transport::udp;
    std::string user;
    std::string tag;
};

struct SipRequest {
    std::string method;
    std::string target;  ///< the Request-URI
    std::string call_id;
    std::string to_tag;  ///< empty: none yet
    unsigned cseq = 1;
    std::string body;   ///< SDP; empty: none
    std::string extra;  ///< header lines, each with its end
};

[[nodiscard]] std::string write_request(const SipParty& from, const SipParty& to, const SipRequest& request);
/// The answer to a request as it came.
[[nodiscard]] std::string write_response(std::string_view request, unsigned status, const SipParty& from,
                                         const std::string& body);
/// One audio stream at an address that is the sender's own.
[[nodiscard]] std::string write_sdp(const alg::Endpoint& media);

/// The value of a header; empty if there is none.
[[nodiscard]] std::string_view header_of(std::string_view message, std::string_view name);
/// The length of the first message in what has come over TCP; 0 while it is not complete.
[[nodiscard]] std::size_t message_length(std::string_view bytes);
/// The port of the m= line of audio; 0 if there is none.
[[nodiscard]] std::uint16_t media_port_of(std::string_view message);
/// The URI of the Contact; empty if there is none.
[[nodiscard]] std::string_view contact_of(std::string_view message);

}  // namespace messenger::daemon
