// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/control/control_socket.h"

#include <grp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include "daemon/control/unix_address.h"

namespace messenger::daemon {

namespace {

constexpr mode_t kOwnerOnly = 0600;
constexpr mode_t kOwnerAndGroup = 0660;
constexpr uid_t kNobodyToChange = static_cast<uid_t>(-1);
constexpr int kBacklog = 8;

[[noreturn]] void give_up(int error, const std::string& what) {
    throw std::system_error(error, std::generic_category(), what);
}

[[nodiscard]] Fd make_socket() {
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) give_up(errno, "making a UNIX socket");
    return socket;
}

void remove_stale_socket(const std::string& path) {
    struct stat found {};
    if (::lstat(path.c_str(), &found) != 0) return;
    if (!S_ISSOCK(found.st_mode)) give_up(EEXIST, path + " is there and is no socket");
    const int error = try_to_connect(path);
    if (error == EACCES || error == EPERM) {
        give_up(error, path + " is of user " + std::to_string(found.st_uid) +
                           ", so it cannot be told whether a daemon answers there; if none runs, remove it (rm " +
                           path + "), else stop that one first");
    }
    if (error != ECONNREFUSED) {
        give_up(EADDRINUSE, "somebody answers at " + path + "; is the daemon running already?");
    }
    if (::unlink(path.c_str()) != 0) give_up(errno, "removing the old socket " + path);
}

[[nodiscard]] Fd listen_at(const ControlOptions& options) {
    // Below /run nothing outlives a reboot; the unit makes the directory, and so does a start by hand. What goes wrong
    // here shows in bind().
    std::error_code ignored;
    std::filesystem::create_directory(std::filesystem::path(options.path).parent_path(), ignored);
    remove_stale_socket(options.path);
    Fd socket = make_socket();
    const UnixAddress address(options.path);
    if (::bind(socket.get(), address.get(), UnixAddress::size()) != 0) give_up(errno, "binding " + options.path);
    // Until listen, nobody can connect, so there is no moment at which the mode is too wide.
    if (options.group && ::chown(options.path.c_str(), kNobodyToChange, *options.group) != 0) {
        give_up(errno, "giving " + options.path + " to its group");
    }
    if (::chmod(options.path.c_str(), options.group ? kOwnerAndGroup : kOwnerOnly) != 0) {
        give_up(errno, "setting the mode of " + options.path);
    }
    if (::listen(socket.get(), kBacklog) != 0) give_up(errno, "listening at " + options.path);
    return socket;
}

[[nodiscard]] bool is_in_other_groups(int socket, gid_t group) {
    std::vector<gid_t> groups(64);
    auto size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    int result = ::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size);
    if (result != 0 && errno == ERANGE) {  // then size says how much it takes
        groups.resize(size / sizeof(gid_t));
        result = ::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size);
    }
    if (result != 0) return false;
    groups.resize(size / sizeof(gid_t));
    return std::find(groups.begin(), groups.end(), group) != groups.end();
}

}  // namespace

gid_t find_group(const std::string& name) {
    std::vector<char> buffer(std::size_t{16} << 10U);
    group entry{};
    group* found = nullptr;
    const int error = ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (error != 0 || found == nullptr) throw std::runtime_error("there is no group \"" + name + '"');
    return found->gr_gid;
}

bool is_allowed_peer(int socket, std::optional<gid_t> group) {
    ucred peer{};
    socklen_t size = sizeof(peer);
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
    if (peer.uid == 0 || peer.uid == ::geteuid()) return true;
    return group && (peer.gid == *group || is_in_other_groups(socket, *group));
}

ControlSocket::ControlSocket(EventLoop& loop, const ControlOptions& options, Handler handler)
    : loop_(loop), options_(options), handler_(std::move(handler)), listener_(listen_at(options)) {
    loop_.watch(listener_.get(), EPOLLIN, [this](std::uint32_t /*events*/) { on_connect(); });
}

ControlSocket::~ControlSocket() {
    while (!clients_.empty()) close(clients_.begin());
    loop_.unwatch(listener_.get());
}

void ControlSocket::on_connect() {
    Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) return;  // gone again, or no descriptor free; the next wake-up tries again
    if (!is_allowed_peer(socket.get(), options_.group)) {
        ++counters_.refused;
        return;
    }
    ++counters_.accepted;
    if (clients_.size() >= options_.connections) {
        // Not the new one: clients that hang must not lock an operator out.
        ++counters_.evicted;
        close(clients_.begin());
    }
    const int fd = socket.get();
    const auto client =
        clients_.insert(clients_.end(), Client{ControlConnection(std::move(socket), handler_), EPOLLIN});
    loop_.watch(fd, EPOLLIN, [this, client](std::uint32_t /*events*/) { on_ready(client); });
}

void ControlSocket::on_ready(Clients::iterator client) {
    clients_.splice(clients_.end(), clients_, client);
    const bool followed = client->connection.follows();
    const bool goes_on = client->connection.on_ready();
    if (!followed && client->connection.follows()) ++followers_;
    if (!goes_on) {
        close(client);
        return;
    }
    wait_for(*client);
}

void ControlSocket::wait_for(Client& client) {
    const std::uint32_t wanted = client.connection.wanted_events();
    if (wanted != client.events) loop_.change_events(client.connection.fd(), wanted);
    client.events = wanted;
}

void ControlSocket::publish(std::string_view line) {
    if (followers_ == 0) return;
    for (Client& client : clients_) {
        if (!client.connection.follows()) continue;
        client.connection.publish(line);
        wait_for(client);
    }
}

void ControlSocket::close(Clients::iterator client) {
    if (client->connection.follows()) --followers_;
    loop_.unwatch(client->connection.fd());
    clients_.erase(client);
}

}  // namespace messenger::daemon
