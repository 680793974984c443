// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "alg/base/time.h"
#include "daemon/capture/capture_file.h"
#include "daemon/capture/ip_reassembly.h"
#include "daemon/capture/left_out.h"
#include "daemon/capture/octets.h"

namespace messenger::daemon {

/// One whole IP packet of a capture.
struct CapturedPacket {
    alg::TimePoint time;      ///< of the frame that completed it
    std::uint64_t frame = 0;  ///< number of that frame, from 1, as other programs number them
    Octets octets;            ///< IPv4 or IPv6, as alg::parse_packet() takes it
};

/// What became of the frames: frames == packets + held_fragments + the sum of left_out.
struct CaptureCounts {
    std::uint64_t frames = 0;
    std::uint64_t packets = 0;         ///< handed out
    std::uint64_t held_fragments = 0;  ///< frames that completed no datagram; some were joined by a later frame
    std::array<std::uint64_t, kLeftOutCount> left_out{};  ///< by LeftOut

    [[nodiscard]] std::uint64_t of(LeftOut reason) const { return left_out.at(static_cast<std::size_t>(reason)); }
};

/// The IP packets of a capture, without link layers, tunnels and fragmentation.
class PacketSource {
   public:
    explicit PacketSource(CaptureFile file, const ReassemblyLimits& limits = {})
        : file_(std::move(file)), reassembler_(limits) {}

    /// The next packet, absent at the end and after an error of the file. Its octets live until the next call.
    [[nodiscard]] std::optional<CapturedPacket> next();

    [[nodiscard]] const std::optional<CaptureError>& error() const { return file_.error(); }
    [[nodiscard]] const CaptureCounts& counts() const { return counts_; }
    /// What never became whole is counted once next() has returned nothing.
    [[nodiscard]] const ReassemblyCounts& datagrams() const { return reassembler_.counts(); }

   private:
    [[nodiscard]] Octets unwrap(const CapturedFrame& frame);
    void leave_out(LeftOut reason) { ++counts_.left_out.at(static_cast<std::size_t>(reason)); }

    CaptureFile file_;
    IpReassembler reassembler_;
    CaptureCounts counts_;
};

}  // namespace messenger::daemon
