// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/nft/kernel/network.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

namespace messenger::nft::testing {
namespace {

int checked(int result, const char* operation) {
    if (result < 0) throw std::system_error(errno, std::system_category(), operation);
    return result;
}

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;

    [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress socket_address(const Endpoint& endpoint) {
    SocketAddress made;
    if (endpoint.address.family() == Family::ipv4) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(endpoint.port);
        std::memcpy(&v4.sin_addr, endpoint.address.bytes().data(), 4);
        std::memcpy(&made.storage, &v4, sizeof(v4));
        made.size = sizeof(v4);
    } else {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(endpoint.port);
        std::memcpy(&v6.sin6_addr, endpoint.address.bytes().data(), 16);
        std::memcpy(&made.storage, &v6, sizeof(v6));
        made.size = sizeof(v6);
    }
    return made;
}

Endpoint read_address(const sockaddr_storage& storage) {
    if (storage.ss_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &storage, sizeof(v4));
        return {Address::v4(ntohl(v4.sin_addr.s_addr)), ntohs(v4.sin_port)};
    }
    sockaddr_in6 v6{};
    std::memcpy(&v6, &storage, sizeof(v6));
    return {Address::from_bytes(std::as_bytes(std::span(v6.sin6_addr.s6_addr))), ntohs(v6.sin6_port)};
}

Descriptor bound_socket(int type, const Endpoint& local) {
    const int family = local.address.family() == Family::ipv4 ? AF_INET : AF_INET6;
    Descriptor made(checked(socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket"));
    const int on = 1;
    checked(setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), "SO_REUSEADDR");
    const SocketAddress address = socket_address(local);
    checked(bind(made.get(), address.get(), address.size), "bind");
    return made;
}

bool wait_for(int fd, short events, std::chrono::milliseconds patience) {
    pollfd waited{fd, events, 0};
    return poll(&waited, 1, static_cast<int>(patience.count())) > 0;
}

}  // namespace

Descriptor::~Descriptor() {
    if (fd_ >= 0) close(fd_);
}

NetNamespace NetNamespace::current() {
    return NetNamespace(Descriptor(checked(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), "open ns/net")));
}

NetNamespace::NetNamespace() : descriptor_(-1) {
    const NetNamespace before = current();
    checked(unshare(CLONE_NEWNET), "unshare(CLONE_NEWNET)");
    *this = current();
    before.enter();
}

void NetNamespace::enter() const {
    checked(setns(descriptor_.get(), CLONE_NEWNET), "setns");
}

std::string NetNamespace::path() const {
    return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(descriptor_.get());
}

std::string run_command(const std::string& command) {
    struct Close {
        void operator()(FILE* file) const { pclose(file); }
    };
    std::unique_ptr<FILE, Close> pipe(popen(("exec 2>&1\n" + command).c_str(), "re"));
    if (!pipe) throw std::system_error(errno, std::system_category(), command);
    std::string output;
    std::array<char, 4096> part{};
    for (std::size_t size = 0; (size = fread(part.data(), 1, part.size(), pipe.get())) > 0;)
        output.append(part.data(), size);
    const int status = pclose(pipe.release());
    if (status != 0) throw std::runtime_error(command + ": " + output);
    return output;
}

void run_nft(const std::string& text) {
    run_command("nft -f - <<'end-of-input'\n" + text + "\nend-of-input\n");
}

Endpoint at(std::string_view address, std::uint16_t port) {
    return {Address::parse(address).value(), port};
}

UdpSocket::UdpSocket(const Endpoint& local) : socket_(bound_socket(SOCK_DGRAM, local)) {}

void UdpSocket::send(const Endpoint& to, std::string_view text) {
    const SocketAddress address = socket_address(to);
    // ECONNREFUSED and the like report what became of an earlier datagram
    while (sendto(socket_.get(), text.data(), text.size(), 0, address.get(), address.size) < 0) {
        if (errno != ECONNREFUSED && errno != EHOSTUNREACH) checked(-1, "sendto");
    }
}

std::optional<Datagram> UdpSocket::receive(std::chrono::milliseconds patience) {
    if (!wait_for(socket_.get(), POLLIN, patience)) return std::nullopt;
    Datagram datagram;
    datagram.text.resize(65536);
    sockaddr_storage from{};
    socklen_t from_size = sizeof(from);
    const auto size = recvfrom(socket_.get(), datagram.text.data(), datagram.text.size(), 0,
                               reinterpret_cast<sockaddr*>(&from), &from_size);
    if (size < 0) return std::nullopt;
    datagram.text.resize(static_cast<std::size_t>(size));
    datagram.from = read_address(from);
    return datagram;
}

TcpListener::TcpListener(const Endpoint& local) : socket_(bound_socket(SOCK_STREAM, local)) {
    checked(listen(socket_.get(), 8), "listen");
}

TcpConnection TcpListener::accept() const {
    wait_for(socket_.get(), POLLIN, std::chrono::milliseconds{1000});
    return TcpConnection(Descriptor(checked(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept")));
}

TcpConnection::TcpConnection(const Endpoint& local, const Endpoint& remote)
    : socket_(bound_socket(SOCK_STREAM, local)) {
    const SocketAddress address = socket_address(remote);
    if (connect(socket_.get(), address.get(), address.size) == 0) return;
    if (errno != EINPROGRESS) checked(-1, "connect");
    wait_for(socket_.get(), POLLOUT, std::chrono::milliseconds{2000});
    sockaddr_storage peer{};
    socklen_t size = sizeof(peer);
    checked(getpeername(socket_.get(), reinterpret_cast<sockaddr*>(&peer), &size), "connect");
}

void TcpConnection::send(std::string_view text) {
    checked(static_cast<int>(::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL)), "send");
}

std::optional<std::string> TcpConnection::receive(std::chrono::milliseconds patience) {
    if (!wait_for(socket_.get(), POLLIN, patience)) return std::nullopt;
    std::string text(65536, ' ');
    const auto size = recv(socket_.get(), text.data(), text.size(), 0);
    if (size < 0) return errno == ECONNRESET ? "reset" : std::strerror(errno);  // NOLINT(concurrency-mt-unsafe)
    text.resize(static_cast<std::size_t>(size));
    return text;
}

std::uint32_t TcpConnection::next_sequence() const {
    const auto set = [this](int option, int value) {
        checked(setsockopt(socket_.get(), IPPROTO_TCP, option, &value, sizeof(value)), "TCP_REPAIR");
    };
    set(TCP_REPAIR, TCP_REPAIR_ON);
    set(TCP_REPAIR_QUEUE, 2);  // what is to be sent
    std::uint32_t sequence = 0;
    socklen_t size = sizeof(sequence);
    checked(getsockopt(socket_.get(), IPPROTO_TCP, TCP_QUEUE_SEQ, &sequence, &size), "TCP_QUEUE_SEQ");
    set(TCP_REPAIR, TCP_REPAIR_OFF_NO_WP);
    return sequence;
}

bool can_connect(const Endpoint& local, const Endpoint& remote, std::chrono::milliseconds patience) {
    const Descriptor connecting = bound_socket(SOCK_STREAM, local);
    const SocketAddress address = socket_address(remote);
    if (connect(connecting.get(), address.get(), address.size) == 0) return true;
    if (errno != EINPROGRESS || !wait_for(connecting.get(), POLLOUT, patience)) return false;
    int code = 0;
    socklen_t size = sizeof(code);
    checked(getsockopt(connecting.get(), SOL_SOCKET, SO_ERROR, &code, &size), "SO_ERROR");
    return code == 0;
}

}  // namespace messenger::nft::testing
