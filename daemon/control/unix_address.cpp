// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/control/unix_address.h"

#include <cerrno>
#include <cstring>
#include <system_error>

namespace messenger::daemon {

UnixAddress::UnixAddress(const std::string& path) {
    if (path.size() >= sizeof(address_.sun_path)) throw std::system_error(ENAMETOOLONG, std::generic_category(), path);
    address_.sun_family = AF_UNIX;
    std::memcpy(&address_.sun_path, path.data(), path.size());
}

}  // namespace messenger::daemon
