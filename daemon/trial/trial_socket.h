// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "alg/net/tuple.h"
#include "daemon/process/fd.h"

namespace messenger::daemon {

/// A UDP port of a host. Made inside the host's network namespace.
class UdpPort {
   public:
    /// Throws std::system_error.
    explicit UdpPort(const alg::Endpoint& own);

    void send(const alg::Endpoint& to, std::string_view bytes) const;
    struct Datagram {
        alg::Endpoint from;
        std::string bytes;
    };
    [[nodiscard]] std::optional<Datagram> receive(std::chrono::milliseconds patience) const;
    [[nodiscard]] const alg::Endpoint& own() const { return own_; }

   private:
    alg::Endpoint own_;
    Fd socket_;
};

/// One end of a TCP connection that carries SIP.
class SipStream {
   public:
    SipStream() = default;
    explicit SipStream(Fd socket) : socket_(std::move(socket)) {}
    /// Begins to connect; throws std::system_error. Made inside the host's network namespace.
    SipStream(const alg::Endpoint& own, const alg::Endpoint& to);

    explicit operator bool() const { return static_cast<bool>(socket_); }
    [[nodiscard]] bool is_connected(std::chrono::milliseconds patience) const;
    void send(std::string_view bytes) const;
    /// A whole message.
    [[nodiscard]] std::optional<std::string> receive(std::chrono::milliseconds patience);

   private:
    Fd socket_;
    std::string received_;
};

/// A TCP port that waits for connections.
class TcpListener {
   public:
    explicit TcpListener(const alg::Endpoint& own);
    [[nodiscard]] std::optional<SipStream> accept(std::chrono::milliseconds patience) const;
    /// Who has connected last.
    [[nodiscard]] const alg::Endpoint& peer() const { return peer_; }

   private:
    Fd socket_;
    mutable alg::Endpoint peer_;
};

}  // namespace messenger::daemon
