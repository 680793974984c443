// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/control/control_connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <exception>
#include <string>
#include <utility>
#include <variant>

namespace messenger::daemon {

std::uint32_t ControlConnection::wanted_events() const {
    if (follows_) return out_.empty() ? std::uint32_t{EPOLLIN} : std::uint32_t{EPOLLIN | EPOLLOUT};
    return out_.empty() ? EPOLLIN : EPOLLOUT;
}

void ControlConnection::publish(std::string_view line) {
    constexpr std::size_t kFarthestBehind = std::size_t{256} * 1024;
    if (out_.size() - written_ > kFarthestBehind) {
        ++missed_;
        return;
    }
    if (missed_ != 0) {
        out_ += "{\"event\":\"missed\",\"lines\":" + std::to_string(std::exchange(missed_, 0)) + "}\n";
    }
    out_ += line;
}

/// False when the client has closed.
bool ControlConnection::discard_input() {
    std::array<char, 4096> part{};
    while (true) {
        const ssize_t length = ::recv(socket_.get(), part.data(), part.size(), MSG_DONTWAIT);
        if (length == 0) return false;
        if (length < 0 && errno != EINTR) return errno == EAGAIN;
    }
}

bool ControlConnection::on_ready() {
    if (!write_some()) return false;
    if (follows_) return discard_input();
    if (!out_.empty()) return true;
    if (closing_ || (!at_end_ && !read_some())) return false;
    answer_next_line();
    while (!out_.empty()) {
        if (!write_some()) return false;
        if (!out_.empty()) return true;  // the client is slow; its next line can wait
        if (closing_) return false;
        if (follows_) return !at_end_;
        answer_next_line();
    }
    return !at_end_;
}

bool ControlConnection::read_some() {
    std::array<char, 4096> part{};
    while (in_.size() <= kLongestRequest) {
        const ssize_t length = ::recv(socket_.get(), part.data(), part.size(), MSG_DONTWAIT);
        if (length > 0) {
            in_.append(part.data(), static_cast<std::size_t>(length));
        } else if (length == 0) {
            at_end_ = true;
            return true;
        } else if (errno == EAGAIN) {
            return true;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

void ControlConnection::answer_next_line() {
    const std::size_t end = in_.find('\n');
    // Checked before the line is looked for the next time: a line that never ends must not fill the memory.
    if ((end == std::string::npos ? in_.size() : end) > kLongestRequest) {
        out_ = format_response(ControlResponse::failure("a request is at most 65536 bytes long"));
        closing_ = true;
        return;
    }
    if (end == std::string::npos) return;
    answer(std::string_view(in_).substr(0, end));
    in_.erase(0, end + 1);
}

void ControlConnection::answer(std::string_view line) {
    const auto request = parse_request(line);
    if (const auto* refusal = std::get_if<ControlResponse>(&request)) {
        out_ = format_response(*refusal);
        return;
    }
    try {
        const ControlResponse response = handler_(std::get<ControlRequest>(request));
        out_ = format_response(response);
        follows_ = response.follow;
        if (follows_) in_.clear();
    } catch (const std::exception& error) {
        // Such as a field of the wrong type in the arguments: the client's affair, and no reason to end the daemon.
        out_ = format_response(ControlResponse::failure(error.what()));
    }
}

bool ControlConnection::write_some() {
    while (written_ < out_.size()) {
        const ssize_t length =
            ::send(socket_.get(), out_.data() + written_, out_.size() - written_, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (length >= 0) {
            written_ += static_cast<std::size_t>(length);
        } else if (errno == EAGAIN) {
            return true;
        } else if (errno != EINTR) {
            return false;
        }
    }
    out_.clear();
    // A list of all calls can be megabytes; a quiet connection must not hold on to them.
    out_.shrink_to_fit();
    written_ = 0;
    return true;
}

}  // namespace messenger::daemon
