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

Call* CallTable::add(std::uint64_t key, std::string_view call_id, const IpAddress& charged_to,
                     const std::optional<IpAddress>& caller, TimePoint now) {
    if (calls_.size() >= limits_.calls) return nullptr;
    const auto host = hosts_.find(charged_to);
    const Share share = host == hosts_.end() ? Share{} : host->second;
    if (share.calls >= limits_.calls_per_host) return nullptr;
    if (!caller) return &restore(key, call_id, charged_to, now);
    const auto half = [](std::size_t limit) { return (limit + 1) / 2; };
    if (uninvited_ >= half(limits_.calls) || share.uninvited >= half(limits_.calls_per_host)) return nullptr;
    const IpAddress site = caller->site();
    const auto peer = peers_.find(site);
    if (peer != peers_.end() && peer->second >= limits_.calls_per_peer) return nullptr;
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
    ++hosts_[charged_to].calls;
    return call;
}

void CallTable::erase(std::uint64_t key) {
    auto node = calls_.extract(key);
    if (node.empty()) return;
    set_invited(node.mapped());
    const auto host = hosts_.find(node.mapped().charged_to);
    if (host != hosts_.end() && --host->second.calls == 0) hosts_.erase(host);
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
