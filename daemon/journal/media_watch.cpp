// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/journal/media_watch.h"

#include <algorithm>

#include "daemon/translate.h"

namespace messenger::daemon {

namespace {

constexpr alg::Duration kPeriod = std::chrono::seconds(1);
/// Without audio nobody is to be told soon; but a counter vanishes with its element after a silence, and is read
/// before.
constexpr alg::Duration kLazyPeriod = std::chrono::seconds(30);
/// A round takes at most a hundredth of the time, if it is not so long that counters vanish before it is over.
constexpr int kShareOfTime = 100;
constexpr alg::Duration kLongestRound = std::chrono::seconds(60);
/// Packets that were under way when the pinhole closed are through by then.
constexpr alg::Duration kSettleDelay = std::chrono::milliseconds(50);
constexpr alg::Duration kFresh = std::chrono::milliseconds(200);
/// Endpoints that a step reads, which takes about a millisecond. Not by listing the sets: that takes longer than all
/// the steps, because of how the kernel goes through a hashed set.
constexpr std::size_t kAtOnce = 128;
constexpr std::size_t kMostToRefresh = 4096;

[[nodiscard]] bool is_audio(const PinholeRecord& pinhole) {
    return pinhole.purpose == alg::Purpose{alg::MediaKind::audio, alg::PortRole::rtp} &&
           pinhole.key.transport == alg::Transport::udp;
}

[[nodiscard]] nft::Key key_of(const PinholeRecord& pinhole) {
    return nft::Key::endpoint(to_nft(pinhole.key.transport), to_nft(pinhole.key.inside));
}

/// What came since the last look. Less than then means that the element timed out, or that the table was made anew.
[[nodiscard]] nft::Counter difference(const nft::Counter& last, const nft::Counter& now) {
    if (now.packets < last.packets || now.bytes < last.bytes) return now;
    return {now.packets - last.packets, now.bytes - last.bytes};
}

void add(nft::Counter& to, const nft::Counter& more) {
    to.packets += more.packets;
    to.bytes += more.bytes;
}

}  // namespace

void MediaWatch::on_open(CallRecord& call, std::size_t number) {
    const PinholeRecord& pinhole = call.pinholes.at(number);
    Meter& meter = meters_[key_of(pinhole)];
    meter.inside = {to_nft(pinhole.key.transport), to_nft(pinhole.key.inside)};
    meter.users.push_back({&call, number});
    if (is_audio(pinhole)) ++audio_;
}

void MediaWatch::on_close(CallRecord& call, std::size_t number) {
    const PinholeRecord& pinhole = call.pinholes.at(number);
    if (is_audio(pinhole)) --audio_;
    if (pinhole.one_way.reported) --one_way_now_;
    ending_.push_back(key_of(pinhole));
}

void MediaWatch::forget(CallRecord& call) {
    for (const PinholeRecord& pinhole : call.pinholes) {
        const auto meter = meters_.find(key_of(pinhole));
        if (meter == meters_.end()) continue;
        std::erase_if(meter->second.users, [&call](const User& user) { return user.call == &call; });
        if (meter->second.users.empty()) meters_.erase(meter);
    }
}

alg::Duration MediaWatch::period() const {
    return audio_ != 0 && options_.patience != alg::Duration::zero() ? kPeriod : kLazyPeriod;
}

void MediaWatch::plan_look(alg::TimePoint now) {
    if (meters_.empty()) {
        next_look_.reset();
        next_key_.reset();
        settle_at_.reset();
        ending_.clear();
        return;
    }
    if (!next_look_) next_step_ = now + period();
    // Audio may have joined what was looked at seldom.
    if (!next_key_) next_step_ = std::min(next_step_, now + std::max(period(), pause_));
    if (!ending_.empty() && !settle_at_) settle_at_ = now + kSettleDelay;
    next_look_ = std::min(next_step_, settle_at_.value_or(next_step_));
}

void MediaWatch::look(const alg::Engine& engine, OneWayObserver& observer, alg::TimePoint now) {
    ++counters_.looks;
    if (settle_at_ && *settle_at_ <= now) {
        read(ending_, now);
        settle();
    }
    if (!meters_.empty() && next_step_ <= now) go_on_with_round(engine, observer, now);
    next_look_.reset();
    if (!meters_.empty()) next_look_ = next_step_;
}

void MediaWatch::go_on_with_round(const alg::Engine& engine, OneWayObserver& observer, alg::TimePoint now) {
    if (!next_key_) round_begun_ = now;
    auto at = next_key_ ? meters_.lower_bound(*next_key_) : meters_.begin();
    std::vector<Meter*> some;
    for (; at != meters_.end() && some.size() < kAtOnce; ++at) some.push_back(&at->second);
    const alg::TimePoint begun = options_.clock();
    read(some, now);
    const alg::Duration cost = options_.clock() - begun;
    if (audio_ != 0 && options_.patience != alg::Duration::zero()) {
        for (const Meter* meter : some) {
            for (const User& user : meter->users) {
                if (user.pinhole().open && is_audio(user.pinhole())) judge(user, engine, observer, now);
            }
        }
    }
    const alg::Duration longest = kLongestRound * kAtOnce / static_cast<int>(std::max(meters_.size(), kAtOnce));
    pause_ = std::min(cost * kShareOfTime, longest);
    next_step_ = now + pause_;
    if (at == meters_.end()) {
        next_key_.reset();
        next_step_ = std::max(next_step_, round_begun_ + period());
    } else {
        next_key_ = at->first;
    }
}

void MediaWatch::read(std::span<Meter* const> meters, alg::TimePoint now) {
    for (std::size_t first = 0; first < meters.size(); first += kAtOnce) {
        const auto some = meters.subspan(first, std::min(kAtOnce, meters.size() - first));
        std::vector<nft::InsideEndpoint> insides;
        insides.reserve(some.size());
        for (const Meter* meter : some) insides.push_back(meter->inside);
        const auto traffic = nft::read_traffic(ruleset_, insides);
        if (!traffic) {
            ++counters_.errors;
            return;
        }
        for (std::size_t i = 0; i < some.size(); ++i) apply(*some[i], (*traffic)[i], now);
    }
}

void MediaWatch::refresh(alg::TimePoint now) {
    if (meters_.size() > kMostToRefresh || (last_refresh_ && now - *last_refresh_ < kFresh)) return;
    last_refresh_ = now;
    std::vector<Meter*> all;
    all.reserve(meters_.size());
    for (auto& [key, meter] : meters_) all.push_back(&meter);
    read(all, now);
}

void MediaWatch::refresh(const CallRecord& call, alg::TimePoint now) {
    std::vector<nft::Key> keys;
    keys.reserve(call.pinholes.size());
    for (const PinholeRecord& pinhole : call.pinholes) keys.push_back(key_of(pinhole));
    read(keys, now);
}

void MediaWatch::read(std::span<const nft::Key> keys, alg::TimePoint now) {
    std::vector<Meter*> meters;
    for (const nft::Key& key : keys) {
        const auto meter = meters_.find(key);
        if (meter != meters_.end()) meters.push_back(&meter->second);
    }
    read(meters, now);
}

void MediaWatch::apply(Meter& meter, const nft::Traffic& traffic, alg::TimePoint now) {
    const nft::Counter in = difference(meter.last.inbound, traffic.inbound);
    const nft::Counter out = difference(meter.last.outbound, traffic.outbound);
    meter.last = traffic;
    for (const User& user : meter.users) {
        PinholeRecord& pinhole = user.pinhole();
        add(pinhole.traffic.inbound, in);
        add(pinhole.traffic.outbound, out);
        if (in.packets != 0) pinhole.one_way.last_in = now;
        if (out.packets != 0) pinhole.one_way.last_out = now;
    }
}

/// Lets go of closed pinholes whose last packets have been counted. Their counters go from the kernel, so that the next
/// call with this port begins at zero.
void MediaWatch::settle() {
    settled_.clear();
    for (const nft::Key& key : ending_) {
        const auto meter = meters_.find(key);
        if (meter == meters_.end()) continue;
        std::erase_if(meter->second.users, [](const User& user) { return !user.pinhole().open; });
        if (!meter->second.users.empty()) continue;
        const nft::Family family = meter->second.inside.endpoint.address.family();
        if (meter->second.last.inbound.packets != 0) settled_.remove(nft::received(family), key);
        if (meter->second.last.outbound.packets != 0) settled_.remove(nft::sent(family), key);
        meters_.erase(meter);
    }
    ending_.clear();
    settle_at_.reset();
    if (!settled_.empty() && !ruleset_.commit(settled_)) ++counters_.errors;
}

void MediaWatch::judge(const User& user, const alg::Engine& engine, OneWayObserver& observer, alg::TimePoint now) {
    PinholeRecord& pinhole = user.pinhole();
    OneWayState& state = pinhole.one_way;
    const OneWayChange change = follow(state, now, options_.patience);
    if (change == OneWayChange::ended) {
        --one_way_now_;
        observer.on_both_ways(*user.call, pinhole);
        return;
    }
    if (change == OneWayChange::none) return;
    const alg::Call* call = engine.calls().find(user.call->key);
    if (call != nullptr) {
        const ExpectedWays expected = expected_ways(*call, pinhole.key.inside);
        if (!(state.silent == SilentSide::inside ? expected.out : expected.in)) {
            state.alone_since.reset();  // as agreed: on hold, or one side only listens
            return;
        }
    }
    state.reported = OneWay{state.silent, find_cause(*user.call, pinhole, state.silent, call), *state.alone_since};
    ++counters_.one_way;
    ++one_way_now_;
    observer.on_one_way(*user.call, pinhole, *state.reported);
}

SilenceCause MediaWatch::find_cause(const CallRecord& call, const PinholeRecord& pinhole, SilentSide silent,
                                    const alg::Call* engine_call) {
    if (pinhole.remote_is_private) return SilenceCause::private_address;
    if (silent == SilentSide::inside && dropped_by_firewall(pinhole, engine_call)) return SilenceCause::firewall;
    const bool inside = silent == SilentSide::inside;
    const bool rtcp = std::any_of(call.pinholes.begin(), call.pinholes.end(), [&](const PinholeRecord& other) {
        const bool same_stream = other.open && other.purpose.role == alg::PortRole::rtcp &&
                                 other.key.inside.address == pinhole.key.inside.address &&
                                 other.key.inside.port == pinhole.key.inside.port + 1;
        return same_stream && (inside ? other.traffic.outbound : other.traffic.inbound).packets != 0;
    });
    if (rtcp) return SilenceCause::muted;
    const auto& last = inside ? pinhole.one_way.last_out : pinhole.one_way.last_in;
    return last ? SilenceCause::went_silent : SilenceCause::nothing_sent;
}

/// With passage = "mark" a rule of the operator decides behind our chain. The first packet that it drops leaves no
/// conntrack entry, for entries are kept once a packet has left the host.
bool MediaWatch::dropped_by_firewall(const PinholeRecord& pinhole, const alg::Call* engine_call) {
    if (options_.admit || engine_call == nullptr || pinhole.key.any_remote) return false;
    for (const alg::OpenPinhole& open : engine_call->open) {
        if (open.key != pinhole.key || open.remote_port == 0) continue;
        const alg::FlowTuple tuple{{open.key.remote, open.remote_port}, open.key.inside, open.key.transport};
        const auto entry = conntrack_.find(to_nft(tuple));
        return entry && !entry->has_value();
    }
    return false;
}

}  // namespace messenger::daemon
