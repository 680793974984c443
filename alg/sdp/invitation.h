// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "alg/base/expected.h"
#include "alg/net/address.h"

namespace messenger::alg {

enum class InvitationCommand : std::uint8_t { invite, accept, cancel, other };

/// The address of an IP-Address line: its value and where it stands in the body, which is what a rewriter replaces.
struct InvitationAddress {
    IpAddress address;
    std::string_view text;
};

/// The same for a Port line.
struct InvitationPort {
    std::uint16_t port = 0;  ///< never 0
    std::string_view text;
};

/// A text/x-msmsgsinvite body read in place: the file transfer and other invitations of Windows Messenger. Borrows the
/// text it was parsed from. Fields that do not stand there, or without a value, are absent or empty.
struct InvitationView {
    InvitationCommand command = InvitationCommand::other;
    std::string_view cookie;            ///< ties INVITE, ACCEPT and CANCEL together within a dialog
    std::string_view application_guid;  ///< with its braces, as written
    std::string_view application_name;
    std::string_view cancel_code;  ///< REJECT, TIMEOUT, ...

    std::optional<InvitationAddress> address;           ///< IP-Address, goes with Port
    std::optional<InvitationPort> port;                 ///< Port
    std::optional<InvitationAddress> internal_address;  ///< IP-Address-Internal, goes with PortX
    std::optional<InvitationPort> internal_port;        ///< PortX

    bool cannot_listen = false;   ///< Connectivity: N; the sender takes no TCP connection
    bool sender_connect = false;  ///< Sender-Connect: TRUE; the file's receiver listens, its sender dials

    /// Whether the GUID says file transfer. Only INVITE carries it; later messages are known by their cookie.
    [[nodiscard]] bool is_file_transfer() const;
};

/// Reads "Name: value" lines in any order; names in any case, unknown ones ignored. Empty lines may stand before and
/// after them, not between. Errors: bad_invitation (a line without a name or a colon, no Invitation-Command, an address
/// or a port that cannot be read, a field that we act on with two different values).
[[nodiscard]] Expected<InvitationView> parse_invitation(std::string_view text);

}  // namespace messenger::alg
