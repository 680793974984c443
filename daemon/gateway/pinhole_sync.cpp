// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/pinhole_sync.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "daemon/process/clock.h"
#include "daemon/translate.h"
#include "daemon/translate_nat.h"
#include "daemon/warden/plan_check.h"

namespace messenger::daemon {

namespace {

[[nodiscard]] alg::CallbackTable::Key key_of(const alg::CallbackChange& change) {
    return {change.transport, change.inside, change.remote};
}

template <class Change>
[[nodiscard]] bool opens(const Change& change) {
    return change.kind == Change::Kind::add || change.kind == Change::Kind::refresh;
}

/// Of everything that is wanted, so that a loss is found without a look at the rest.
constexpr std::size_t kLookedForAtOnce = 256;

/// Until the engine asks again about a pinhole that is not in the kernel because we only look on, or because its host
/// is not known.
constexpr auto kObserved = std::chrono::minutes(1);
/// Likewise, when the kernel's answer proves nothing.
constexpr auto kInDoubt = std::chrono::seconds(5);

/// So many hosts are made up by somebody: those that are new wait for so long, rather than everybody for a look at all
/// that is open.
constexpr auto kBetweenRecalls = std::chrono::seconds(10);

}  // namespace

nft::Expected<void> PinholeSync::reinstall(alg::Engine& engine, alg::TimePoint now) {
    nft::Transaction all;
    each_wanted(engine, now, [&](const nft::Operation& wanted) { all.add(wanted.set, wanted.element); });
    table_.forget();
    const auto installed = schema_.install(all);
    lacks_table_ = false;
    if (!installed) {
        // The old one may still be there, and whole.
        const auto state = schema_.verify();
        lacks_table_ = !state || state->kind != nft::SchemaState::Kind::intact;
        ++counters_.failures;
        return installed.error();
    }
    ++counters_.reinstalls;
    nft::CommitReport report;
    report.turned_down = *installed;
    note(report);
    return {};
}

nft::Expected<std::optional<nft::SetId>> PinholeSync::find_loss(alg::Engine& engine, alg::TimePoint now) {
    nft::Expected<std::optional<nft::SetId>> lacking = std::optional<nft::SetId>();
    std::vector<nft::Operation> some;
    // Each by its key: what is wanted is ours to bound, what somebody else has put into a set is not.
    const auto look = [&] {
        std::vector<nft::Place> places;
        places.reserve(some.size());
        for (const nft::Operation& wanted : some) places.push_back({wanted.set, wanted.element.key});
        std::vector<bool> right(some.size());
        const auto looked = ruleset_.find_each(places, [&](std::size_t index, const nft::StoredElement& found) {
            right[index] = is_as_wanted(found.element, some[index].element);
        });
        const auto wrong = std::find(right.begin(), right.end(), false);
        if (!looked) {
            lacking = looked.error();
        } else if (wrong != right.end()) {
            lacking = std::optional(some[static_cast<std::size_t>(wrong - right.begin())].set);
        }
        some.clear();
    };
    each_wanted(engine, now, [&](const nft::Operation& wanted) {
        if (!lacking || *lacking) return;
        some.push_back(wanted);
        if (some.size() == kLookedForAtOnce) look();
    });
    if (lacking && !*lacking) look();
    return lacking;
}

nft::Expected<std::size_t> PinholeSync::put_back(std::span<const nft::Place> removed, alg::Engine& engine,
                                                 alg::TimePoint now) {
    const std::set<nft::Place> places(removed.begin(), removed.end());
    nft::Transaction changes;
    each_wanted(engine, now, [&](const nft::Operation& wanted) {
        if (places.contains(nft::Place{wanted.set, wanted.element.key})) changes.refresh(wanted.set, wanted.element);
    });
    return complete(changes);
}

nft::Expected<std::size_t> PinholeSync::complete(nft::Transaction& lacking) {
    const std::size_t count = lacking.operations().size();
    if (count == 0) return count;
    for (const nft::Family family : {nft::Family::ipv4, nft::Family::ipv6}) lacking.flush(nft::others(family));
    const auto committed = ruleset_.commit(lacking);
    if (!committed) {
        ++counters_.failures;
        return committed.error();
    }
    note(*committed);
    return count - std::min(count, committed->turned_down);
}

bool PinholeSync::may_apply(const alg::PinholeChange& change) {
    return !is_forbidden(change, may_open) && !withheld_.contains(change.key) &&
           !awaits_proof(change.key.inside.address);
}

bool PinholeSync::may_apply(const alg::CallbackChange& change) {
    return !is_forbidden(change, may_call_back) && !withheld_callbacks_.contains(key_of(change)) &&
           !awaits_proof(change.inside.address);
}

std::size_t PinholeSync::each_wanted(alg::Engine& engine, alg::TimePoint now,
                                     const std::function<void(const nft::Operation&)>& take) {
    std::size_t held_back = 0;
    nft::Transaction some;
    const auto hand_on = [&] {
        held_back += take_back_what_may_not_be(some, 0) ? 1U : 0U;
        for (const nft::Operation& operation : some.operations()) take(operation);
        some.clear();
    };
    alg::Plan wanted;
    engine.snapshot(now, wanted);
    for (const std::uint16_t port : options_.sip_ports) {
        for (const nft::Protocol protocol : {nft::Protocol::udp, nft::Protocol::tcp}) {
            some.add(nft::SetId::sip_ports, {nft::Key::port(protocol, port), {}, {}, {}});
        }
    }
    hand_on();
    for (const alg::PinholeChange& change : wanted.changes) {
        if (!may_apply(change)) {
            ++held_back;
            continue;
        }
        translate(change, some);
        if (options_.nat && !leads_nowhere(change.outside)) translate_outside(change, options_.longest_call, some);
        hand_on();
    }
    for (const alg::BindingChange& change : wanted.bindings) {
        if (options_.nat) translate_binding(change, some);
        hand_on();
    }
    for (alg::CallbackChange& change : wanted.callbacks) {
        if (!may_apply(change)) {
            ++held_back;
            continue;
        }
        if (leads_nowhere(change.outside)) change.outside.reset();
        translate(change, some);
        hand_on();
    }
    for (const alg::TlsFlowChange& change : wanted.tls_flows) {
        if (options_.tls) translate(change, some);
        hand_on();
    }
    return held_back;
}

bool PinholeSync::leads_nowhere(const std::optional<alg::Endpoint>& outside) const {
    return outside && outside_ != nullptr && !outside_->has(outside->address);
}

void PinholeSync::translate_binding(const alg::BindingChange& change, nft::Transaction& transaction) const {
    if (outside_ == nullptr) return;
    outside_->each_with(change.outside.address,
                        [&](std::string_view interface) { translate(change, interface, transaction); });
}

template <class Change, class Check>
bool PinholeSync::is_forbidden(const Change& change, Check check) const {
    return policy_ != nullptr && opens(change) && !check(change, *policy_);
}

template <class Change, class Check>
bool PinholeSync::turns_down(const Change& change, Check check) {
    if (!is_forbidden(change, check)) return false;
    ++counters_.turned_down;
    return true;
}

bool PinholeSync::awaits_proof(const alg::IpAddress& host) {
    if (knows(host)) return false;
    if (unproven_.size() >= HeardHosts::kMostHosts) unproven_.clear();  // of calls that have long ended
    unproven_.insert(host);
    return true;
}

bool PinholeSync::lacks_proof(const alg::IpAddress& host) {
    if (!awaits_proof(host)) return false;
    ++counters_.unproven;
    return true;
}

void PinholeSync::recall_open_hosts(alg::Engine& engine, alg::TimePoint now) {
    hosts_->forget();
    alg::Plan open;
    engine.snapshot(now, open);
    std::set<alg::IpAddress> seen;
    std::vector<nft::Place> places;
    for (const alg::PinholeChange& change : open.changes) {
        const auto place = seen.insert(change.key.inside.address).second ? place_of(change.key) : std::nullopt;
        if (place) places.push_back(*place);
    }
    for (const alg::CallbackChange& change : open.callbacks) {
        const auto place = seen.insert(change.inside.address).second ? place_of(change) : std::nullopt;
        if (place) places.push_back(*place);
    }
    hosts_->recall(places);
}

void PinholeSync::hear(std::span<const alg::IpAddress> hosts, alg::Engine& engine, alg::TimePoint now) {
    if (hosts_->is_full() && now >= next_recall_) {
        next_recall_ = now + kBetweenRecalls;
        recall_open_hosts(engine, now);
    }
    std::set<alg::IpAddress> owed;
    for (const alg::IpAddress& host : hosts_->learn(hosts)) {
        if (unproven_.erase(host) != 0) owed.insert(host);
    }
    if (owed.empty() || observing_) return;
    alg::Plan wanted;
    engine.snapshot(now, wanted);
    std::erase_if(wanted.changes, [&](const auto& change) { return !owed.contains(change.key.inside.address); });
    std::erase_if(wanted.callbacks, [&](const auto& change) { return !owed.contains(change.inside.address); });
    wanted.bindings.clear();
    wanted.tls_flows.clear();
    stage(wanted);
}

template <class Change>
void PinholeSync::stage_allowed(const Change& change) {
    const std::size_t first = staged_.operations().size();
    translate(change, staged_);
    stage_only_allowed(first);
}

void PinholeSync::stage_pinhole(const alg::PinholeChange& change) {
    const std::size_t first = staged_.operations().size();
    translate(change, staged_);
    translate_outside(change, options_.longest_call, staged_);
    stage_only_allowed(first);
}

void PinholeSync::stage(const alg::Plan& plan) {
    for (const alg::PinholeChange& change : plan.changes) {
        if (turns_down(change, may_open) || withholds(change)) continue;
        if (opens(change) && lacks_proof(change.key.inside.address)) continue;
        stage_pinhole(change);
        const bool closes =
            change.kind == alg::PinholeChange::Kind::remove || change.kind == alg::PinholeChange::Kind::forget;
        if (!closes) continue;
        closed_.add(change.key);
        end_flow(change);
    }
    for (const alg::BindingChange& change : plan.bindings) {
        const std::size_t first = staged_.operations().size();
        translate_binding(change, staged_);
        stage_only_allowed(first);
    }
    for (const alg::CallbackChange& change : plan.callbacks) {
        if (turns_down(change, may_call_back) || withholds(change)) continue;
        if (!opens(change) || !lacks_proof(change.inside.address)) stage_allowed(change);
    }
    for (const alg::TlsFlowChange& change : plan.tls_flows) stage_allowed(change);
    counters_.changes += plan.changes.size() + plan.bindings.size() + plan.callbacks.size() + plan.tls_flows.size();
    if (!options_.admit || observing_) return;
    for (const alg::FlowSeed& flow : plan.seeds) {
        if (!knows(flow.inside.address)) continue;
        seed({{flow.remote, flow.inside, flow.transport}, flow.outside, false});
        ++counters_.seeded;
    }
}

nft::Expected<void> PinholeSync::allow_other_numbers(const alg::FlowTuple& tuple) {
    const auto liberal = conntrack_.set_liberal(to_nft(tuple));
    if (!liberal) return liberal.error();
    if (!*liberal) return nft::system_error(ENOENT, "change the conntrack entry of an edited connection");
    return {};
}

nft::Expected<void> PinholeSync::announce_handover(std::chrono::milliseconds patience) {
    if (!options_.nat) return {};
    nft::Transaction handover;
    handover.refresh(nft::SetId::handover, {nft::Key::protocol(nft::Protocol::tcp), patience, {}, {}});
    if (const auto committed = ruleset_.commit(handover); !committed) return committed.error();
    return {};
}

nft::Expected<void> PinholeSync::end_handover() {
    if (!options_.nat) return {};
    nft::Transaction over;
    over.discard(nft::SetId::handover, nft::Key::protocol(nft::Protocol::tcp));
    if (const auto committed = ruleset_.commit(over); !committed) return committed.error();
    return {};
}

bool PinholeSync::withholds(const alg::PinholeChange& change) {
    using Kind = alg::PinholeChange::Kind;
    if (observing_ && change.kind == Kind::add) {
        withheld_.insert(change.key);
        return true;
    }
    if (withheld_.empty()) return false;
    const bool ends = change.kind == Kind::remove || change.kind == Kind::forget;
    return ends ? withheld_.erase(change.key) != 0 : withheld_.contains(change.key);
}

bool PinholeSync::withholds(const alg::CallbackChange& change) {
    using Kind = alg::CallbackChange::Kind;
    const alg::CallbackTable::Key key = key_of(change);
    if (observing_ && change.kind == Kind::add) {
        withheld_callbacks_.insert(key);
        return true;
    }
    if (withheld_callbacks_.empty()) return false;
    return change.kind == Kind::remove ? withheld_callbacks_.erase(key) != 0 : withheld_callbacks_.contains(key);
}

void PinholeSync::act(alg::Engine& engine, alg::TimePoint now) {
    observing_ = false;
    alg::Plan wanted;
    engine.snapshot(now, wanted);
    for (const alg::PinholeChange& change : wanted.changes) {
        if (withheld_.contains(change.key) && !lacks_proof(change.key.inside.address)) stage_pinhole(change);
    }
    for (const alg::CallbackChange& change : wanted.callbacks) {
        if (withheld_callbacks_.contains(key_of(change)) && !lacks_proof(change.inside.address)) stage_allowed(change);
    }
    withheld_.clear();
    withheld_callbacks_.clear();
}

nft::Expected<void> PinholeSync::look_at_closed(const alg::Engine& engine) {
    counters_.swept += closed_.look([&](const auto& key) { return is_wanted(engine, key); }, ruleset_, staged_);
    return commit();
}

nft::Expected<void> PinholeSync::look_late_at_closed(const alg::Engine& engine) {
    counters_.swept += closed_.look_late([&](const auto& key) { return is_wanted(engine, key); }, ruleset_, staged_);
    return commit();
}

nft::Expected<void> PinholeSync::commit() {
    if (!seeds_.empty()) begin_flows();
    std::optional<nft::NftError> failed;
    if (!staged_.empty()) {
        ++counters_.transactions;
        const alg::TimePoint begun = read_clock();
        auto committed = ruleset_.commit(staged_);
        commit_times_.add(read_clock() - begun);
        staged_.clear();
        if (!committed) failed = committed.error();
        if (committed) note(*committed);
    }
    if (!seeds_.empty()) finish_flows();
    if (!failed) return {};
    ++counters_.failures;
    return *std::move(failed);
}

void PinholeSync::note(const nft::CommitReport& report) {
    if (report.no_room > 0) note_no_room();
    if (report.turned_down == 0) return;
    ++counters_.failures;
    counters_.refused += report.turned_down;
    refused_ += report.turned_down;
}

std::optional<alg::Duration> PinholeSync::remaining(const alg::PinholeKey& key) {
    // Nobody counts its packets, so silence is no sign.
    if (withheld_.contains(key) || !knows(key.inside.address)) return kObserved;
    const auto place = place_of(key);
    if (!place) return std::nullopt;
    const auto found = ruleset_.find(place->set, place->key);
    // A kernel that does not answer is no proof that the media has stopped.
    if (!found || (!*found && in_doubt_)) return kInDoubt;
    if (!*found) return std::nullopt;
    return (*found)->expires;
}

std::optional<alg::Duration> PinholeSync::remaining_of_tls(const alg::FlowTuple& tuple) {
    const nft::FlowTuple flow = to_nft(tuple);
    const auto found = ruleset_.find(nft::tls_clients(flow.source.address.family()), nft::Key::tuple(flow));
    if (!found || (!*found && in_doubt_)) return kInDoubt;
    if (!*found) return std::nullopt;
    return (*found)->expires;
}

}  // namespace messenger::daemon
