// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/control/control_connection.h"
#include "daemon/process/event_loop.h"
#include "daemon/process/fd.h"

namespace messenger::daemon {

struct ControlOptions {
    std::string path;
    std::optional<gid_t> group;  ///< its members may connect, beside root and the user we run as
    std::size_t connections = 16;
};

/// The group's number, looked up in the user data base. Throws std::runtime_error if there is no such group.
[[nodiscard]] gid_t find_group(const std::string& name);

/// Whether the process at the other end of a UNIX socket may give orders: root, our own user, or a member of the group,
/// whether it is that process's first group or another.
[[nodiscard]] bool is_allowed_peer(int socket, std::optional<gid_t> group);

struct ControlCounters {
    std::uint64_t accepted = 0;
    std::uint64_t refused = 0;  ///< without permission
    std::uint64_t evicted = 0;  ///< the longest silent one, when a new one would have been too many
};

/// The server's end: listens on the event loop and has each request answered by one handler, which runs in the loop's
/// thread. The loop and the handler's captures must outlive it.
class ControlSocket {
   public:
    using Handler = ControlConnection::Handler;

    /// A socket left behind at the path by a process that is gone is replaced; one that answers is not. Files of other
    /// kinds are left alone. Throws std::system_error. Needs to write the directory, so it comes before the system call
    /// filter.
    ControlSocket(EventLoop& loop, const ControlOptions& options, Handler handler);
    /// Leaves the file behind: the system call filter lets nobody remove it, and the next start replaces it.
    ~ControlSocket();
    ControlSocket(const ControlSocket&) = delete;
    ControlSocket& operator=(const ControlSocket&) = delete;
    ControlSocket(ControlSocket&&) = delete;
    ControlSocket& operator=(ControlSocket&&) = delete;

    /// Sends a line, with its newline, to the clients that follow.
    void publish(std::string_view line);
    [[nodiscard]] bool has_followers() const { return followers_ != 0; }

    [[nodiscard]] const ControlCounters& counters() const { return counters_; }

   private:
    struct Client {
        ControlConnection connection;
        std::uint32_t events = 0;
    };
    using Clients = std::list<Client>;

    void on_connect();
    void on_ready(Clients::iterator client);
    void close(Clients::iterator client);
    void wait_for(Client& client);

    EventLoop& loop_;
    ControlOptions options_;
    Handler handler_;
    Fd listener_;
    Clients clients_;  ///< the longest silent one first
    std::size_t followers_ = 0;
    ControlCounters counters_;
};

}  // namespace messenger::daemon
