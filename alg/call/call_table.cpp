// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/call_table.h"

#include <algorithm>
#include <utility>

#include "alg/call/call_record.h"

namespace messenger::alg {

Call& CallTable::take_place(Calls::iterator entry) {
    entry->second.place = static_cast<std::uint32_t>(on_desk_.size());
    on_desk_.push_back(entry.id());
    if (desk_.size() < on_desk_.size()) desk_.emplace_back();
    Call& call = desk_[entry->second.place];
    call.key = entry->first;
    call.number = entry.id();
    return call;
}

Call& CallTable::fetch(Calls::Id id) {
    const auto entry = calls_.cursor(id);
    if (entry->second.place != kNoPlace) return desk_[entry->second.place];
    Call& call = take_place(entry);
    records_.read(entry->second.record, bytes_);
    read_record(bytes_, call);
    call.call_id = keep_text(call.call_id);
    return call;
}

const Call& CallTable::read(Calls::const_iterator entry, ReadingDesk& desk) const {
    if (entry->second.place != kNoPlace) return desk_[entry->second.place];
    records_.read(entry->second.record, desk.record);
    read_record(desk.record, desk.call);
    desk.call.key = entry->first;
    desk.call.number = entry.id();
    return desk.call;
}

void CallTable::settle() {
    for (std::size_t place = 0; place < on_desk_.size(); ++place) {
        if (on_desk_[place] == Calls::kNone) continue;
        Rest& rest = calls_.at(on_desk_[place]).second;
        write_record(desk_[place], bytes_);
        records_.write(rest.record, bytes_);
        rest.place = kNoPlace;
    }
    on_desk_.clear();
    if (desk_.size() > kPlacesKept) desk_.resize(kPlacesKept);  // many calls shared something that has ended
}

std::string_view CallTable::keep_text(std::string_view text) const {
    auto* const kept = static_cast<char*>(texts_.allocate(std::max<std::size_t>(text.size(), 1), 1));
    std::copy(text.begin(), text.end(), kept);
    return {kept, text.size()};
}

Call* CallTable::find(std::uint64_t key) {
    const auto found = calls_.find(key);
    return found == calls_.end() ? nullptr : &fetch(found.id());
}

const Call* CallTable::find(std::uint64_t key) const {
    const auto found = calls_.find(key);
    return found == calls_.end() ? nullptr : &read(found, found_);
}

std::optional<CallLabel> CallTable::label_of(std::uint64_t key) const {
    const Call* call = find(key);
    if (call == nullptr) return std::nullopt;
    CallLabel label = call->label();
    label.call_id = keep_text(label.call_id);
    return label;
}

bool CallTable::has_room(const IpAddress& charged_to, const std::optional<IpAddress>& caller) const {
    if (calls_.size() >= limits_.calls) return false;
    const auto host = hosts_.find(charged_to);
    const Share share = host == hosts_.end() ? Share{} : host->second;
    if (share.calls >= limits_.calls_per_host) return false;
    if (!caller) return true;
    const auto half = [](std::size_t limit) { return (limit + 1) / 2; };
    if (uninvited_ >= half(limits_.calls) || share.uninvited >= half(limits_.calls_per_host)) return false;
    const auto peer = peers_.find(caller->site());
    return peer == peers_.end() || peer->second < limits_.calls_per_peer;
}

void CallTable::note_refused(const Call& call) {
    if (!call.uninvited_by || call.alive()) return;
    if (refused_.size() > 2 * calls_.size() + kRefusedKept) {
        // Some have gone, and one that begins and is refused again and again stands there as often.
        std::erase_if(refused_, [this](std::uint64_t key) { return !calls_.contains(key); });
        std::sort(refused_.begin(), refused_.end());
        refused_.erase(std::unique(refused_.begin(), refused_.end()), refused_.end());
    }
    refused_.push_back(call.key);
}

/// One of them. False if there is none.
bool CallTable::forget_refused() {
    while (!refused_.empty()) {
        const std::uint64_t key = refused_.back();
        refused_.pop_back();
        const Call* call = std::as_const(*this).find(key);
        if (call == nullptr || call->alive() || !call->uninvited_by) continue;
        erase(key);
        return true;
    }
    return false;
}

Call* CallTable::add(std::uint64_t key, std::string_view call_id, const IpAddress& charged_to,
                     const std::optional<IpAddress>& caller, TimePoint now) {
    while (!has_room(charged_to, caller)) {
        if (!forget_refused()) return nullptr;
    }
    if (!caller) return &restore(key, call_id, charged_to, now);
    const IpAddress site = caller->site();
    Call& call = restore(key, call_id, charged_to, now);
    call.uninvited_by = site;
    ++uninvited_;
    ++hosts_[charged_to].uninvited;
    ++peers_[site];
    return &call;
}

void CallTable::set_invited(Call& call) {
    if (!call.uninvited_by) return;
    const auto peer = peers_.find(*call.uninvited_by);
    if (peer != peers_.end() && --peer->second == 0) peers_.erase(peer);
    const auto host = hosts_.find(call.charged_to);
    if (host != hosts_.end()) --host->second.uninvited;
    --uninvited_;
    call.uninvited_by.reset();
}

Call& CallTable::restore(std::uint64_t key, std::string_view call_id, const IpAddress& charged_to, TimePoint now) {
    const auto [entry, fresh] = calls_.try_emplace(key);
    if (!fresh) return fetch(entry.id());
    Call& call = take_place(entry);
    call = Call{};
    call.key = key;
    call.number = entry.id();
    call.call_id = keep_text(call_id.substr(0, kCallIdShown));
    call.charged_to = charged_to;
    call.started = now;
    call.last_message = now;
    ++hosts_[charged_to].calls;
    return call;
}

void CallTable::erase(std::uint64_t key) {
    const auto entry = calls_.find(key);
    if (entry == calls_.end()) return;
    Call& call = fetch(entry.id());
    set_invited(call);
    const auto host = hosts_.find(call.charged_to);
    if (host != hosts_.end() && --host->second.calls == 0) hosts_.erase(host);
    on_desk_[entry->second.place] = Calls::kNone;
    records_.release(entry->second.record);
    calls_.erase(entry);
}

void CallTable::schedule(const Call& call) {
    TimePoint earliest = TimePoint::max();
    for (const Dialog& dialog : call.dialogs) earliest = std::min({earliest, dialog.deadline, dialog.reach_due});
    Rest& rest = calls_.at(call.number).second;
    rest.due = earliest;
    if (earliest < rest.queued) queue(call.number, rest);  // else it comes up before that anyway
}

void CallTable::queue(Calls::Id id, Rest& rest) {
    rest.queued = rest.due;
    deadlines_.push(rest.due, id);
    deadlines_.compact(calls_.size(), [this](TimePoint when, Calls::Id queued) {
        return calls_.holds(queued) && calls_.at(queued).second.queued == when;
    });
}

Call* CallTable::pop_due(TimePoint now) {
    while (const auto popped = deadlines_.pop_entry_due(now)) {
        if (!calls_.holds(popped->key)) continue;
        Rest& rest = calls_.at(popped->key).second;
        // Others were left behind by a call that has ended, perhaps in the same place.
        if (rest.queued != popped->when) continue;
        if (rest.due > now) {
            queue(popped->key, rest);  // most calls are over, or renewed, by the time they were to be looked at
            continue;
        }
        rest.queued = TimePoint::max();
        return &fetch(popped->key);
    }
    return nullptr;
}

}  // namespace messenger::alg
