// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "alg/base/time.h"
#include "alg/plan.h"
#include "daemon/journal/event_buffer.h"
#include "nft/traffic.h"

namespace messenger::daemon {

/// Who is not heard.
enum class SilentSide : std::uint8_t { inside, peer };

/// What is the most likely reason for it, as far as the counters and the SDP tell.
enum class SilenceCause : std::uint8_t {
    nothing_sent,     ///< not a packet, RTCP neither
    muted,            ///< no media, but RTCP comes
    went_silent,      ///< media came, and ceased
    private_address,  ///< the peer's SDP names an address that is not reachable from here
    firewall,         ///< it comes as far as the media chain; a later rule of this host drops it
};

/// A stream of audio whose packets go one way only.
struct OneWay {
    SilentSide silent = SilentSide::peer;
    SilenceCause cause = SilenceCause::nothing_sent;
    alg::TimePoint since;
};

/// What the counters of a stream told from look to look.
struct OneWayState {
    std::optional<alg::TimePoint> last_in;   ///< the look that found new packets
    std::optional<alg::TimePoint> last_out;  ///< likewise
    std::optional<alg::TimePoint> alone_since;
    SilentSide silent = SilentSide::peer;  ///< with alone_since
    std::optional<OneWay> reported;
};

/// A pinhole that a call has, or had.
struct PinholeRecord {
    alg::PinholeKey key;
    alg::Purpose purpose;
    bool remote_is_private = false;
    bool open = true;
    bool observed = false;  ///< not in the kernel, for the daemon only looked on when it would have opened it
    alg::TimePoint opened;
    nft::Traffic traffic;  ///< since it opened
    OneWayState one_way;
};

/// A call as the daemon remembers it. The engine knows whether it lives; this is for people.
struct CallRecord {
    std::string call_id;  ///< at most alg::kCallIdShown bytes, of the wire
    std::uint64_t key = 0;
    bool named_late = false;  ///< taken over from before a restart, without a Call-ID that the engine would know
    std::string from;         ///< the header, of the wire
    std::string to;
    alg::IpAddress inside;  ///< the inside host of the first message
    alg::IpAddress peer;    ///< whom it spoke with
    alg::TimePoint begun;
    alg::TimePoint last;  ///< event
    bool restored = false;
    EventBuffer events;
    std::vector<PinholeRecord> pinholes;
    std::size_t memory = 0;  ///< what the journal has charged for it

    [[nodiscard]] EventBuffer::Names names() const { return {call_id, from, to}; }
    [[nodiscard]] bool has_open_pinhole() const {
        for (const PinholeRecord& pinhole : pinholes) {
            if (pinhole.open) return true;
        }
        return false;
    }
};

}  // namespace messenger::daemon
