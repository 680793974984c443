// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>

#include "alg/base/deadlines.h"
#include "alg/limits.h"
#include "alg/net/hash.h"
#include "alg/net/packet.h"
#include "alg/net/tuple.h"

namespace messenger::alg {

/// The connections of inside hosts to their TLS servers: which of them live. One does from the server's answer to the
/// client's hello on (RFC 8446 section 4.1; also the SSL 2.0 form that old clients begin with), seen from the SYN on;
/// until its first FIN or RST, or until it has been silent for long. Nothing more of it is looked at.
class TlsTable {
   public:
    struct Connection {
        bool live = false;
        bool said_hello = false;                    ///< the client
        std::uint32_t client_first = 0;             ///< number of the client's first byte
        std::optional<std::uint32_t> server_first;  ///< of the server's
        IpAddress behind;                           ///< of a live one: what hides the client; 0.0.0.0 if nothing does
        TimePoint until;
        TimePoint queued;
    };
    enum class Event : std::uint8_t {
        none,
        began,    ///< it lives from now on
        goes_on,  ///< it lives
        ended,    ///< it lived until now
        not_tls,  ///< what begins there is something else, or began unseen
        full,     ///< not looked at
    };

    TlsTable(const Limits& limits, const HashKey& secret)
        : limits_(limits), connections_(0, KeyedHash{secret}), live_(0, KeyedHash{secret}) {}

    /// A segment. tuple: from client to server, whoever sent it. silence: how long a live one may be silent.
    [[nodiscard]] Event on_segment(const FlowTuple& tuple, bool from_client, const PacketView& packet, Duration silence,
                                   TimePoint now);
    /// One from before a restart. Looked at again at once. False if there is no room.
    [[nodiscard]] bool restore(const FlowTuple& tuple, const IpAddress& behind, TimePoint now);

    [[nodiscard]] Connection* find(const FlowTuple& tuple);
    /// How many connections of that client live.
    [[nodiscard]] std::size_t live_of(const IpAddress& client) const;

    /// Looks at what is due: remaining(tuple) says for how long a live one, whose packets do not come here, has been
    /// seen to go on; ended(tuple) or goes_on(tuple) follows.
    template <class Remaining, class GoesOn, class Ended>
    void expire(TimePoint now, Remaining&& remaining, GoesOn&& goes_on, Ended&& ended) {
        while (const auto tuple = deadlines_.pop_due(now)) {
            const auto found = connections_.find(*tuple);
            if (found == connections_.end() || found->second.queued > now) continue;
            Connection& connection = found->second;
            if (connection.live && connection.until <= now) {
                if (const std::optional<Duration> left = remaining(*tuple)) {
                    // Perhaps 0, when the kernel is just about to forget it: not again at this very moment.
                    connection.until = now + std::max<Duration>(*left, std::chrono::seconds(1));
                    queue(*tuple, connection);
                    goes_on(*tuple);
                    continue;
                }
            }
            if (connection.until > now) {
                queue(*tuple, connection);
                if (connection.live) goes_on(*tuple);
                continue;
            }
            if (erase(found)) ended(*tuple);
        }
    }
    [[nodiscard]] std::optional<TimePoint> next_deadline() const { return deadlines_.next(); }
    [[nodiscard]] std::size_t size() const { return connections_.size(); }
    [[nodiscard]] std::size_t live() const;  ///< of all clients
    [[nodiscard]] const auto& all() const { return connections_; }

   private:
    using Connections = std::unordered_map<FlowTuple, Connection, KeyedHash>;

    [[nodiscard]] Connection* begin(const FlowTuple& tuple, TimePoint now);
    [[nodiscard]] Event on_syn(const FlowTuple& tuple, Connection* connection, std::uint32_t sequence, TimePoint now);
    [[nodiscard]] Event on_payload(const FlowTuple& tuple, Connection& connection, bool from_client,
                                   const PacketView& packet, Duration silence, TimePoint now);
    void set_live(const FlowTuple& tuple, Connection& connection);
    /// True if it lived.
    bool erase(Connections::iterator connection);
    void queue(const FlowTuple& tuple, Connection& connection);

    const Limits& limits_;
    Connections connections_;                                       ///< from client to server
    std::unordered_map<IpAddress, std::uint32_t, KeyedHash> live_;  ///< how many, by client
    Deadlines<FlowTuple> deadlines_;
};

}  // namespace messenger::alg
