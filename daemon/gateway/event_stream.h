// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "daemon/control/control_socket.h"
#include "daemon/explain/event_lines.h"
#include "daemon/gateway/pinhole_sync.h"
#include "daemon/gateway/plan_observer.h"
#include "daemon/journal/media_watch.h"

namespace messenger::daemon {

/// What happens, as JSON lines to the clients of the control socket that follow; nothing is written while there are
/// none. Beside the engine's events, which explain has, too:
///
///     one_way    audio of a call flows one way only: inside, silent (inside, peer), cause, text, call_id
///     both_ways  it does no longer: inside, call_id
///     order      what an operator had done: text
class EventStream final : public PlanObserver, public OneWayObserver {
   public:
    /// control, sync: borrowed, outlive this.
    EventStream(ControlSocket& control, const PinholeSync& sync) : control_(control), sync_(sync) {}

    /// Before sync has staged the plan.
    void on_plan(const alg::Plan& plan, alg::TimePoint now) override;
    void on_one_way(const CallRecord& call, const PinholeRecord& pinhole, const OneWay& one_way) override;
    void on_both_ways(const CallRecord& call, const PinholeRecord& pinhole) override;
    /// Something that an operator has ordered, as a sentence of ours.
    void on_order(std::string_view text);

   private:
    void publish();

    [[nodiscard]] bool only_observes(const alg::Event& event) const;

    ControlSocket& control_;
    const PinholeSync& sync_;
    std::string text_;  ///< kept for its memory
    EventLines lines_{text_, EventLines::CallIdText::shown};
};

}  // namespace messenger::daemon
