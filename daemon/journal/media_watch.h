// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "alg/base/time.h"
#include "alg/engine.h"
#include "daemon/journal/call_journal.h"
#include "daemon/journal/one_way.h"
#include "daemon/process/clock.h"
#include "nft/conntrack.h"
#include "nft/ruleset.h"
#include "nft/traffic.h"

namespace messenger::daemon {

/// Told when the media of a call flows one way only, and when that is over.
class OneWayObserver {
   public:
    OneWayObserver() = default;
    OneWayObserver(const OneWayObserver&) = delete;
    OneWayObserver& operator=(const OneWayObserver&) = delete;
    OneWayObserver(OneWayObserver&&) = delete;
    OneWayObserver& operator=(OneWayObserver&&) = delete;
    virtual ~OneWayObserver() = default;
    virtual void on_one_way(const CallRecord& call, const PinholeRecord& pinhole, const OneWay& one_way) = 0;
    virtual void on_both_ways(const CallRecord& call, const PinholeRecord& pinhole) = 0;
};

/// Several of them in one's place. All borrowed; they outlive it.
class OneWayObservers final : public OneWayObserver {
   public:
    OneWayObservers(std::initializer_list<OneWayObserver*> observers) : observers_(observers) {}
    void on_one_way(const CallRecord& call, const PinholeRecord& pinhole, const OneWay& one_way) override {
        for (OneWayObserver* observer : observers_) observer->on_one_way(call, pinhole, one_way);
    }
    void on_both_ways(const CallRecord& call, const PinholeRecord& pinhole) override {
        for (OneWayObserver* observer : observers_) observer->on_both_ways(call, pinhole);
    }

   private:
    std::vector<OneWayObserver*> observers_;
};

/// Reads the kernel's counters of inside endpoints into the records of the calls, and sees where media flows one way
/// only. It looks while something is open, and not at all otherwise. However much is open, a look is short, for packets
/// wait meanwhile: a round takes as many looks as it needs, and the rounds become rarer as they become dear.
class MediaWatch final : public PinholeListener {
   public:
    struct Options {
        alg::Duration patience = std::chrono::seconds(5);  ///< with media that flows only one way; 0: never reported
        bool admit = true;                       ///< passage = "admit": no rule of the operator can drop media
        alg::TimePoint (*clock)() = read_clock;  ///< tells what a look costs
    };
    struct Counters {
        std::uint64_t looks = 0;
        std::uint64_t one_way = 0;  ///< streams ever reported
        std::uint64_t errors = 0;   ///< looks that the kernel did not answer
    };

    /// ruleset and conntrack are borrowed and outlive this.
    MediaWatch(nft::Ruleset& ruleset, nft::Conntrack& conntrack, const Options& options)
        : ruleset_(ruleset), conntrack_(conntrack), options_(options) {}

    void on_open(CallRecord& call, std::size_t number) override;
    void on_close(CallRecord& call, std::size_t number) override;
    void forget(CallRecord& call) override;

    /// Brings the records up to date, and tells observer of one-way media.
    void look(const alg::Engine& engine, OneWayObserver& observer, alg::TimePoint now);
    /// When the next look is due; absent while nothing is open.
    [[nodiscard]] std::optional<alg::TimePoint> next_look() const { return next_look_; }
    /// To be called in each round of the event loop, so that next_look() knows of what has opened and closed.
    void plan_look(alg::TimePoint now);
    /// Brings the records up to date because somebody asks for them; with more than some thousand pinholes they stay as
    /// the last round has left them.
    void refresh(alg::TimePoint now);
    /// The same for one call, however much is open.
    void refresh(const CallRecord& call, alg::TimePoint now);

    /// Audio streams that flow one way at present.
    [[nodiscard]] std::size_t one_way_now() const { return one_way_now_; }
    [[nodiscard]] const Counters& counters() const { return counters_; }

   private:
    struct User {
        CallRecord* call = nullptr;
        std::size_t number = 0;
        bool operator==(const User&) const = default;
        [[nodiscard]] PinholeRecord& pinhole() const { return call->pinholes.at(number); }
    };
    /// Pinholes of several calls, or of one, may lead to the same inside endpoint; the kernel counts for them together.
    struct Meter {
        nft::InsideEndpoint inside;
        nft::Traffic last;  ///< as the kernel had it
        std::vector<User> users;
    };

    static void apply(Meter& meter, const nft::Traffic& traffic, alg::TimePoint now);
    void read(std::span<Meter* const> meters, alg::TimePoint now);
    void read(std::span<const nft::Key> keys, alg::TimePoint now);
    void settle();
    void go_on_with_round(const alg::Engine& engine, OneWayObserver& observer, alg::TimePoint now);
    void judge(const User& user, const alg::Engine& engine, OneWayObserver& observer, alg::TimePoint now);
    [[nodiscard]] SilenceCause find_cause(const CallRecord& call, const PinholeRecord& pinhole, SilentSide silent,
                                          const alg::Call* engine_call);
    [[nodiscard]] bool dropped_by_firewall(const PinholeRecord& pinhole, const alg::Call* engine_call);
    [[nodiscard]] alg::Duration period() const;

    nft::Ruleset& ruleset_;
    nft::Conntrack& conntrack_;
    Options options_;
    std::map<nft::Key, Meter> meters_;         ///< by Key::endpoint
    std::vector<nft::Key> ending_;             ///< a pinhole of these has closed since the last look
    std::optional<alg::TimePoint> settle_at_;  ///< with ending_
    nft::Transaction settled_;                 ///< kept for its memory
    std::optional<alg::TimePoint> next_look_;
    // With meters_:
    alg::TimePoint next_step_;          ///< of a round
    alg::Duration pause_{};             ///< after the last step, because of what it cost
    alg::TimePoint round_begun_;        ///< of the one under way, or of the last
    std::optional<nft::Key> next_key_;  ///< where a round is under way, what it goes on with
    std::optional<alg::TimePoint> last_refresh_;
    std::size_t audio_ = 0;  ///< open audio pinholes of role rtp
    std::size_t one_way_now_ = 0;
    Counters counters_;
};

}  // namespace messenger::daemon
