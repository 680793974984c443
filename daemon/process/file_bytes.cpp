// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/process/file_bytes.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "daemon/process/fd.h"

namespace messenger::daemon {

// Not a std::ifstream: that throws when it reads a folder, and knows no reasons.
std::optional<std::string> read_file_bytes(const std::string& file, std::size_t most, std::string& why) {
    const Fd opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    std::string bytes;
    std::array<char, 16384> part{};
    while (opened && bytes.size() <= most) {
        const ssize_t count = ::read(opened.get(), part.data(), part.size());
        if (count == 0) return bytes;
        if (count < 0 && errno != EINTR) break;
        if (count > 0) bytes.append(part.data(), static_cast<std::size_t>(count));
    }
    why = bytes.size() > most ? "it is longer than " + std::to_string(most >> 20U) + " MiB"
                              : std::generic_category().message(errno);
    return std::nullopt;
}

}  // namespace messenger::daemon
