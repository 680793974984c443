// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/trial/trial_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "daemon/trial/sip_text.h"

namespace messenger::daemon {

namespace {

/// An address as the sockets API takes it.
class SocketAddress {
   public:
    SocketAddress() = default;
    explicit SocketAddress(const alg::Endpoint& endpoint) {
        const auto bytes = endpoint.address.bytes();
        if (endpoint.address.is_v4()) {
            sockaddr_in address{};
            address.sin_family = AF_INET;
            address.sin_port = htons(endpoint.port);
            std::memcpy(&address.sin_addr, bytes.data(), bytes.size());
            std::memcpy(&storage_, &address, sizeof address);
            size_ = sizeof address;
        } else {
            sockaddr_in6 address{};
            address.sin6_family = AF_INET6;
            address.sin6_port = htons(endpoint.port);
            std::memcpy(&address.sin6_addr, bytes.data(), bytes.size());
            std::memcpy(&storage_, &address, sizeof address);
            size_ = sizeof address;
        }
    }
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): how the sockets API takes addresses
    [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage_); }
    [[nodiscard]] socklen_t size() const { return size_; }
    [[nodiscard]] socklen_t* room() {
        size_ = sizeof storage_;
        return &size_;
    }
    [[nodiscard]] alg::Endpoint endpoint() const {
        if (storage_.ss_family == AF_INET) {
            sockaddr_in address{};
            std::memcpy(&address, &storage_, sizeof address);
            return {alg::IpAddress::v4(ntohl(address.sin_addr.s_addr)), ntohs(address.sin_port)};
        }
        sockaddr_in6 address{};
        std::memcpy(&address, &storage_, sizeof address);
        std::array<std::byte, 16> bytes{};
        std::memcpy(bytes.data(), &address.sin6_addr, bytes.size());
        return {alg::IpAddress::v6(bytes), ntohs(address.sin6_port)};
    }

   private:
    sockaddr_storage storage_{};
    socklen_t size_ = 0;
};

[[nodiscard]] Fd open_socket(const alg::Endpoint& own, int type) {
    const int family = own.address.is_v4() ? AF_INET : AF_INET6;
    Fd fd(::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int on = 1;
    SocketAddress address(own);
    if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        ::bind(fd.get(), address.get(), address.size()) != 0) {
        throw std::system_error(errno, std::generic_category(), "opening " + own.to_string() + " in a scratch network");
    }
    return fd;
}

[[nodiscard]] bool wait_for(int fd, std::int16_t event, std::chrono::milliseconds patience) {
    pollfd waiting{fd, event, 0};
    return ::poll(&waiting, 1, static_cast<int>(patience.count())) == 1;
}

}  // namespace

UdpPort::UdpPort(const alg::Endpoint& own) : own_(own), socket_(open_socket(own, SOCK_DGRAM)) {}

void UdpPort::send(const alg::Endpoint& to, std::string_view bytes) const {
    SocketAddress address(to);
    // What cannot be sent does not arrive, which is what is looked at.
    static_cast<void>(::sendto(socket_.get(), bytes.data(), bytes.size(), 0, address.get(), address.size()));
}

std::optional<UdpPort::Datagram> UdpPort::receive(std::chrono::milliseconds patience) const {
    if (!wait_for(socket_.get(), POLLIN, patience)) return std::nullopt;
    std::array<char, 65536> buffer{};
    SocketAddress from;
    const ssize_t length = ::recvfrom(socket_.get(), buffer.data(), buffer.size(), 0, from.get(), from.room());
    if (length < 0) return std::nullopt;  // an ICMP error, such as "prohibited"
    return Datagram{from.endpoint(), std::string(buffer.data(), static_cast<std::size_t>(length))};
}

SipStream::SipStream(const alg::Endpoint& own, const alg::Endpoint& to) : socket_(open_socket(own, SOCK_STREAM)) {
    SocketAddress address(to);
    if (::connect(socket_.get(), address.get(), address.size()) != 0 && errno != EINPROGRESS) socket_ = Fd();
}

bool SipStream::is_connected(std::chrono::milliseconds patience) const {
    if (!socket_ || !wait_for(socket_.get(), POLLOUT, patience)) return false;
    int error = 0;
    socklen_t size = sizeof error;
    return ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

void SipStream::send(std::string_view bytes) const {
    static_cast<void>(::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL));
}

std::optional<std::string> SipStream::receive(std::chrono::milliseconds patience) {
    if (!socket_) {
        static_cast<void>(::poll(nullptr, 0, static_cast<int>(patience.count())));  // whoever asks again asks in a loop
    } else if (wait_for(socket_.get(), POLLIN, patience)) {
        std::array<char, 65536> buffer{};
        const ssize_t length = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
        if (length > 0) received_.append(buffer.data(), static_cast<std::size_t>(length));
        if (length == 0 || (length < 0 && errno != EAGAIN)) socket_ = Fd();
    }
    const std::size_t length = message_length(received_);
    if (length == 0) return std::nullopt;
    std::string message = received_.substr(0, length);
    received_.erase(0, length);
    return message;
}

TcpListener::TcpListener(const alg::Endpoint& own) : socket_(open_socket(own, SOCK_STREAM)) {
    if (::listen(socket_.get(), 1) != 0) {
        throw std::system_error(errno, std::generic_category(), "listening in a scratch network");
    }
}

std::optional<SipStream> TcpListener::accept(std::chrono::milliseconds patience) const {
    if (!wait_for(socket_.get(), POLLIN, patience)) return std::nullopt;
    SocketAddress from;
    Fd connection(::accept4(socket_.get(), from.get(), from.room(), SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!connection) return std::nullopt;
    peer_ = from.endpoint();
    return SipStream(std::move(connection));
}

}  // namespace messenger::daemon
