// SPDX-License-Identifier: GPL-2.0-or-later
// The half of Signalling that follows responses.
#include <algorithm>

#include "alg/call/signalling.h"
#include "alg/sip/fields.h"

namespace messenger::alg {

namespace {

constexpr unsigned kTrying = 100;
constexpr unsigned kFirstSuccess = 200;
constexpr unsigned kFirstFailure = 300;
constexpr unsigned kRequestTimeout = 408;
constexpr unsigned kNoSuchDialog = 481;

/// The peer says that the dialog is no more (RFC 3261 section 14.1). To a PRACK it says only that it acknowledges
/// nothing that still waits for it, a second one for instance (RFC 3262 section 3).
[[nodiscard]] bool ends_dialog(unsigned status, Method method) {
    return method != Method::prack && (status == kRequestTimeout || status == kNoSuchDialog);
}

/// Makes room for a branch that has been answered: one that only rings gives way.
void drop_unanswered(Call& call, Tag caller) {
    const auto gives_way = [caller](const Dialog& dialog) {
        return dialog.callee_tag != 0 && dialog.restored_key == 0 && dialog.caller_tag == caller &&
               dialog.state != Dialog::State::confirmed;
    };
    auto& dialogs = call.dialogs;
    auto found = std::find_if(dialogs.begin(), dialogs.end(),
                              [&](const Dialog& dialog) { return gives_way(dialog) && !dialog.alive(); });
    if (found == dialogs.end()) found = std::find_if(dialogs.begin(), dialogs.end(), gives_way);
    if (found != dialogs.end()) dialogs.erase(found);
}

}  // namespace

void Signalling::on_response(const Passing& passing, Plan& plan) {
    const SipMessageView& message = passing.message;
    const Method method = message.method();
    if (method != Method::invite && method != Method::update && method != Method::prack) return;
    Call* call = find_call(message, make_call_key(message.call_id()));
    if (call == nullptr) return;
    call->last_message = passing.now;
    const Tags tags{make_tag(message.from_tag()), make_tag(message.to_tag())};
    hear(passing, *call, tags);
    const Speaker requester = find_dialog(*call, tags);
    // Phones ring by themselves, and answer PRACK and UPDATE meanwhile; only a success is the will of an inside host.
    const bool success = message.status() >= kFirstSuccess && message.status() < kFirstFailure;
    const bool accepts = method == Method::invite || (requester.dialog != nullptr && !requester.dialog->waiting());
    const bool from_inside = policy_.inside.contains(passing.tuple.source.address);
    if (success && accepts && from_inside) calls_.set_invited(*call);
    if (method == Method::invite) {
        if (from_inside && message.status() < kFirstFailure) believe_copy(passing, *call, tags.from);
        on_invite_response(passing, *call, tags, plan);
    } else if (requester.dialog != nullptr) {
        // From and To are the request's, so it is the other party that speaks.
        on_later_response(passing, *call, {requester.dialog, other(requester.party)},
                          {requester.party, method, message.cseq()}, plan);
    }
    calls_.schedule(*call);
}

void Signalling::on_invite_response(const Passing& passing, Call& call, const Tags& tags, Plan& plan) {
    const SipMessageView& message = passing.message;
    if (message.status() == kTrying) return;
    const Speaker requester = find_dialog(call, tags);
    if (requester.dialog != nullptr && turn_away(passing, *requester.dialog, plan)) return;
    if (requester.dialog != nullptr && requester.party == Party::caller) {
        adopt_parallel_invite(call, *requester.dialog, message.cseq());
    }
    const bool later = requester.dialog != nullptr && tags.to != 0 &&
                       (requester.dialog->state == Dialog::State::confirmed) &&
                       (requester.party == Party::callee || message.cseq() != requester.dialog->invite_cseq);
    if (later) {
        on_later_response(passing, call, {requester.dialog, other(requester.party)},
                          {requester.party, Method::invite, message.cseq()}, plan);
        return;
    }
    if (message.status() >= kFirstFailure) {
        on_initial_failure(passing, call, tags, plan);
        return;
    }
    Dialog* dialog = dialog_of_response(passing, call, tags, plan);
    if (dialog == nullptr || !dialog->alive()) return;
    const Speaker speaker{dialog, Party::callee};
    note_hop(passing, call, speaker, plan);
    const OfferId id{Party::caller, Method::invite, message.cseq()};
    const bool success = message.status() >= kFirstSuccess;
    negotiate(passing, call, speaker, {id, id, success}, plan);
    if (success) {
        for (Agent& agent : dialog->agents) agent.negotiation.on_success(id);
        confirm(passing, call, *dialog);
    } else {
        for (Dialog* ringing : {dialog, find_template(call, dialog->caller_tag, message.cseq())}) {
            if (ringing == nullptr || !ringing->waiting() || ringing->cancelled) continue;
            if (ringing->deadline_reason == CloseReason::fork_lost) continue;
            ringing->deadline = passing.now + limits_.ringing;
        }
    }
    finish(call, CloseReason::replaced, passing, plan);
}

/// A caller had several INVITEs under way, and the callee answers more than one of them under the same tags: to the
/// dialog that exists by then the other INVITE is what a re-INVITE would be.
void Signalling::adopt_parallel_invite(Call& call, Dialog& dialog, std::uint32_t cseq) {
    const Dialog* invite = find_template(call, dialog.caller_tag, cseq);
    if (cseq == dialog.invite_cseq || invite == nullptr || invite == &dialog) return;
    if (!invite->alive() || !dialog.alive()) return;
    for (const Agent& agent : invite->agents) {
        Agent* own = dialog.agent(agent.host, agent.acts_for);
        if (own != nullptr) own->negotiation.adopt(agent.negotiation, {Party::caller, Method::invite, cseq});
    }
}

Dialog* Signalling::dialog_of_response(const Passing& passing, Call& call, const Tags& tags, Plan& plan) {
    const std::uint64_t branch = make_branch(passing.message.top_via());
    Dialog* invite = find_template(call, tags.from, passing.message.cseq());
    const FirstHop* hop = invite != nullptr ? invite->find_hop(branch) : nullptr;
    if (const Speaker known = find_dialog(call, tags); known.dialog != nullptr) {
        if (known.party != Party::caller) return nullptr;
        if (known.dialog->first_branch == 0 && hop != nullptr) known.dialog->first_branch = branch;
        return known.dialog;
    }
    if (invite == nullptr || !invite->alive() || turn_away(passing, *invite, plan)) return nullptr;
    if (hop != nullptr && hop->state == FirstHop::State::failed) return nullptr;  // late
    const auto is_full = [&] { return call.dialogs.size() >= limits_.dialogs_per_call; };
    const bool success = passing.message.status() >= kFirstSuccess;
    if (is_full() && !success) {
        report_refusal(passing, RefuseReason::too_many_dialogs, plan);
        return nullptr;
    }
    Dialog dialog = *invite;  // each branch answers the same offer for itself
    dialog.state = Dialog::State::early;
    dialog.callee_tag = tags.to;
    dialog.own_branch = branch;
    if (hop != nullptr) {
        dialog.first_branch = branch;
    } else if (invite->first_hops.size() == 1) {
        dialog.first_branch = invite->first_hops.front().branch;
    }
    dialog.first_hops.clear();
    // An answer without a tag, as from before RFC 3261, has made the INVITE itself a dialog, which keeps what it holds.
    for (Agent& agent : dialog.agents) agent.reach.lets_neighbour = agent.reach.lets_peer = false;
    if (is_full()) drop_unanswered(call, tags.from);
    if (is_full()) {
        report_refusal(passing, RefuseReason::too_many_dialogs, plan);
        return nullptr;
    }
    return &call.dialogs.emplace_back(std::move(dialog));
}

void Signalling::confirm(const Passing& passing, Call& call, Dialog& dialog) {
    dialog.state = Dialog::State::confirmed;
    dialog.deadline_reason = CloseReason::expired;
    set_session_timer(passing, call, dialog);
    // Further 2xx of other branches may follow for 64*T1; what has not been answered by then has lost (RFC 3261 section
    // 13.2.2.4).
    const std::uint64_t branch = make_branch(passing.message.top_via());
    for (Dialog& other_dialog : call.dialogs) {
        if (&other_dialog == &dialog || !other_dialog.waiting()) continue;
        if (other_dialog.caller_tag != dialog.caller_tag) continue;
        if (other_dialog.callee_tag == 0) {
            FirstHop* hop = other_dialog.find_hop(branch);
            if (hop == nullptr) continue;
            hop->state = FirstHop::State::answered;
            if (other_dialog.is_tried()) continue;
        } else if (!other_dialog.on_branch(branch)) {
            continue;
        }
        other_dialog.deadline = std::min(other_dialog.deadline, passing.now + limits_.transaction);
        other_dialog.deadline_reason = CloseReason::fork_lost;
    }
}

void Signalling::set_session_timer(const Passing& passing, const Call& call, Dialog& dialog) const {
    dialog.deadline = call.started + limits_.call;
    const auto seconds = parse_seconds(passing.message.value(HeaderId::session_expires));
    if (!seconds || *seconds == 0) return;
    // RFC 4028 section 10: without a refresh the session ends; the margin is for the BYE that should say so.
    dialog.deadline = std::min(dialog.deadline, passing.now + std::chrono::seconds(*seconds) + limits_.transaction);
}

void Signalling::on_later_response(const Passing& passing, Call& call, const Speaker& speaker, OfferId id, Plan& plan) {
    Dialog& dialog = *speaker.dialog;
    if (!dialog.alive() || turn_away(passing, dialog, plan)) return;
    const unsigned status = passing.message.status();
    const bool success = status >= kFirstSuccess && status < kFirstFailure;
    const IpAddress& requester = passing.tuple.destination.address;
    // What a stranger is told has nothing to do with the transaction of the same number that the peer has under way.
    if (!success && !policy_.inside.contains(requester) && !dialog.knows(requester)) return;
    if (status >= kFirstFailure) {
        if (ends_dialog(status, id.method) && dialog.knows(passing.tuple)) {
            end(dialog, passing.now, plan);
        } else {
            take_back(dialog, id);
        }
        finish(call, CloseReason::failed, passing, plan);
        return;
    }
    Exchange exchange;
    exchange.answering = id;
    if (id.method == Method::invite) exchange.offering = id;  // an INVITE without offer is answered by one
    exchange.final = success;
    if (success) {
        for (Agent& agent : dialog.agents) agent.negotiation.believe(id, requester);
    }
    note_hop(passing, call, speaker, plan);
    negotiate(passing, call, speaker, exchange, plan);
    if (success) {
        for (Agent& agent : dialog.agents) agent.negotiation.on_success(id);
        if (dialog.state == Dialog::State::confirmed) set_session_timer(passing, call, dialog);
    }
    finish(call, CloseReason::replaced, passing, plan);
}

}  // namespace messenger::alg
