// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/control/unix_address.h"

#include <cerrno>
#include <cstring>
#include <system_error>

#include "daemon/process/fd.h"

namespace messenger::daemon {

UnixAddress::UnixAddress(const std::string& path) {
    if (path.size() >= sizeof(address_.sun_path)) throw std::system_error(ENAMETOOLONG, std::generic_category(), path);
    address_.sun_family = AF_UNIX;
    std::memcpy(&address_.sun_path, path.data(), path.size());
}

int try_to_connect(const std::string& path) {
    const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) throw std::system_error(errno, std::generic_category(), "making a UNIX socket");
    const UnixAddress address(path);
    return ::connect(socket.get(), address.get(), UnixAddress::size()) == 0 ? 0 : errno;
}

}  // namespace messenger::daemon
