// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <string>

namespace messenger::daemon {

/// The address of a UNIX socket at a path. Throws std::system_error (ENAMETOOLONG) above 107 bytes.
class UnixAddress {
   public:
    explicit UnixAddress(const std::string& path);

    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): how the sockets API takes addresses
    [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address_); }
    [[nodiscard]] static socklen_t size() { return sizeof(sockaddr_un); }

   private:
    sockaddr_un address_{};
};

/// Whether somebody listens at a path: 0, or the error of connecting (ECONNREFUSED: nobody, a socket was left behind;
/// EACCES: it is another user's, and nothing is known). Throws std::system_error.
[[nodiscard]] int try_to_connect(const std::string& path);

}  // namespace messenger::daemon
