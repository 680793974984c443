// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/metrics/textfile_writer.h"

#include <cap-ng.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <system_error>
#include <vector>

namespace messenger::daemon {

namespace {

constexpr std::size_t kLongest = std::size_t{128} * 1024;
constexpr mode_t kReadableByAll = 0644;

[[nodiscard]] std::string temporary_name(const std::string& path) {
    return path + ".new";
}

/// False with errno.
[[nodiscard]] bool replace_file(const std::string& path, std::string_view text) {
    const std::string temporary = temporary_name(path);
    const Fd file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, kReadableByAll));
    // Whoever collects the numbers is another user, and the umask of a service leaves nothing for others.
    if (!file || ::fchmod(file.get(), kReadableByAll) != 0) return false;
    while (!text.empty()) {
        const ssize_t length = ::write(file.get(), text.data(), text.size());
        if (length < 0 && errno != EINTR) return false;
        if (length > 0) text.remove_prefix(static_cast<std::size_t>(length));
    }
    return std::rename(temporary.c_str(), path.c_str()) == 0;
}

/// The whole life of the process that writes. A full disk is no reason to end it: there will be room again.
[[noreturn]] void serve(int socket, const std::string& path) {
    constexpr int kOurs = STDERR_FILENO + 1;
    if (::dup2(socket, kOurs) < 0 || ::close_range(kOurs + 1, UINT_MAX, 0) != 0) ::_exit(1);
    capng_clear(CAPNG_SELECT_ALL);
    static_cast<void>(capng_apply(CAPNG_SELECT_CAPS));
    std::vector<char> buffer(kLongest);
    while (true) {
        const ssize_t length = ::recv(kOurs, buffer.data(), buffer.size(), 0);
        if (length == 0 || (length < 0 && errno != EINTR)) ::_exit(0);
        if (length > 0) {
            static_cast<void>(replace_file(path, {buffer.data(), static_cast<std::size_t>(length)}));
        }
    }
}

}  // namespace

TextfileWriter::TextfileWriter(const std::string& path) {
    if (!replace_file(path, "")) throw std::system_error(errno, std::generic_category(), "writing " + path);
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        throw std::system_error(errno, std::generic_category(), "making a pair of sockets");
    }
    socket_ = Fd(ends[0]);
    const Fd other(ends[1]);
    child_ = ::fork();
    if (child_ < 0) throw std::system_error(errno, std::generic_category(), "starting a process");
    if (child_ == 0) serve(other.get(), path);
}

TextfileWriter::~TextfileWriter() {
    socket_ = Fd();  // it sees the end, and ends
    static_cast<void>(::waitpid(child_, nullptr, WNOHANG));
}

bool TextfileWriter::write(std::string_view text) {
    return ::send(socket_.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL) ==
           static_cast<ssize_t>(text.size());
}

}  // namespace messenger::daemon
