// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>

#include <boost/container/static_vector.hpp>

#include "alg/net/address.h"
#include "alg/net/packet.h"

namespace messenger::alg {

/// The TCP connections that the pinhole of a file transfer may carry: one for each time that its port was announced.
/// The inside end is the pinhole's, so a connection is known by its remote end. A value.
class ConnectionAllowance {
   public:
    /// taken_over: from before a restart, so a connection may be under way that nobody remembers.
    explicit ConnectionAllowance(bool taken_over) : taken_over_(taken_over) {}

    /// The port has been announced: one connection more.
    void grant();
    /// What was announced is cancelled: one connection less, if it has not begun.
    void revoke();
    /// Whether a packet of the connection with that remote end may pass. Counts the first packet of one that may; the
    /// flags of the others say when it ends. from_remote: the remote end has sent it.
    [[nodiscard]] bool on_packet(const Endpoint& remote, bool from_remote, const TcpFields& tcp);
    /// Every connection that was granted has been, and has ended.
    [[nodiscard]] bool is_spent() const;

   private:
    static constexpr std::size_t kMost = 4;  ///< at once; a host that announces one port more often waits for their end
    struct Connection {
        Endpoint remote;
        bool remote_done = false;  ///< it has sent a FIN
        bool inside_done = false;
        bool reset = false;
        [[nodiscard]] bool ended() const { return reset || (remote_done && inside_done); }
    };
    [[nodiscard]] Connection* begin(const Endpoint& remote, bool granted);

    bool taken_over_ = false;
    std::size_t left_ = 0;  ///< that may still begin
    /// Those that have ended stay, for the packets that come again, until their room is needed.
    boost::container::static_vector<Connection, kMost> connections_;
};

}  // namespace messenger::alg
