// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <optional>
#include <set>

#include "alg/engine.h"
#include "tests/fuzz/require.h"

namespace messenger::test {

/// What the kernel has, as it was told: held against what the engine believes after every plan.
class KernelBook {
   public:
    void take(const alg::Plan& plan, alg::TimePoint now) {
        for (const alg::PinholeChange& change : plan.changes) take(change);
        for (const alg::BindingChange& change : plan.bindings) take(change, now);
        for (const alg::CallbackChange& change : plan.callbacks) take(change);
        for (const alg::FlowSeed& seed : plan.seeds) {
            require(pinholes_.contains({seed.transport, false, seed.inside, seed.remote.address}),
                    "a flow is seeded where there is a pinhole");
        }
    }

    void compare(const alg::Engine& engine, alg::TimePoint now) const {
        require(pinholes_.size() == engine.pinholes().size(), "as many pinholes as the engine believes");
        require(callbacks_.size() == engine.callbacks().all().size(), "as many callbacks as the engine believes");
        std::size_t held = 0;
        for (const auto& [key, binding] : engine.bindings().all()) {
            if (!alg::BindingTable::is_held(binding)) continue;
            ++held;
            const auto told = bindings_.find({key.transport, {key.outside, binding.port}});
            require(told != bindings_.end() && told->second.inside == key.inside, "the kernel has what is bound");
            // What only a Contact holds, the kernel is told of anew when half of its time is over.
            require(binding.calls.empty() || told->second.until >= now, "and has not forgotten it");
        }
        require(held == bindings_.size(), "and nothing else");
    }

    [[nodiscard]] const std::set<alg::PinholeKey>& pinholes() const { return pinholes_; }
    [[nodiscard]] bool empty() const { return pinholes_.empty() && bindings_.empty() && callbacks_.empty(); }

   private:
    struct Bound {
        alg::Endpoint inside;
        alg::TimePoint until;
    };

    void take(const alg::PinholeChange& change) {
        using Kind = alg::PinholeChange::Kind;
        switch (change.kind) {
            case Kind::add: require(pinholes_.insert(change.key).second, "a pinhole is opened once"); break;
            case Kind::refresh: require(pinholes_.contains(change.key), "what is refreshed is open"); break;
            case Kind::remove:
            case Kind::forget: require(pinholes_.erase(change.key) == 1, "what is closed was open"); break;
        }
    }

    void take(const alg::BindingChange& change, alg::TimePoint now) {
        using Kind = alg::BindingChange::Kind;
        const auto key = std::pair(change.transport, change.outside);
        const auto found = bindings_.find(key);
        const bool known = found != bindings_.end() && found->second.inside == change.inside;
        if (change.kind == Kind::add) require(found == bindings_.end(), "an outside port has one inside end");
        if (change.kind != Kind::add) require(known, "what is bound again or let go was bound");
        if (change.kind == Kind::remove) {
            bindings_.erase(key);
        } else {
            bindings_[key] = {change.inside, now + change.timeout};
        }
    }

    void take(const alg::CallbackChange& change) {
        using Kind = alg::CallbackChange::Kind;
        const alg::CallbackTable::Key key{change.transport, change.inside, change.remote};
        switch (change.kind) {
            case Kind::add: require(callbacks_.insert(key).second, "a callback is allowed once"); break;
            case Kind::refresh: require(callbacks_.contains(key), "what is allowed again was allowed"); break;
            case Kind::remove: require(callbacks_.erase(key) == 1, "what is forbidden was allowed"); break;
        }
    }

    std::set<alg::PinholeKey> pinholes_;
    std::map<std::pair<alg::Transport, alg::Endpoint>, Bound> bindings_;  ///< by their outside ends
    std::set<alg::CallbackTable::Key> callbacks_;
};

}  // namespace messenger::test
