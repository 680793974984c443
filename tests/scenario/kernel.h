// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <string>

#include "alg/base/time.h"
#include "alg/engine.h"
#include "alg/limits.h"
#include "alg/plan.h"

namespace messenger::testing {

/// What the kernel remembers of the decisions of an engine, and what the next engine hears of it: values, each with
/// what is left of its time. A stand-in for daemon/translate*.cpp and the tables behind it.
class Kernel {
   public:
    /// limits: borrowed.
    explicit Kernel(const alg::Limits& limits) : limits_(limits) {}

    void apply(const alg::Plan& plan, alg::TimePoint now);
    /// A packet that is no signalling: the packet path itself keeps its pinhole alive.
    void on_media(const alg::FlowTuple& tuple, alg::TimePoint now);
    /// Tells a new engine. behind: what hides the inside hosts; 0.0.0.0 if nothing does.
    void restore(alg::Engine& engine, const alg::IpAddress& behind, alg::TimePoint now);
    /// What has to change so that the kernel has what `wanted` wants, which is additions, and no more.
    [[nodiscard]] alg::Plan difference(const alg::Plan& wanted) const;

   private:
    /// A change whose views are not good any more.
    template <class Change>
    struct Element {
        Change change;
        std::string call_id;
        alg::TimePoint until;
    };
    struct BindingPlace {
        alg::Transport transport = alg::Transport::udp;
        alg::Endpoint inside;
        alg::IpAddress outside;
        auto operator<=>(const BindingPlace&) const = default;
    };
    [[nodiscard]] static BindingPlace place_of(const alg::BindingChange& change) {
        return {change.transport, change.inside, change.outside.address};
    }
    [[nodiscard]] static alg::CallbackTable::Key place_of(const alg::CallbackChange& change) {
        return {change.transport, change.inside, change.remote};
    }
    void forget_due(alg::TimePoint now);

    const alg::Limits& limits_;
    std::map<alg::PinholeKey, Element<alg::PinholeChange>> pinholes_;
    std::map<BindingPlace, Element<alg::BindingChange>> bindings_;
    std::map<alg::CallbackTable::Key, Element<alg::CallbackChange>> callbacks_;
    std::map<alg::FlowTuple, alg::TimePoint> tls_flows_;  ///< until when
};

}  // namespace messenger::testing
