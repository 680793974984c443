// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/control/control_client.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>

#include "daemon/control/unix_address.h"
#include "daemon/process/fd.h"

namespace messenger::daemon {

namespace {

[[noreturn]] void fail(int error, const std::string& what) {
    const bool late = error == EAGAIN || error == EINPROGRESS;
    throw std::system_error(late ? ETIMEDOUT : error, std::generic_category(), what);
}

void set_timeout(int socket, std::chrono::milliseconds timeout) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(timeout);
    timeval value{};
    value.tv_sec = seconds.count();
    value.tv_usec = std::chrono::microseconds(timeout - seconds).count();
    for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO}) {
        if (::setsockopt(socket, SOL_SOCKET, option, &value, sizeof(value)) != 0) fail(errno, "setting a timeout");
    }
}

void send_all(int socket, std::string_view text, const std::string& path) {
    while (!text.empty()) {
        const ssize_t length = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
        if (length >= 0) {
            text.remove_prefix(static_cast<std::size_t>(length));
        } else if (errno == EPIPE) {
            return;  // closed early; there may be an answer that says why
        } else if (errno != EINTR) {
            fail(errno, "asking " + path);
        }
    }
}

[[nodiscard]] std::string receive_line(int socket, const std::string& path) {
    std::string line;
    std::array<char, 16384> part{};
    while (true) {
        const ssize_t length = ::recv(socket, part.data(), part.size(), 0);
        if (length == 0) fail(ECONNRESET, path + " gave no answer");
        if (length < 0 && errno != EINTR) fail(errno, "waiting for the answer of " + path);
        if (length < 0) continue;
        const std::string_view text(part.data(), static_cast<std::size_t>(length));
        const std::size_t end = text.find('\n');
        line += text.substr(0, end);
        if (end != std::string_view::npos) return line;
    }
}

}  // namespace

ControlResponse ask_daemon(const std::string& path, const ControlRequest& request, std::chrono::milliseconds timeout) {
    const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket) fail(errno, "making a UNIX socket");
    set_timeout(socket.get(), timeout);
    const UnixAddress address(path);
    if (::connect(socket.get(), address.get(), UnixAddress::size()) != 0) fail(errno, "connecting to " + path);
    send_all(socket.get(), format_request(request), path);
    return parse_response(receive_line(socket.get(), path));
}

}  // namespace messenger::daemon
