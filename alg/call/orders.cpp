// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/signalling.h"

namespace messenger::alg {

bool Signalling::close_call(std::uint64_t key, TimePoint now, Plan& plan) {
    Call* call = calls_.find(key);
    if (call == nullptr || !call->alive()) return false;
    call->closed_by_operator = true;
    planner_.withdraw(*call, CloseReason::by_operator, now, plan);
    return true;
}

void Signalling::close_blocked(TimePoint now, Plan& plan) {
    calls_.each([&](Call& call) {
        if (!call.open.empty() && planner_.concerns_blocked(call)) {
            planner_.withdraw(call, CloseReason::blocked, now, plan);
        }
    });
}

}  // namespace messenger::alg
