// SPDX-License-Identifier: GPL-2.0-or-later
// The part of Signalling that follows Messenger's file transfers. They are agreed on beside the SDP, in bodies of type
// text/x-msmsgsinvite that MESSAGE carries, and in the ms-text-format header of an INVITE: INVITE with a cookie, ACCEPT
// with the address of whoever listens, CANCEL.
#include <algorithm>

#include "alg/base/base64.h"
#include "alg/base/text.h"
#include "alg/call/session_kind.h"
#include "alg/call/signalling.h"
#include "alg/sip/fields.h"

namespace messenger::alg {

namespace {

constexpr std::size_t kMaxTransfers = 16;  // of a dialog; the clients have ten ports

[[nodiscard]] Transfer* find_transfer(Dialog& dialog, Tag cookie) {
    const auto found = std::find_if(dialog.transfers.begin(), dialog.transfers.end(),
                                    [cookie](const Transfer& transfer) { return transfer.cookie == cookie; });
    return found == dialog.transfers.end() ? nullptr : &*found;
}

/// Makes room for one more: the oldest that nobody waits for any more, or has not answered for long.
[[nodiscard]] bool drop_oldest_transfer(Dialog& dialog) {
    const auto oldest = std::find_if(dialog.transfers.begin(), dialog.transfers.end(),
                                     [](const Transfer& transfer) { return !transfer.listener; });
    if (oldest == dialog.transfers.end()) return false;
    dialog.transfers.erase(oldest);
    return true;
}

[[nodiscard]] bool carries_invitation(const SipMessageView& message) {
    for (const std::string_view text : {message.content_type(), message.value(HeaderId::ms_text_format)}) {
        const auto type = parse_content_type(text);
        if (type && type->is_invitation()) return true;
    }
    return false;
}

[[nodiscard]] std::string_view what_of(const InvitationView& invitation) {
    return invitation.application_guid.empty() ? invitation.application_name : invitation.application_guid;
}

}  // namespace

/// A MESSAGE within a dialog that carries an invitation or the answer to one.
bool Signalling::invites_in_dialog(const SipMessageView& message) {
    if (message.method() != Method::message || message.from_tag().empty() || message.to_tag().empty()) return false;
    const auto type = parse_content_type(message.content_type());
    return type && type->is_invitation();
}

void Signalling::on_message_in_call(const Passing& passing, Call& call, const Tags& tags, Plan& plan) {
    Speaker speaker = find_dialog(call, tags);
    if (speaker.dialog == nullptr && invites_in_dialog(passing.message)) {
        speaker = meet_midway(passing, call, tags, plan);
        if (speaker.dialog != nullptr) note_hop(passing, call, speaker, plan);
    }
    if (speaker.dialog != nullptr && carries_invitation(passing.message) && turn_away(passing, *speaker.dialog, plan)) {
        return;
    }
    on_invitation(passing, call, speaker, plan);
}

Expected<std::optional<InvitationView>> Signalling::find_invitation(const SipMessageView& message) {
    const std::string_view header = message.value(HeaderId::ms_text_format);
    std::string_view text;
    const auto body_type = parse_content_type(message.content_type());
    const auto header_type = parse_content_type(header);
    if (body_type && body_type->is_invitation()) {
        text = message.body();
    } else if (header_type && header_type->is_invitation()) {
        const auto encoded = find_parameter(header_type->parameters, "ms-body");
        const auto decoded =
            encoded ? decode_base64(*encoded, decoded_) : Expected<std::string_view>(Error::bad_base64);
        if (!decoded) return decoded.error();
        text = *decoded;
    } else {
        return std::optional<InvitationView>();
    }
    const auto invitation = parse_invitation(text);
    if (!invitation) return invitation.error();
    return std::optional(*invitation);
}

std::optional<InvitationView> Signalling::read_invitation(const Passing& passing, Plan& plan) {
    const auto invitation = find_invitation(passing.message);
    if (invitation) return *invitation;
    report_misunderstanding(passing, invitation.error(), plan);
    return std::nullopt;
}

void Signalling::on_stray_invitation(const Passing& passing, Plan& plan) {
    const auto invitation = read_invitation(passing, plan);
    if (!invitation || invitation->command != InvitationCommand::invite) return;
    report_session(passing, nullptr, kind_of(*invitation), what_of(*invitation), plan);
}

void Signalling::on_invitation(const Passing& passing, Call& call, const Speaker& speaker, Plan& plan) {
    if (speaker.dialog == nullptr || !speaker.dialog->alive()) return;
    Dialog& dialog = *speaker.dialog;
    if (is_stranger(passing, dialog)) return;  // an INVITE of his has been reported
    const auto invitation = read_invitation(passing, plan);
    if (!invitation) return;
    const Tag cookie = make_tag(invitation->cookie);
    switch (invitation->command) {
        case InvitationCommand::invite:
            report_session(passing, &call, kind_of(*invitation), what_of(*invitation), plan);
            if (cookie == 0 || !invitation->is_file_transfer()) return;
            prolong(passing, call, dialog);
            if (find_transfer(dialog, cookie) != nullptr) return;
            if (dialog.transfers.size() >= kMaxTransfers && !drop_oldest_transfer(dialog)) return;
            dialog.transfers.push_back({cookie, std::nullopt, {}, {}});
            return;
        case InvitationCommand::accept: on_accept(passing, call, speaker, *invitation, plan); return;
        case InvitationCommand::cancel: on_cancel(passing, call, dialog, cookie, plan); return;
        case InvitationCommand::other: return;
    }
}

void Signalling::prolong(const Passing& passing, const Call& call, Dialog& dialog) const {
    if (dialog.state != Dialog::State::confirmed || dialog.invite_cseq != 0) return;
    // An inside host knows its own sessions. Anybody may say so from outside: that waits for the answer to it.
    const bool own = policy_.inside.contains(passing.tuple.source.address);
    const TimePoint most = call.started + limits_.call;
    dialog.deadline = std::max(dialog.deadline, own ? most : std::min(most, passing.now + limits_.transfer));
}

void Signalling::on_cancel(const Passing& passing, Call& call, Dialog& dialog, Tag cookie, Plan& plan) {
    const Transfer* transfer = find_transfer(dialog, cookie);
    if (transfer == nullptr) return;
    const Transfer cancelled = *transfer;
    const auto gone = std::remove_if(dialog.transfers.begin(), dialog.transfers.end(),
                                     [cookie](const Transfer& one) { return one.cookie == cookie; });
    dialog.transfers.erase(gone, dialog.transfers.end());
    finish(call, CloseReason::cancel, passing, plan);
    // Another transfer may have the same port; this one's connection is not to come any more.
    if (cancelled.listener) pinholes_.revoke_connection(cancelled.pinhole(), passing.now);
}

void Signalling::on_accept(const Passing& passing, Call& call, const Speaker& speaker, const InvitationView& invitation,
                           Plan& plan) {
    const IpAddress& sender = passing.tuple.source.address;
    Dialog& dialog = *speaker.dialog;
    if (!invitation.address || !invitation.port) return;  // who only accepts names no address
    const Endpoint listener{invitation.address->address, invitation.port->port};
    Transfer* transfer = find_transfer(dialog, make_tag(invitation.cookie));
    const bool is_known = transfer != nullptr && transfer->listener == listener;
    if (!policy_.inside.contains(sender)) return;  // it needs no pinhole of ours
    std::optional<RefuseReason> reason = address_obstacle(listener.address, sender, policy_);
    if (!reason && is_hearsay(call, voice_of(sender, dialog, speaker.party), listener)) {
        reason = RefuseReason::not_own_word;
    }
    if (!reason) reason = port_obstacle(listener.port, PortRole::file, policy_);
    if (!reason && transfer == nullptr) reason = RefuseReason::unknown_invitation;
    if (reason) {
        RefuseEvent event = refusal(passing, *reason);
        event.announced = listener.address;
        event.port = listener.port;
        plan.events.emplace_back(event);
        return;
    }
    prolong(passing, call, dialog);
    transfer->listener = listener;
    // The text does not say who will connect: the peer of this call, as far as its session description is known.
    const IpAddress peer = dialog.peer_of(sender, speaker.party);
    if (passing.nat != nullptr) transfer->behind = passing.nat->outside;
    transfer->peer = peer.family() == listener.address.family() ? peer : IpAddress{};
    const PinholeKey key = transfer->pinhole();
    const auto same = [&key](const OpenPinhole& known) { return known.key == key; };
    if (!is_known && std::any_of(call.open.begin(), call.open.end(), same)) pinholes_.grant_connection(key);
    finish(call, CloseReason::replaced, passing, plan);
}

}  // namespace messenger::alg
