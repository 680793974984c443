// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/plan.h"

namespace messenger::alg {

std::string_view name(MediaKind kind) {
    switch (kind) {
        case MediaKind::audio: return "audio";
        case MediaKind::video: return "video";
        case MediaKind::image: return "image";
        case MediaKind::application: return "application";
        case MediaKind::text: return "text";
        case MediaKind::message: return "message";
        case MediaKind::other: return "other";
    }
    return "other";
}

std::string_view name(PortRole role) {
    switch (role) {
        case PortRole::rtp: return "rtp";
        case PortRole::rtcp: return "rtcp";
        case PortRole::udp: return "udp";
        case PortRole::t120: return "t120";
        case PortRole::file: return "file";
    }
    return "udp";
}

std::string_view name(CloseReason reason) {
    switch (reason) {
        case CloseReason::bye: return "bye";
        case CloseReason::cancel: return "cancel";
        case CloseReason::failed: return "failed";
        case CloseReason::replaced: return "replaced";
        case CloseReason::fork_lost: return "fork_lost";
        case CloseReason::timeout: return "timeout";
        case CloseReason::finished: return "finished";
        case CloseReason::signed_off: return "signed_off";
        case CloseReason::tls_ended: return "tls_ended";
        case CloseReason::expired: return "expired";
        case CloseReason::evicted: return "evicted";
        case CloseReason::by_operator: return "operator";
        case CloseReason::blocked: return "blocked";
    }
    return "unknown";
}

std::string_view name(RefuseReason reason) {
    switch (reason) {
        case RefuseReason::not_sender_address: return "not_sender_address";
        case RefuseReason::not_own_word: return "not_own_word";
        case RefuseReason::not_inside_address: return "not_inside_address";
        case RefuseReason::forbidden_address: return "forbidden_address";
        case RefuseReason::host_name: return "host_name";
        case RefuseReason::no_address: return "no_address";
        case RefuseReason::multicast: return "multicast";
        case RefuseReason::low_port: return "low_port";
        case RefuseReason::protected_port: return "protected_port";
        case RefuseReason::port_out_of_range: return "port_out_of_range";
        case RefuseReason::no_file_port: return "no_file_port";
        case RefuseReason::contact_out_of_range: return "contact_out_of_range";
        case RefuseReason::too_many_ports: return "too_many_ports";
        case RefuseReason::unknown_transport: return "unknown_transport";
        case RefuseReason::tcp_media: return "tcp_media";
        case RefuseReason::too_many_calls: return "too_many_calls";
        case RefuseReason::too_many_pinholes: return "too_many_pinholes";
        case RefuseReason::too_many_dialogs: return "too_many_dialogs";
        case RefuseReason::too_many_messages: return "too_many_messages";
        case RefuseReason::too_many_registrations: return "too_many_registrations";
        case RefuseReason::too_many_flows: return "too_many_flows";
        case RefuseReason::no_outside_port: return "no_outside_port";
        case RefuseReason::outside_port_taken: return "outside_port_taken";
        case RefuseReason::outside_port_reserved: return "outside_port_reserved";
        case RefuseReason::second_connection: return "second_connection";
        case RefuseReason::fixed_ranges_off: return "fixed_ranges_off";
        case RefuseReason::unknown_invitation: return "unknown_invitation";
        case RefuseReason::wrong_dialog: return "wrong_dialog";
        case RefuseReason::wrong_side: return "wrong_side";
        case RefuseReason::blocked: return "blocked";
        case RefuseReason::not_understood: return "not_understood";
    }
    return "unknown";
}

std::string_view describe(RefuseReason reason) {
    switch (reason) {
        case RefuseReason::not_sender_address:
            return "the SDP announces an address that is not the sender's, and the sender is no configured relay";
        case RefuseReason::not_own_word:
            return "the sender passes on what an outside host says of the sender's own ports";
        case RefuseReason::not_inside_address: return "a relay announces an address that is not inside";
        case RefuseReason::forbidden_address: return "loopback, multicast, broadcast or the gateway itself";
        case RefuseReason::host_name: return "the SDP names a host instead of an address";
        case RefuseReason::no_address: return "the SDP names no address (no c= line)";
        case RefuseReason::multicast: return "multicast needs no pinhole";
        case RefuseReason::low_port: return "ports below 1024 are never opened";
        case RefuseReason::protected_port: return "the port is on the protected list";
        case RefuseReason::port_out_of_range:
            return "the port is outside the range that this site has pinned its clients' media to";
        case RefuseReason::no_file_port: return "Messenger's file transfers use TCP 6891 to 6901 only";
        case RefuseReason::contact_out_of_range:
            return "the Contact's port is outside the range that this site has pinned its clients' SIP to";
        case RefuseReason::too_many_ports: return "one m= line asks for too many ports";
        case RefuseReason::unknown_transport: return "the medium's transport is not known";
        case RefuseReason::tcp_media: return "media over TCP is not opened, T.120 on port 1503 apart";
        case RefuseReason::too_many_calls: return "the call limit is reached";
        case RefuseReason::too_many_pinholes: return "the pinhole limit is reached";
        case RefuseReason::too_many_dialogs: return "the call has too many branches";
        case RefuseReason::too_many_messages: return "the host sends more messages a second than allowed";
        case RefuseReason::too_many_registrations: return "too many registrations are known, or Contacts of them";
        case RefuseReason::too_many_flows: return "too many TCP connections on SIP ports";
        case RefuseReason::no_outside_port: return "no outside port is left for it";
        case RefuseReason::outside_port_taken:
            return "the outside port, which cannot be another, leads to another inside host";
        case RefuseReason::outside_port_reserved:
            return "the outside port, which cannot be another, is reserved for the gateway and what it forwards";
        case RefuseReason::second_connection: return "a file transfer has one connection, and this is another";
        case RefuseReason::fixed_ranges_off:
            return "no ports are opened for application sharing and file transfers here";
        case RefuseReason::unknown_invitation:
            return "a file transfer is accepted that nobody has offered in this dialog";
        case RefuseReason::wrong_dialog: return "it belongs to no dialog of this call, or its sender has no part in it";
        case RefuseReason::wrong_side: return "its source address is inside, but it came from elsewhere: it is forged";
        case RefuseReason::blocked: return "an operator has blocked one of the hosts";
        case RefuseReason::not_understood: return "the message is not understood";
    }
    return "unknown";
}

std::string_view name(OpaqueReason reason) {
    switch (reason) {
        case OpaqueReason::not_sip: return "not_sip";
        case OpaqueReason::beginning_not_seen: return "beginning_not_seen";
        case OpaqueReason::conflicting_segments: return "conflicting_segments";
        case OpaqueReason::too_much_early_data: return "too_much_early_data";
        case OpaqueReason::bad_framing: return "bad_framing";
        case OpaqueReason::too_large: return "too_large";
        case OpaqueReason::too_much_held: return "too_much_held";
        case OpaqueReason::held_too_long: return "held_too_long";
        case OpaqueReason::compressed: return "compressed";
    }
    return "unknown";
}

std::string_view describe(OpaqueReason reason) {
    switch (reason) {
        case OpaqueReason::not_sip: return "no SIP start line where one must be";
        case OpaqueReason::beginning_not_seen: return "the connection is older than our view of it";
        case OpaqueReason::conflicting_segments: return "overlapping TCP segments disagree";
        case OpaqueReason::too_much_early_data: return "more out-of-order data than the limit";
        case OpaqueReason::bad_framing: return "no usable Content-Length: nobody knows where the next message begins";
        case OpaqueReason::too_large: return "a message head above the limit";
        case OpaqueReason::too_much_held: return "more of a message than may wait for its end";
        case OpaqueReason::held_too_long: return "the end of a message did not come in time";
        case OpaqueReason::compressed: return "client and server have agreed to compress it";
    }
    return "unknown";
}

std::string_view name(SessionKind kind) {
    switch (kind) {
        case SessionKind::audio_video: return "audio_video";
        case SessionKind::fax: return "fax";
        case SessionKind::sharing: return "sharing";
        case SessionKind::file_transfer: return "file_transfer";
        case SessionKind::instant_messages: return "instant_messages";
        case SessionKind::other_media: return "other_media";
        case SessionKind::unknown_media: return "unknown_media";
        case SessionKind::remote_assistance: return "remote_assistance";
        case SessionKind::netmeeting: return "netmeeting";
        case SessionKind::voice_invitation: return "voice_invitation";
        case SessionKind::other_invitation: return "other_invitation";
    }
    return "unknown";
}

std::string_view describe(SessionKind kind) {
    switch (kind) {
        case SessionKind::audio_video: return "audio, video";
        case SessionKind::fax: return "fax";
        case SessionKind::sharing: return "application sharing, whiteboard";
        case SessionKind::file_transfer: return "file transfer";
        case SessionKind::instant_messages: return "instant messages";
        case SessionKind::other_media: return "other media over UDP";
        case SessionKind::unknown_media: return "media of an unknown transport";
        case SessionKind::remote_assistance: return "remote assistance";
        case SessionKind::netmeeting: return "a NetMeeting invitation";
        case SessionKind::voice_invitation: return "an invitation to voice chat";
        case SessionKind::other_invitation: return "an unknown invitation";
    }
    return "unknown";
}

bool opens_ports(SessionKind kind) {
    switch (kind) {
        case SessionKind::audio_video:
        case SessionKind::fax:
        case SessionKind::sharing:
        case SessionKind::file_transfer:
        case SessionKind::other_media: return true;
        case SessionKind::instant_messages:
        case SessionKind::unknown_media:
        case SessionKind::remote_assistance:
        case SessionKind::netmeeting:
        case SessionKind::voice_invitation:
        case SessionKind::other_invitation: break;
    }
    return false;
}

}  // namespace messenger::alg
