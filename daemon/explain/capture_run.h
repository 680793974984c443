// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>

#include "alg/engine.h"
#include "alg/plan.h"
#include "daemon/capture/packet_source.h"
#include "daemon/explain/report.h"

namespace messenger::daemon {

/// Gives the packets of one capture to an engine, and what comes of it to a report. The capture's time stamps are the
/// clock: what expires between two packets does so at its own time, before the later one. A time stamp that jumps
/// back counts as the latest one seen.
class CaptureRun {
   public:
    CaptureRun(const alg::Policy& policy, const alg::Limits& limits, const alg::HashKey& secret, Report& report)
        : engine_(policy, limits, secret), report_(report) {}

    /// From now on packets between inside and outside are taken to be translated there.
    void hide_behind(const std::optional<alg::NatPath>& nat) { nat_ = nat; }
    /// packet: at least its IP header begins at octets.
    void on_packet(const CapturedPacket& packet);
    /// Fills in what this knows of summary.
    void describe(CaptureSummary& summary) const;

   private:
    void advance(alg::TimePoint to);

    alg::Engine engine_;
    Report& report_;
    alg::Plan plan_;
    std::optional<alg::NatPath> nat_;
    std::optional<alg::TimePoint> first_;
    alg::TimePoint now_;
    std::uint64_t other_packets_ = 0;
    std::uint64_t packets_back_ = 0;
};

}  // namespace messenger::daemon
