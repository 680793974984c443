// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/call_table.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace messenger::alg {

std::size_t CallTable::KeyHash::operator()(std::uint64_t key) const {
    std::array<char, sizeof key> bytes{};
    std::memcpy(bytes.data(), &key, sizeof key);
    return siphash(secret, {bytes.data(), bytes.size()});
}

CallLabel Call::label() const {
    CallLabel label;
    label.call = key;
    label.call_id = id();
    // Of several branches the one that goes on stands for the call.
    for (const Dialog::State wanted : {Dialog::State::confirmed, Dialog::State::early, Dialog::State::inviting}) {
        const auto found = std::find_if(dialogs.begin(), dialogs.end(),
                                        [wanted](const Dialog& dialog) { return dialog.state == wanted; });
        if (found == dialogs.end()) continue;
        label.dialog =
            found->restored_key != 0 ? found->restored_key : dialog_key(found->caller_tag, found->callee_tag);
        break;
    }
    return label;
}

bool Call::alive() const {
    return std::any_of(dialogs.begin(), dialogs.end(), [](const Dialog& dialog) { return dialog.alive(); });
}

Call* CallTable::find(std::uint64_t key) {
    const auto found = calls_.find(key);
    return found == calls_.end() ? nullptr : &found->second;
}

const Call* CallTable::find(std::uint64_t key) const {
    const auto found = calls_.find(key);
    return found == calls_.end() ? nullptr : &found->second;
}

Call* CallTable::add(std::uint64_t key, std::string_view call_id, const IpAddress& charged_to, TimePoint now) {
    if (calls_.size() >= limits_.calls) return nullptr;
    const auto host = per_host_.find(charged_to);
    if (host != per_host_.end() && host->second >= limits_.calls_per_host) return nullptr;
    return &restore(key, call_id, charged_to, now);
}

Call& CallTable::restore(std::uint64_t key, std::string_view call_id, const IpAddress& charged_to, TimePoint now) {
    const auto [at, fresh] = calls_.try_emplace(key);
    Call& call = at->second;
    if (!fresh) return call;
    call.key = key;
    const std::string_view shown = call_id.substr(0, kCallIdShown);
    call.call_id.assign(shown.begin(), shown.end());
    call.charged_to = charged_to;
    call.started = now;
    call.last_message = now;
    call.queued = TimePoint::max();
    ++per_host_[charged_to];
    return call;
}

void CallTable::erase(std::uint64_t key) {
    auto node = calls_.extract(key);
    if (node.empty()) return;
    const auto host = per_host_.find(node.mapped().charged_to);
    if (host != per_host_.end() && --host->second == 0) per_host_.erase(host);
    erased_.push_back(std::move(node));
}

void CallTable::schedule(Call& call) {
    TimePoint earliest = TimePoint::max();
    for (const Dialog& dialog : call.dialogs) earliest = std::min(earliest, dialog.deadline);
    if (earliest >= call.queued) return;  // looked at before that anyway
    call.queued = earliest;
    deadlines_.push(earliest, call.key);
    deadlines_.compact(calls_.size(), [this](TimePoint when, std::uint64_t key) {
        const auto found = calls_.find(key);
        return found != calls_.end() && found->second.queued == when;
    });
}

Call* CallTable::pop_due(TimePoint now) {
    while (const auto key = deadlines_.pop_due(now)) {
        Call* call = find(*key);
        if (call == nullptr || call->queued > now) continue;
        call->queued = TimePoint::max();
        return call;
    }
    return nullptr;
}

}  // namespace messenger::alg
