// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/event_stream.h"

#include <variant>

#include "daemon/process/clock.h"

namespace messenger::daemon {

namespace {

[[nodiscard]] alg::TimePoint wall_time() {
    return alg::TimePoint(read_wall_clock());
}

}  // namespace

void EventStream::on_plan(const alg::Plan& plan, alg::TimePoint /*now*/) {
    if (!control_.has_followers()) return;
    for (const alg::Event& event : plan.events) lines_.write(event, wall_time(), only_observes(event));
    publish();
}

/// What was open before stays so while the daemon looks on, and closes as ever.
bool EventStream::only_observes(const alg::Event& event) const {
    if (std::holds_alternative<alg::OpenEvent>(event)) return sync_.observing();
    const auto* close = std::get_if<alg::CloseEvent>(&event);
    return close != nullptr && sync_.is_withheld(close->key);
}

void EventStream::on_one_way(const CallRecord& call, const PinholeRecord& pinhole, const OneWay& one_way) {
    if (!control_.has_followers()) return;
    {
        EventLine line(lines_.writer(), "one_way", wall_time());
        line.endpoint("inside", pinhole.key.inside);
        line.text("silent", name(one_way.silent));
        line.text("cause", name(one_way.cause));
        line.text("text", describe(one_way.silent, one_way.cause));
        line.text("call_id", call.call_id);
    }
    publish();
}

void EventStream::on_both_ways(const CallRecord& call, const PinholeRecord& pinhole) {
    if (!control_.has_followers()) return;
    {
        EventLine line(lines_.writer(), "both_ways", wall_time());
        line.endpoint("inside", pinhole.key.inside);
        line.text("call_id", call.call_id);
    }
    publish();
}

void EventStream::on_order(std::string_view text) {
    if (!control_.has_followers()) return;
    EventLine(lines_.writer(), "order", wall_time()).text("text", text);
    publish();
}

void EventStream::publish() {
    // One line at a time: a client that misses some is told how many.
    for (std::string_view rest = text_; !rest.empty();) {
        const std::size_t end = rest.find('\n') + 1;
        control_.publish(rest.substr(0, end));
        rest.remove_prefix(end);
    }
    text_.clear();
}

}  // namespace messenger::daemon
