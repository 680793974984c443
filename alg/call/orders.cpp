// SPDX-License-Identifier: GPL-2.0-or-later
#include <vector>

#include "alg/call/signalling.h"

namespace messenger::alg {

bool Signalling::close_call(std::uint64_t key, TimePoint now, Plan& plan) {
    Call* call = calls_.find(key);
    if (call == nullptr || !call->alive()) return false;
    call->closed_by_operator = true;
    planner_.withdraw(*call, CloseReason::by_operator, now, plan);
    shut_out_forbidden(*call, plan);
    return true;
}

void Signalling::close_blocked(TimePoint now, Plan& plan) {
    calls_.each([&](Call& call) {
        if (!call.open.empty() && planner_.concerns_blocked(call)) {
            planner_.withdraw(call, CloseReason::blocked, now, plan);
        }
        shut_out_forbidden(call, plan);
    });
    registrations_.each_callback([&](const CallbackTable::Key& key, bool& holds) {
        if (!is_blocked(key)) return;
        holds = false;
        callbacks_.release(key, now);
    });
    // Nobody holds them now, nor those from before a restart.
    std::vector<CallbackTable::Key> blocked;
    for (const auto& [key, callback] : callbacks_.all()) {
        if (is_blocked(key)) blocked.push_back(key);
    }
    for (const CallbackTable::Key& key : blocked) end_callback(key, plan);
}

}  // namespace messenger::alg
