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

}  // namespace messenger::daemon
