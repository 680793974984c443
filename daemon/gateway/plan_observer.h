// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <initializer_list>
#include <vector>

#include "alg/plan.h"

namespace messenger::daemon {

/// Somebody who is told of everything that the engine decides: the log, the journal of calls, the stream of events.
class PlanObserver {
   public:
    PlanObserver() = default;
    PlanObserver(const PlanObserver&) = delete;
    PlanObserver& operator=(const PlanObserver&) = delete;
    PlanObserver(PlanObserver&&) = delete;
    PlanObserver& operator=(PlanObserver&&) = delete;
    virtual ~PlanObserver() = default;
    /// The plan's views live until this returns.
    virtual void on_plan(const alg::Plan& plan, alg::TimePoint now) = 0;
};

/// Several of them in one's place. All borrowed; they outlive it.
class PlanObservers final : public PlanObserver {
   public:
    PlanObservers(std::initializer_list<PlanObserver*> observers) : observers_(observers) {}
    void on_plan(const alg::Plan& plan, alg::TimePoint now) override {
        for (PlanObserver* observer : observers_) observer->on_plan(plan, now);
    }

   private:
    std::vector<PlanObserver*> observers_;
};

}  // namespace messenger::daemon
