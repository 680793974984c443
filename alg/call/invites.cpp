// SPDX-License-Identifier: GPL-2.0-or-later
// The part of Signalling that follows an INVITE for as long as it is not a dialog yet: by which ways it comes, and what
// is left of it when one of them ends.
#include <algorithm>

#include "alg/call/signalling.h"

namespace messenger::alg {

namespace {

/// Whether the dialog has come of that INVITE, which has no final answer by it yet.
[[nodiscard]] bool is_branch_of(const Dialog& dialog, Tag caller, std::uint32_t cseq) {
    return dialog.waiting() && dialog.callee_tag != 0 && dialog.caller_tag == caller && dialog.invite_cseq == cseq;
}

/// Whether a final answer to the INVITE can be the dialog's own. A host knows what becomes of an INVITE that has come
/// to it, whoever sent that: it answers his hop.
[[nodiscard]] bool is_own_answer(const Dialog& dialog, const FlowTuple& tuple, bool answers_hop) {
    return dialog.knows(tuple.source.address) && (answers_hop || dialog.knows(tuple.destination.address));
}

}  // namespace

Dialog* Signalling::find_template(Call& call, Tag caller, std::uint32_t cseq) {
    const auto found = std::find_if(call.dialogs.begin(), call.dialogs.end(), [caller, cseq](const Dialog& dialog) {
        return dialog.callee_tag == 0 && dialog.restored_key == 0 && dialog.caller_tag == caller &&
               dialog.invite_cseq == cseq;
    });
    return found == call.dialogs.end() ? nullptr : &*found;
}

/// A new INVITE of this caller: the first one, one tried again after 401, 407 or 3xx (RFC 3261 section 22) or at
/// another server, which takes the place of the one that has ended, or one more beside another. nullptr if it is late,
/// or one too many.
Dialog* Signalling::make_template(const Passing& passing, Call& call, Tag caller, Plan& plan) const {
    const std::uint32_t cseq = passing.message.cseq();
    Dialog* ended = nullptr;
    for (Dialog& dialog : call.dialogs) {
        if (dialog.callee_tag != 0 || dialog.restored_key != 0 || dialog.caller_tag != caller) continue;
        if (dialog.invite_cseq > cseq) return nullptr;
        if (!dialog.alive()) ended = &dialog;
    }
    if (ended == nullptr && call.dialogs.size() >= limits_.dialogs_per_call) {
        report_refusal(passing, RefuseReason::too_many_dialogs, plan);
        return nullptr;
    }
    Dialog& dialog = ended != nullptr ? *ended : call.dialogs.emplace_back();
    dialog = Dialog{};
    dialog.caller_tag = caller;
    dialog.invite_cseq = cseq;
    dialog.caller_cseq = cseq;
    add_hop(passing, dialog);
    return &dialog;
}

/// Somebody before the gateway tries one more way with the same INVITE: a proxy that forks, or a caller whose first
/// server has failed.
void Signalling::add_hop(const Passing& passing, Dialog& dialog) const {
    dialog.first_hops.push_back({make_branch(passing.message.top_via()), passing.tuple.source.address});
    dialog.cancelled = false;
    dialog.deadline = passing.now + limits_.invite;
    dialog.deadline_reason = CloseReason::expired;
}

/// Whether the INVITE at hand comes from before the gateway, and not from a proxy behind it that hands on what it has
/// got by one of the hops that are known.
bool Signalling::is_first_hop(const Passing& passing, const Dialog& invite) const {
    const IpAddress& sender = passing.tuple.source.address;
    const auto sent = [&sender](const FirstHop& hop) { return hop.sender == sender; };
    if (std::any_of(invite.first_hops.begin(), invite.first_hops.end(), sent)) return true;
    // Another server of those who call from outside, unless it has the INVITE from an inside host.
    const auto sent_out = [](const Agent& agent) {
        return agent.acts_for == Party::caller && !agent.reach.neighbour.is_unspecified();
    };
    const auto over = [](const FirstHop& hop) {
        return hop.state == FirstHop::State::failed || hop.state == FirstHop::State::copy;
    };
    const bool may_go_on = invite.alive() || std::all_of(invite.first_hops.begin(), invite.first_hops.end(), over);
    return may_go_on && !policy_.inside.contains(sender) &&
           std::none_of(invite.agents.begin(), invite.agents.end(), sent_out);
}

/// An INVITE that a host has already, from somebody else. What it offers is not believed: a phone does not take it for
/// a second one (RFC 3261 section 8.2.2.2). But a proxy does, for another server of the caller's may try it as well, so
/// what the host answers counts.
void Signalling::on_copy(const Passing& passing, Dialog& invite, Plan& plan) const {
    const std::uint64_t branch = make_branch(passing.message.top_via());
    if (invite.find_hop(branch) != nullptr) return;
    if (invite.alive() && is_first_hop(passing, invite) && invite.first_hops.size() < limits_.dialogs_per_call) {
        invite.first_hops.push_back({branch, passing.tuple.source.address, FirstHop::State::copy});
    }
    report_refusal(passing, RefuseReason::wrong_dialog, plan);
}

/// The host that has a copy takes it for one more way that the call comes by.
void Signalling::believe_copy(const Passing& passing, Call& call, Tag caller) {
    Dialog* invite = find_template(call, caller, passing.message.cseq());
    FirstHop* hop = invite == nullptr ? nullptr : invite->find_hop(make_branch(passing.message.top_via()));
    if (hop != nullptr && hop->state == FirstHop::State::copy) hop->state = FirstHop::State::trying;
}

void Signalling::on_initial_invite(const Passing& passing, Call& call, const Tags& tags, Plan& plan) {
    const std::uint32_t cseq = passing.message.cseq();
    Dialog* dialog = find_template(call, tags.from, cseq);
    if (dialog != nullptr && dialog->has_host(passing.tuple.destination.address) && is_stranger(passing, *dialog)) {
        on_copy(passing, *dialog, plan);
        return;
    }
    const bool another = dialog != nullptr && dialog->find_hop(make_branch(passing.message.top_via())) == nullptr &&
                         is_first_hop(passing, *dialog);
    if (dialog == nullptr || (another && !dialog->alive())) {
        dialog = make_template(passing, call, tags.from, plan);
    } else if (another && dialog->first_hops.size() < limits_.dialogs_per_call) {
        add_hop(passing, *dialog);
    }
    if (dialog == nullptr || !dialog->alive()) return;  // late, or a retransmission of what has ended
    const Speaker speaker{dialog, Party::caller};
    note_hop(passing, call, speaker, plan);
    negotiate(passing, call, speaker, {std::nullopt, OfferId{Party::caller, Method::invite, cseq}, false}, plan);
    finish(call, CloseReason::replaced, passing, plan);
}

void Signalling::on_cancel(const Passing& passing, Call& call, const Tags& tags, Plan& plan) {
    // CANCEL is hop by hop and asks only: what ends the INVITE is its 487 (RFC 3261 section 9.1). If none comes, time
    // does.
    const std::uint64_t branch = make_branch(passing.message.top_via());
    for (Dialog& dialog : call.dialogs) {
        if (!dialog.waiting() || dialog.caller_tag != tags.from) continue;
        const bool invite = dialog.callee_tag == 0;
        FirstHop* const hop = invite ? dialog.find_hop(branch) : nullptr;
        if (invite ? hop == nullptr : !dialog.on_branch(branch)) continue;
        if (turn_away(passing, dialog, plan)) return;
        if (hop != nullptr && hop->state == FirstHop::State::trying) hop->state = FirstHop::State::cancelled;
        if (invite && dialog.is_tried()) continue;
        dialog.cancelled = true;
        dialog.deadline = std::min(dialog.deadline, passing.now + limits_.transaction);
        dialog.deadline_reason = CloseReason::cancel;
    }
}

/// A final answer to the INVITE itself. True if nothing can come of it any more.
bool Signalling::fail_hop(const Passing& passing, Dialog& invite, std::uint64_t branch) const {
    FirstHop* hop = invite.find_hop(branch);
    if (hop == nullptr) return false;
    if (hop->state == FirstHop::State::copy) {  // the call has never come by it
        invite.first_hops.erase(invite.first_hops.begin() + (hop - invite.first_hops.data()));
        return false;
    }
    hop->state = FirstHop::State::failed;
    if (invite.is_tried()) return false;
    if (!invite.is_answered()) return true;
    // The other branches of the hop that has been answered may still be, as in confirm().
    invite.deadline = std::min(invite.deadline, passing.now + limits_.transaction);
    invite.deadline_reason = CloseReason::fork_lost;
    return false;
}

void Signalling::on_initial_failure(const Passing& passing, Call& call, const Tags& tags, Plan& plan) {
    const std::uint64_t branch = make_branch(passing.message.top_via());
    CloseReason reason = CloseReason::failed;
    const bool was_alive = call.alive();
    bool stranger = false;
    bool nothing_left = false;
    Dialog* const invite = find_template(call, tags.from, passing.message.cseq());
    const FirstHop* const hop = invite == nullptr ? nullptr : invite->find_hop(branch);
    const bool answers_hop = hop != nullptr && passing.tuple.destination.address == hop->sender;
    const auto fails = [&](Dialog& dialog, bool by_hop) {
        if (!is_own_answer(dialog, passing.tuple, by_hop && answers_hop)) {
            stranger |= is_stranger(passing, dialog);
            return;
        }
        if (dialog.callee_tag == 0 && !fail_hop(passing, dialog, branch)) return;
        nothing_left |= dialog.callee_tag == 0;
        if (dialog.cancelled) reason = CloseReason::cancel;
        end(dialog, passing.now, plan);
    };
    if (hop != nullptr && invite->waiting()) fails(*invite, true);
    for (Dialog& dialog : call.dialogs) {
        if (!is_branch_of(dialog, tags.from, passing.message.cseq())) continue;
        // At a first hop one final answer ends every branch; behind a forking proxy each branch has its own.
        const bool by_hop = dialog.on_branch(branch) || (nothing_left && dialog.first_branch == 0);
        if (by_hop || (tags.to != 0 && dialog.callee_tag == tags.to)) fails(dialog, by_hop);
    }
    if (stranger) report_refusal(passing, RefuseReason::wrong_dialog, plan);
    finish(call, reason, passing, plan);
    if (was_alive && policy_.inside.contains(passing.tuple.source.address)) calls_.note_refused(call);
}

}  // namespace messenger::alg
