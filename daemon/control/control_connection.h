// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "daemon/control/control_protocol.h"
#include "daemon/process/fd.h"

namespace messenger::daemon {

/// One client's lines in and out. Knows no event loop: its owner says when the descriptor is ready, and asks what to
/// wait for.
class ControlConnection {
   public:
    using Handler = std::function<ControlResponse(const ControlRequest&)>;

    ControlConnection(Fd socket, const Handler& handler) : socket_(std::move(socket)), handler_(handler) {}

    [[nodiscard]] int fd() const { return socket_.get(); }
    /// EPOLLIN or EPOLLOUT: while a response waits to be taken, no further request is read. So a client costs at most
    /// one request and one response. One that follows is always listened to, for its end.
    [[nodiscard]] std::uint32_t wanted_events() const;
    /// Reads, answers and writes as far as it goes without blocking. False when the connection is over.
    [[nodiscard]] bool on_ready();

    /// Whether it has asked for events.
    [[nodiscard]] bool follows() const { return follows_; }
    /// Sends the line, with its newline, when the descriptor is ready. A client that has fallen too far behind is told
    /// instead how many lines it misses, once it has caught up.
    void publish(std::string_view line);

   private:
    [[nodiscard]] bool discard_input();
    [[nodiscard]] bool read_some();
    [[nodiscard]] bool write_some();
    void answer_next_line();
    void answer(std::string_view line);

    Fd socket_;
    const Handler& handler_;
    std::string in_;
    std::string out_;
    std::size_t written_ = 0;  ///< of out_
    bool at_end_ = false;      ///< the client will send no more
    bool closing_ = false;     ///< after what is in out_
    bool follows_ = false;
    std::uint64_t missed_ = 0;  ///< lines that were not published
};

}  // namespace messenger::daemon
