// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/explain/json_report.h"

#include <cstdint>

namespace messenger::daemon {

void JsonReport::begin_capture(const std::string& file) {
    lines_.forget_call_ids();
    EventLine line(lines_.writer(), "capture");
    line.text("file", file);
    if (inside().networks.empty()) return;
    line.list("inside", inside().networks);
    line.text("inside_from", inside().why);
}

void JsonReport::on_plan(alg::TimePoint now, const alg::Plan& plan) {
    for (const alg::Event& event : plan.events) lines_.write(event, now);
}

void JsonReport::end_capture(const CaptureSummary& summary) {
    EventLine line(lines_.writer(), "summary", summary.last);
    line.text("file", summary.file);
    line.number("frames", summary.frames.frames);
    line.number("packets", summary.frames.packets);
    line.number("other_packets", summary.other_packets);
    line.number("messages", summary.counters.messages);
    line.number("not_understood", summary.counters.not_understood);
    line.number("open_calls", summary.open_calls);
    line.number("open_pinholes", summary.open_pinholes);
    for (std::size_t i = 0; i < kLeftOutCount; ++i) {
        const auto count = summary.frames.left_out.at(i);
        if (count != 0) line.number(name(static_cast<LeftOut>(i)), count);
    }
    if (summary.datagrams.incomplete != 0) line.number("incomplete_datagrams", summary.datagrams.incomplete);
    if (!summary.error.empty()) line.text("error", summary.error);
}

}  // namespace messenger::daemon
