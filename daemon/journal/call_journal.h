// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "alg/engine.h"
#include "alg/net/hash.h"
#include "daemon/gateway/plan_observer.h"
#include "daemon/journal/call_record.h"

namespace messenger::daemon {

/// Told of the pinholes of recorded calls. The record stays where it is until forget() names it.
class PinholeListener {
   public:
    PinholeListener() = default;
    PinholeListener(const PinholeListener&) = delete;
    PinholeListener& operator=(const PinholeListener&) = delete;
    PinholeListener(PinholeListener&&) = delete;
    PinholeListener& operator=(PinholeListener&&) = delete;
    virtual ~PinholeListener() = default;
    /// number: the index in CallRecord::pinholes.
    virtual void on_open(CallRecord& call, std::size_t number) = 0;
    virtual void on_close(CallRecord& call, std::size_t number) = 0;
    virtual void forget(CallRecord& call) = 0;
};

/// The calls that live and those that ended last: what `calls` and `explain CALL-ID` tell. Fed with the engine's
/// events; what it takes for a message is a look at a table and some 100 bytes copied. Its memory is bounded: calls
/// that ended longest ago go first, and when only live ones are left, the events of new ones are not kept.
class CallJournal final : public PlanObserver {
   public:
    struct Limits {
        std::size_t recent_calls = 200;                  ///< that have ended
        std::size_t bytes = std::size_t{16} << 20U;      ///< of all records
        std::size_t bytes_per_call = std::size_t{4096};  ///< of the events of one call
    };
    struct Counters {
        std::uint64_t calls = 0;     ///< ever recorded
        std::uint64_t left_out = 0;  ///< calls for which there was no room
    };

    /// engine and listener are borrowed and outlive this.
    CallJournal(const alg::Engine& engine, PinholeListener& listener, const Limits& limits, const alg::HashKey& secret)
        : engine_(engine), listener_(listener), limits_(limits), by_id_(0, alg::KeyedHash{secret}) {}

    void on_plan(const alg::Plan& plan, alg::TimePoint now) override;
    /// Whether what opens is only said to. Turned off, what is open is so from then on.
    void set_observing(bool observing);
    /// Records the calls that the engine has taken over from before a restart.
    void adopt(alg::TimePoint now);

    /// By Call-ID, by a beginning of it that no other call has, or by the hexadecimal name in a pinhole's comment.
    /// nullptr if there is none; ambiguous, if given, tells that there are several.
    [[nodiscard]] CallRecord* find(std::string_view name, bool* ambiguous = nullptr);
    [[nodiscard]] CallRecord* find(std::uint64_t key, std::string_view call_id);
    /// About in the order in which they began.
    [[nodiscard]] const std::list<CallRecord>& all() const { return records_; }
    [[nodiscard]] std::size_t memory() const { return memory_; }
    [[nodiscard]] const Counters& counters() const { return counters_; }
    /// The engine's call of a record; nullptr if it has forgotten it.
    [[nodiscard]] const alg::Call* engine_call(const CallRecord& record) const;
    [[nodiscard]] bool is_live(const CallRecord& record) const;
    /// Who takes part in a call, as far as is known, and is blocked by an operator.
    [[nodiscard]] std::vector<alg::IpAddress> blocked_hosts(const CallRecord& record) const;

   private:
    using Records = std::list<CallRecord>;
    class Recorder;

    [[nodiscard]] CallRecord* find_exactly(std::string_view call_id);
    [[nodiscard]] CallRecord* find_nameless(const alg::PinholeKey& key);
    [[nodiscard]] CallRecord* record_of(const alg::MessageEvent& event, alg::TimePoint now);
    [[nodiscard]] CallRecord* add(std::string_view call_id, alg::TimePoint now);
    void append(CallRecord& record, const alg::Event& event, alg::TimePoint now);
    void charge(CallRecord& record);
    void make_room();
    void erase(Records::iterator record);

    const alg::Engine& engine_;
    PinholeListener& listener_;
    Limits limits_;
    Records records_;
    std::unordered_map<std::string_view, Records::iterator, alg::KeyedHash, std::equal_to<>> by_id_;
    bool observing_ = false;
    std::size_t nameless_ = 0;
    std::size_t memory_ = 0;
    Counters counters_;
};

}  // namespace messenger::daemon
