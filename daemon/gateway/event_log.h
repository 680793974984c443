// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "alg/plan.h"
#include "daemon/gateway/plan_observer.h"
#include "daemon/process/log.h"

namespace messenger::daemon {

/// How often which thing happened, by the enumerators of alg/plan.h.
struct EventCounts {
    std::uint64_t messages = 0;
    std::uint64_t opened = 0;
    std::uint64_t observed = 0;  ///< of those opened: only said to be
    std::uint64_t registrations = 0;
    std::uint64_t edited = 0;                                  ///< messages that left other than they came
    std::uint64_t edited_bytes = 0;                            ///< put into them
    std::uint64_t edited_connections = 0;                      ///< over TCP, counted at their first edit
    std::array<std::uint64_t, alg::kSessionKinds> sessions{};  ///< by SessionKind, offered
    std::array<std::uint64_t, alg::kCloseReasons> closed{};    ///< by CloseReason
    std::array<std::uint64_t, alg::kRefuseReasons> refused{};  ///< by RefuseReason
    std::array<std::uint64_t, alg::kOpaqueReasons> opaque{};   ///< by OpaqueReason
};

/// Writes the events of plans to the log, in words for an operator: what happened, to whom, what can be done about it.
/// Counts them all, written or not.
class EventLog final : public PlanObserver {
   public:
    explicit EventLog(Log& log) : log_(log) {}

    void on_plan(const alg::Plan& plan, alg::TimePoint now) override;
    /// What is opened from now on is only said to be.
    void set_observing(bool observing) { observing_ = observing; }
    [[nodiscard]] const EventCounts& counts() const { return counts_; }

   private:
    void on(const alg::MessageEvent& event);
    void on(const alg::MediaEvent& event);
    void on(const alg::SessionEvent& event);
    void on(const alg::OpenEvent& event);
    void on(const alg::CloseEvent& event);
    void on(const alg::RefuseEvent& event);
    void on(const alg::OpaqueEvent& event);
    void on(const alg::RegistrationEvent& event);
    void on(const alg::EditEvent& event);

    Log& log_;
    EventCounts counts_;
    bool observing_ = false;
};

}  // namespace messenger::daemon
