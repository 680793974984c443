// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "daemon/explain/event_lines.h"
#include "daemon/explain/report.h"

namespace messenger::daemon {

/// One JSON object per line, for programs. The events, each with "time" in seconds of the capture:
///
///     capture   the beginning of a file
///     message   a SIP message
///     media     one m= line of an offer or answer
///     open      a pinhole, for a call
///     close     the same fields, and why
///     refuse    what the engine would not do
///     opaque    a TCP flow that is no SIP, or no longer
///     register  a registrar has accepted a contact; 0 seconds: removed
///     edit      a message that leaves with other lines than it came with (NAT)
///     summary   the end of a file, with its counts
class JsonReport final : public Report {
   public:
    using Report::Report;

    void begin_capture(const std::string& file) override;
    void on_plan(alg::TimePoint now, const alg::Plan& plan) override;
    void on_media(alg::TimePoint /*now*/, const alg::FlowTuple& /*tuple*/) override {}
    void end_capture(const CaptureSummary& summary) override;

   private:
    EventLines lines_{out(), EventLines::CallIdText::whole};
};

}  // namespace messenger::daemon
