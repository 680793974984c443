// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/steering.h"

namespace messenger::daemon {

bool Steering::close(const CallRecord& call, alg::TimePoint now) {
    bool lives = false;
    report_(parts_.pipeline.carry_out([&](alg::Plan& plan) { lives = parts_.engine.close_call(call.key, now, plan); },
                                      now));
    if (lives) tell("an operator closed what call " + call.call_id + " had open");
    return lives;
}

bool Steering::block(const alg::IpAddress& host, alg::TimePoint now) {
    if (!blocked_.insert(host).second) return false;
    set_blocked();
    report_(parts_.pipeline.carry_out([&](alg::Plan& plan) { parts_.engine.close_blocked(now, plan); }, now));
    tell("an operator blocked " + host.to_string() + ": nothing is opened for it until it is unblocked, or a restart");
    return true;
}

bool Steering::unblock(const alg::IpAddress& host) {
    if (blocked_.erase(host) == 0) return false;
    set_blocked();
    tell("an operator unblocked " + host.to_string() + ": what its calls agree on from now on is opened");
    return true;
}

void Steering::set_blocked() {
    alg::Policy policy = parts_.engine.policy();
    policy.blocked = blocked();
    parts_.engine.set_policy(policy);
}

bool Steering::observe(bool on, alg::TimePoint now) {
    if (on == observing()) return false;
    if (on) {
        parts_.sync.observe();
    } else {
        parts_.sync.act(parts_.engine, now);
        report_(parts_.pipeline.carry_out([](alg::Plan& /*plan*/) {}, now));
    }
    parts_.journal.set_observing(on);
    parts_.events.set_observing(on);
    tell(on ? "only looking on: nothing new is opened or changed" : "no longer only looking on: calls are served");
    return true;
}

void Steering::tell(const std::string& text) {
    parts_.log.notice("order", "{}", text);
    parts_.stream.on_order(text);
}

}  // namespace messenger::daemon
