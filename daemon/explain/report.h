// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "alg/base/time.h"
#include "alg/counters.h"
#include "alg/net/tuple.h"
#include "alg/plan.h"
#include "daemon/capture/ip_reassembly.h"
#include "daemon/capture/packet_source.h"

namespace messenger::daemon {

/// What is known of a capture when it has been read.
struct CaptureSummary {
    std::string file;
    alg::TimePoint first;  ///< of the first packet; 0 without one
    alg::TimePoint last;
    CaptureCounts frames;
    ReassemblyCounts datagrams;
    alg::Counters counters;
    std::uint64_t other_packets = 0;  ///< IP, but neither UDP nor TCP, or with a broken header of these
    std::uint64_t packets_back = 0;   ///< with a time before that of an earlier packet, which counts for them, too
    std::size_t open_pinholes = 0;    ///< still open at the end
    std::size_t open_calls = 0;
    std::string error;  ///< why the capture could not be read (to its end); or empty
};

/// Who was taken to be inside, and why. Fit to be printed.
struct InsideChoice {
    std::vector<std::string> networks;  ///< empty: not told
    std::string why;
    std::string hint;  ///< what else the configuration has; or empty
};

/// What explain makes of a capture's events. Appends its text to a buffer that its owner empties from time to time.
class Report {
   public:
    explicit Report(std::string& out) : out_(out) {}
    Report(const Report&) = delete;
    Report& operator=(const Report&) = delete;
    Report(Report&&) = delete;
    Report& operator=(Report&&) = delete;
    virtual ~Report() = default;

    /// Told with the beginning of each capture.
    void set_inside(InsideChoice inside) { inside_ = std::move(inside); }

    virtual void begin_capture(const std::string& file) = 0;
    /// Something happened: plan has events or changes. Times never decrease within a capture.
    virtual void on_plan(alg::TimePoint now, const alg::Plan& plan) = 0;
    /// A packet that is no signalling went through a pinhole.
    virtual void on_media(alg::TimePoint now, const alg::FlowTuple& tuple) = 0;
    virtual void end_capture(const CaptureSummary& summary) = 0;

   protected:
    [[nodiscard]] std::string& out() { return out_; }
    [[nodiscard]] const InsideChoice& inside() const { return inside_; }
    /// "Inside: 10.1.0.0/16, 10.2.0.0/16 (network.inside of FILE)"; empty if it is not told.
    [[nodiscard]] std::string inside_text() const {
        std::string text;
        for (const std::string& network : inside_.networks) text += (text.empty() ? "Inside: " : ", ") + network;
        return text.empty() ? text : text + " (" + inside_.why + ')';
    }

   private:
    std::string& out_;
    InsideChoice inside_;
};

}  // namespace messenger::daemon
