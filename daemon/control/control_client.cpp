// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/control/control_client.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string_view>
#include <system_error>

#include "daemon/control/unix_address.h"
#include "daemon/process/fd.h"

namespace messenger::daemon {

namespace {

constexpr std::chrono::seconds kPatience(10);

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

/// Lines of any length off a socket.
class LineReader {
   public:
    LineReader(int socket, const std::string& path) : socket_(socket), path_(path) {}

    /// Absent at the end of the connection.
    [[nodiscard]] std::optional<std::string> next() {
        std::array<char, 16384> part{};
        while (true) {
            const std::size_t end = buffer_.find('\n', searched_);
            if (end != std::string::npos) {
                std::string line = buffer_.substr(0, end);
                buffer_.erase(0, end + 1);
                searched_ = 0;
                return line;
            }
            searched_ = buffer_.size();
            const ssize_t length = ::recv(socket_, part.data(), part.size(), 0);
            if (length == 0) return std::nullopt;
            if (length < 0 && errno != EINTR) fail(errno, "waiting for the answer of " + path_);
            if (length > 0) buffer_.append(part.data(), static_cast<std::size_t>(length));
        }
    }

   private:
    int socket_;
    const std::string& path_;
    std::string buffer_;
    std::size_t searched_ = 0;
};

[[nodiscard]] Fd connect_to(const std::string& path, std::chrono::milliseconds timeout) {
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket) fail(errno, "making a UNIX socket");
    set_timeout(socket.get(), timeout);
    const UnixAddress address(path);
    if (::connect(socket.get(), address.get(), UnixAddress::size()) != 0) fail(errno, "connecting to " + path);
    return socket;
}

[[nodiscard]] ControlResponse receive_response(LineReader& reader, const std::string& path) {
    const auto line = reader.next();
    if (!line) fail(ECONNRESET, path + " gave no answer");
    return parse_response(*line);
}

}  // namespace

ControlResponse ask_daemon(const std::string& path, const ControlRequest& request, std::chrono::milliseconds timeout) {
    const Fd socket = connect_to(path, timeout);
    send_all(socket.get(), format_request(request), path);
    LineReader reader(socket.get(), path);
    return receive_response(reader, path);
}

ControlResponse follow_daemon(const std::string& path, const ControlRequest& request, const TakeLine& take) {
    const Fd socket = connect_to(path, kPatience);
    send_all(socket.get(), format_request(request), path);
    LineReader reader(socket.get(), path);
    ControlResponse response = receive_response(reader, path);
    if (!response.ok) return response;
    set_timeout(socket.get(), std::chrono::milliseconds::zero());  // events come when they come
    while (const auto line = reader.next()) {
        if (!take(*line)) break;
    }
    return response;
}

}  // namespace messenger::daemon
