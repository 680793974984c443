// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "nft/address.h"

namespace messenger::nft::testing {

/// An owning file descriptor.
class Descriptor {
   public:
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor();
    [[nodiscard]] int get() const { return fd_; }

   private:
    int fd_;
};

/// A network namespace without a name: it goes away with the last descriptor, socket or thread in it.
class NetNamespace {
   public:
    /// Throws std::system_error.
    NetNamespace();
    [[nodiscard]] static NetNamespace current();

    void enter() const;
    /// Runs call in the namespace; sockets made there stay there.
    template <class Call>
    auto run(Call call) const {
        struct Back {
            NetNamespace before = current();
            ~Back() { before.enter(); }
        };
        const Back back;
        enter();
        return call();
    }
    /// Where other processes find it, for `ip link ... netns PATH`.
    [[nodiscard]] std::string path() const;

   private:
    explicit NetNamespace(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}
    Descriptor descriptor_;
};

/// Runs a shell command in the namespace of the calling thread; what it printed. Throws if it failed.
std::string run_command(const std::string& command);
/// Feeds text to `nft -f -`.
void run_nft(const std::string& text);

Endpoint at(std::string_view address, std::uint16_t port);

struct Datagram {
    std::string text;
    Endpoint from;
};

/// A UDP socket in the namespace that the calling thread is in.
class UdpSocket {
   public:
    explicit UdpSocket(const Endpoint& local);
    void send(const Endpoint& to, std::string_view text);
    /// What comes within patience.
    std::optional<Datagram> receive(std::chrono::milliseconds patience = std::chrono::milliseconds{1000});
    /// True if nothing comes for a while.
    bool hears_nothing() { return !receive(std::chrono::milliseconds{150}); }

   private:
    Descriptor socket_;
};

/// One end of a TCP connection.
class TcpConnection {
   public:
    explicit TcpConnection(Descriptor socket) : socket_(std::move(socket)) {}
    /// From the namespace that the calling thread is in. Throws if it does not come about.
    TcpConnection(const Endpoint& local, const Endpoint& remote);
    void send(std::string_view text);
    /// What comes within patience; empty at the end of the connection, "reset" if it was reset.
    std::optional<std::string> receive(std::chrono::milliseconds patience = std::chrono::milliseconds{2000});
    bool hears_nothing() { return !receive(std::chrono::milliseconds{150}); }
    /// The sequence number of what is sent next.
    [[nodiscard]] std::uint32_t next_sequence() const;

   private:
    Descriptor socket_;
};

/// A TCP socket that listens in the namespace that the calling thread is in.
class TcpListener {
   public:
    explicit TcpListener(const Endpoint& local);
    /// Throws if nobody has connected.
    [[nodiscard]] TcpConnection accept() const;

   private:
    Descriptor socket_;
};

/// True if a connection comes about within patience.
bool can_connect(const Endpoint& local, const Endpoint& remote, std::chrono::milliseconds patience);

}  // namespace messenger::nft::testing
