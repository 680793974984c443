// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/signalling.h"

#include <algorithm>

#include "alg/base/text.h"
#include "alg/sip/fields.h"

namespace messenger::alg {

namespace {

/// The CSeq of the INVITE that a PRACK acknowledges: "RSeq CSeq-number method" (RFC 3262 section 7.2).
[[nodiscard]] std::optional<std::uint32_t> acknowledged_cseq(std::string_view rack) {
    const auto skip_word = [](std::string_view& text) {
        text = trim(text);
        const auto end = std::find_if(text.begin(), text.end(), is_lws);
        const std::string_view word = text.substr(0, static_cast<std::size_t>(end - text.begin()));
        text.remove_prefix(word.size());
        return word;
    };
    (void)skip_word(rack);
    return parse_number(skip_word(rack));
}

}  // namespace

void Signalling::on_message(const Passing& passing, Plan& plan) {
    const SipMessageView& message = passing.message;
    MessageEvent event;
    event.tuple = passing.tuple;
    event.request = message.is_request();
    event.status = message.status();
    event.method = message.method_text();
    event.request_uri = message.request_uri();
    event.reason = message.reason();
    event.call_id = message.call_id();
    event.from = message.from();
    event.to = message.to();
    plan.events.emplace_back(event);

    const bool ours = policy_.inside.contains(passing.tuple.source.address) ||
                      policy_.inside.contains(passing.tuple.destination.address);
    if (!ours) return;
    if (passing.nat != nullptr) announce_contacts(passing, plan);
    if (message.method() == Method::register_) {
        on_register(passing, plan);
    } else if (message.is_request()) {
        on_request(passing, plan);
    } else {
        on_response(passing, plan);
    }
}

void Signalling::on_request(const Passing& passing, Plan& plan) {
    const SipMessageView& message = passing.message;
    const Method method = message.method();
    const bool relevant = method == Method::invite || method == Method::ack || method == Method::bye ||
                          method == Method::cancel || method == Method::prack || method == Method::update ||
                          method == Method::message;
    if (!relevant) return;
    Call* call = call_of_request(passing, plan);
    if (call == nullptr) {
        if (method == Method::message) on_stray_invitation(passing, plan);
        return;
    }
    call->last_message = passing.now;
    const Tags tags{make_tag(message.from_tag()), make_tag(message.to_tag())};
    hear(passing, *call, tags);
    // A proxy inside hands on an INVITE, and what belongs to it, whoever calls.
    const bool own_will = tags.to != 0 && method != Method::ack && method != Method::cancel && method != Method::prack;
    if (own_will && policy_.inside.contains(passing.tuple.source.address)) calls_.set_invited(*call);
    switch (method) {
        case Method::invite:
            if (tags.to == 0) {
                on_initial_invite(passing, *call, tags, plan);
                on_invitation(passing, *call, {find_template(*call, tags.from, message.cseq()), Party::caller}, plan);
            } else {
                on_offering_request(passing, *call, tags, plan);
            }
            break;
        case Method::update:
        case Method::prack: on_offering_request(passing, *call, tags, plan); break;
        case Method::ack: on_ack(passing, *call, tags, plan); break;
        case Method::bye: on_bye(passing, *call, tags, plan); break;
        case Method::message: on_message_in_call(passing, *call, tags, plan); break;
        default: on_cancel(passing, *call, tags, plan); break;
    }
    calls_.schedule(*call);
    if (call->dialogs.empty()) calls_.erase(call->key);  // nothing came of it
}

/// key: make_call_key() of the message's Call-ID.
Call* Signalling::find_call(const SipMessageView& message, std::uint64_t key) {
    const std::string_view call_id = message.call_id();
    Call* call = calls_.find(key);
    // The text is compared too, as far as it is known: the key is not secret, and a collision must not lead into
    // somebody else's call.
    if (call == nullptr || call->id().empty()) return call;
    return call->id() == call_id.substr(0, kCallIdShown) ? call : nullptr;
}

Call* Signalling::call_of_request(const Passing& passing, Plan& plan) {
    const std::uint64_t key = make_call_key(passing.message.call_id());
    if (Call* known = find_call(passing.message, key)) return known;
    // A call is met with its INVITE, or in its middle (after a restart, or when its route moved to this gateway) with a
    // request that can carry an offer, or an invitation to a transfer.
    const Method method = passing.message.method();
    if (method != Method::invite && method != Method::update && !invites_in_dialog(passing.message)) return nullptr;
    if (calls_.contains(key)) return nullptr;
    const FlowTuple& tuple = passing.tuple;
    const bool from_inside = policy_.inside.contains(tuple.source.address);
    const std::optional<IpAddress> caller = from_inside ? std::nullopt : std::optional(tuple.source.address);
    Call* call = calls_.add(key, passing.message.call_id(),
                            from_inside ? tuple.source.address : tuple.destination.address, caller, passing.now);
    if (call == nullptr) report_refusal(passing, RefuseReason::too_many_calls, plan);
    return call;
}

/// The middle of a call that we have not seen begin. Whoever sends first is the caller to us.
Signalling::Speaker Signalling::meet_midway(const Passing& passing, Call& call, const Tags& tags, Plan& plan) const {
    if (call.dialogs.size() >= limits_.dialogs_per_call) return {};
    const auto is_strange = [&](const Dialog& dialog) { return is_stranger(passing, dialog); };
    if (!call.dialogs.empty() && std::all_of(call.dialogs.begin(), call.dialogs.end(), is_strange)) {
        report_refusal(passing, RefuseReason::wrong_dialog, plan);
        return {};
    }
    Dialog& dialog = call.dialogs.emplace_back();
    dialog.state = Dialog::State::confirmed;
    dialog.caller_tag = tags.from;
    dialog.callee_tag = tags.to;
    dialog.deadline = passing.now + limits_.invite;  // until an answer shows that it exists
    return {&dialog, Party::caller};
}

void Signalling::on_offering_request(const Passing& passing, Call& call, const Tags& tags, Plan& plan) {
    const SipMessageView& message = passing.message;
    Speaker speaker = find_dialog(call, tags);
    if (speaker.dialog == nullptr) {
        if (message.method() != Method::prack) speaker = meet_midway(passing, call, tags, plan);
        if (speaker.dialog == nullptr) return;
    }
    Dialog& dialog = *speaker.dialog;
    std::uint32_t& highest = speaker.party == Party::caller ? dialog.caller_cseq : dialog.callee_cseq;
    if (!dialog.alive() || message.cseq() < highest) return;  // late
    // PRACK answers; what another request offers opens nothing before an inside host has answered it.
    const bool strange = turn_away(passing, dialog, plan);
    if (strange && message.method() == Method::prack) return;
    if (!strange) highest = message.cseq();
    note_hop(passing, call, speaker, plan);
    Exchange exchange;
    exchange.offering = OfferId{speaker.party, message.method(), message.cseq()};
    if (message.method() == Method::prack) {
        if (const auto invite = acknowledged_cseq(message.value(HeaderId::rack))) {
            exchange.answering = OfferId{speaker.party, Method::invite, *invite};
        }
    }
    negotiate(passing, call, speaker, exchange, plan);
    finish(call, CloseReason::replaced, passing, plan);
}

void Signalling::on_ack(const Passing& passing, Call& call, const Tags& tags, Plan& plan) {
    const Speaker speaker = find_dialog(call, tags);
    if (speaker.dialog == nullptr || !speaker.dialog->alive()) return;
    if (turn_away(passing, *speaker.dialog, plan)) return;
    const std::size_t known = speaker.dialog->agents.size() + speaker.dialog->peers.size();
    note_hop(passing, call, speaker, plan);
    negotiate(passing, call, speaker,
              {OfferId{speaker.party, Method::invite, passing.message.cseq()}, std::nullopt, true}, plan);
    // Most say nothing new: what the 2xx before them has changed was planned with it.
    if (passing.message.body().empty() && speaker.dialog->agents.size() + speaker.dialog->peers.size() == known) return;
    finish(call, CloseReason::replaced, passing, plan);
}

void Signalling::on_bye(const Passing& passing, Call& call, const Tags& tags, Plan& plan) {
    const Speaker speaker = find_dialog(call, tags);
    if (speaker.dialog == nullptr || !speaker.dialog->knows(passing.tuple)) {
        report_refusal(passing, RefuseReason::wrong_dialog, plan);
        return;
    }
    if (!speaker.dialog->alive()) return;
    const bool answered = speaker.dialog->state == Dialog::State::confirmed;
    end(*speaker.dialog, passing.now, plan);
    // What is left of the INVITE must not hold ports open, nor let a late branch open new ones. Unless only one branch
    // of it was given up before any was answered (RFC 3261 section 15).
    for (Dialog& invite : call.dialogs) {
        const bool same = invite.waiting() && invite.caller_tag == speaker.dialog->caller_tag;
        if (!answered || !same || invite.restored_key != 0) continue;
        if (invite.callee_tag == 0 || invite.deadline_reason == CloseReason::fork_lost) {
            end(invite, passing.now, plan);
        } else {  // it came by another server, which may not have been asked to end yet
            invite.deadline = std::min(invite.deadline, passing.now + limits_.transaction);
            invite.deadline_reason = CloseReason::fork_lost;
        }
    }
    finish(call, CloseReason::bye, passing, plan);
}

Signalling::Speaker Signalling::find_dialog(Call& call, const Tags& tags) {
    for (Dialog& dialog : call.dialogs) {
        if (dialog.restored_key != 0 && dialog.restored_key == dialog_key(tags.from, tags.to)) {
            dialog.caller_tag = tags.from;  // which party is which does not matter any more
            dialog.callee_tag = tags.to;
            dialog.restored_key = 0;
            for (const PinholeKey& key : dialog.restored) dialog.add_media_peer(key.remote);
        }
        if (dialog.restored_key != 0) continue;
        if (dialog.caller_tag == tags.from && dialog.callee_tag == tags.to) return {&dialog, Party::caller};
        if (dialog.caller_tag == tags.to && dialog.callee_tag == tags.from) return {&dialog, Party::callee};
    }
    return {};
}

bool Signalling::is_stranger(const Passing& passing, const Dialog& dialog) const {
    const IpAddress& sender = passing.tuple.source.address;
    return !policy_.inside.contains(sender) && !dialog.knows(sender);
}

bool Signalling::turn_away(const Passing& passing, const Dialog& dialog, Plan& plan) const {
    if (!is_stranger(passing, dialog)) return false;
    report_refusal(passing, RefuseReason::wrong_dialog, plan);
    return true;
}

void Signalling::report_session(const Passing& passing, Call* call, SessionKind kind, std::string_view what,
                                Plan& plan) {
    if (call != nullptr) {
        const std::uint32_t bit = 1U << static_cast<unsigned>(kind);
        if ((call->sessions & bit) != 0) return;
        call->sessions |= bit;
    }
    plan.events.emplace_back(
        SessionEvent{kind, passing.tuple, what, call != nullptr ? call->id() : passing.message.call_id()});
}

void Signalling::report_misunderstanding(const Passing& passing, Error error, Plan& plan) const {
    RefuseEvent event = refusal(passing, RefuseReason::not_understood);
    event.error = error;
    plan.events.emplace_back(event);
}

void Signalling::report_refusal(const Passing& passing, RefuseReason reason, Plan& plan) const {
    plan.events.emplace_back(refusal(passing, reason));
}

RefuseEvent Signalling::refusal(const Passing& passing, RefuseReason reason) {
    const SipMessageView& message = passing.message;
    RefuseEvent event;
    event.reason = reason;
    event.tuple = passing.tuple;
    event.user = address_of_record(message.is_request() ? message.from() : message.to());
    event.call_id = message.call_id();
    return event;
}

void Signalling::end(Dialog& dialog, TimePoint now, Plan& plan) {
    for (Agent& agent : dialog.agents) shut_out(agent, plan);
    dialog.reach_due = TimePoint::max();
    dialog.state = Dialog::State::ended;
    dialog.agents.clear();
    dialog.restored.clear();
    dialog.deadline = now + limits_.transaction;
}

/// The kernel keeps the names of call and dialog with each pinhole, and a restart knows the call by them. Another
/// branch than the one that a pinhole was opened for may have become the call.
void Signalling::relabel(Call& call, TimePoint now, Plan& plan) {
    const CallLabel label = call.label();
    if (label.dialog == 0 || label.dialog == call.told_dialog) return;
    const bool told = call.told_dialog != 0;
    call.told_dialog = label.dialog;
    if (!told) return;
    for (const OpenPinhole& open : call.open) {
        if (!open.until) planner_.tell_holders(open.key, now, plan);
    }
}

void Signalling::finish(Call& call, CloseReason reason, const Passing& passing, Plan& plan) {
    planner_.apply(call, reason, passing.now, passing.tuple, plan);
    relabel(call, passing.now, plan);
    let_in(call, passing.now, plan);
    calls_.schedule(call);
}

void Signalling::expire(TimePoint now, PinholeWitness* witness, Plan& plan) {
    expire_tls(now, witness, plan);
    pinholes_.expire(
        now, witness,
        [&](const PinholeKey& key, const PinholeTable::Pinhole& pinhole, Duration left) {
            const auto label = pinhole.calls.empty() ? std::nullopt : calls_.label_of(pinhole.calls.front());
            plan.changes.push_back({PinholeChange::Kind::refresh, key, pinhole.purpose, left,
                                    label.value_or(CallLabel{}), pinhole.outside});
        },
        [&](const PinholeKey& key, const PinholeTable::Pinhole& pinhole) {
            const auto holders = pinhole.calls.copy();
            const PortRole role = pinhole.purpose.role;
            planner_.expired(key, plan);
            for (const std::uint64_t holder : holders) {
                if (Call* call = calls_.find(holder)) fall_silent(*call, role, now);
            }
            calls_.settle();
        });
    while (Call* call = calls_.pop_due(now)) {
        std::optional<CloseReason> reason;
        for (Dialog& dialog : call->dialogs) {
            if (dialog.deadline > now || !dialog.alive() || goes_on(*call, dialog, now)) continue;
            reason = dialog.deadline_reason;
            const bool waiting = dialog.waiting();
            end(dialog, now, plan);
            // A late answer must open nothing. But a call that has gone on longer than we thought is met in its middle.
            if (!waiting) dialog.deadline = now;
        }
        if (reason) {
            planner_.withdraw(*call, *reason, now, plan);
            relabel(*call, now, plan);
        }
        let_in(*call, now, plan);
        auto& dialogs = call->dialogs;
        dialogs.erase(std::remove_if(dialogs.begin(), dialogs.end(),
                                     [now](const Dialog& dialog) { return !dialog.alive() && dialog.deadline <= now; }),
                      dialogs.end());
        if (dialogs.empty()) {
            calls_.erase(call->key);
        } else {
            calls_.schedule(*call);
        }
        calls_.settle();
    }
    end_registrations(now, plan);
    end_listeners(now, plan);
}

void Signalling::fall_silent(Call& call, PortRole role, TimePoint now) {
    if (!call.open.empty()) return;
    const TimePoint end = now + limits_.quiet_call;
    const auto has_media = [](const Agent& agent) { return agent.negotiation.has_agreed(); };
    for (Dialog& dialog : call.dialogs) {
        if (dialog.waiting()) continue;  // it rings without media, and ends with its INVITE
        // The end of a file is the end of nothing else: the session that it was sent in has instant messages.
        if (role == PortRole::file && std::none_of(dialog.agents.begin(), dialog.agents.end(), has_media)) continue;
        if (dialog.deadline <= end) continue;
        dialog.deadline = end;
        dialog.quiet = true;
    }
    calls_.schedule(call);
}

bool Signalling::goes_on(const Call& call, Dialog& dialog, TimePoint now) const {
    if (!dialog.quiet) return false;
    const TimePoint end = call.open.empty() ? call.last_message + limits_.quiet_call : now + limits_.quiet_call;
    dialog.deadline = std::min(end, call.started + limits_.call);
    return dialog.deadline > now;
}

std::optional<TimePoint> Signalling::next_deadline() const {
    std::optional<TimePoint> next;
    for (const auto& one : {calls_.next_deadline(), pinholes_.next_deadline(), registrations_.next_deadline(),
                            tls_.next_deadline(), callbacks_.next_deadline(), bindings_.next_deadline()}) {
        if (one && (!next || *one < *next)) next = one;
    }
    return next;
}

}  // namespace messenger::alg
