// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/connection_allowance.h"

#include <algorithm>

namespace messenger::alg {

void ConnectionAllowance::grant() {
    left_ = std::min(left_ + 1, kMost);
}

void ConnectionAllowance::revoke() {
    if (left_ > 0) --left_;
}

ConnectionAllowance::Connection* ConnectionAllowance::begin(const Endpoint& remote, bool granted) {
    if (granted && left_ == 0) return nullptr;
    const auto room = std::find_if(connections_.begin(), connections_.end(),
                                   [](const Connection& connection) { return connection.ended(); });
    if (room != connections_.end()) connections_.erase(room);
    if (connections_.size() == kMost) return nullptr;
    if (left_ > 0) --left_;
    connections_.push_back({remote});
    return &connections_.back();
}

bool ConnectionAllowance::on_packet(const Endpoint& remote, bool from_remote, const TcpFields& tcp) {
    const auto known = std::find_if(connections_.begin(), connections_.end(),
                                    [&remote](const Connection& connection) { return connection.remote == remote; });
    Connection* connection = known == connections_.end() ? nullptr : &*known;
    const bool begins = tcp.syn && !tcp.ack;
    if (connection != nullptr && begins && connection->ended()) {
        connections_.erase(known);  // its port is used again
        connection = nullptr;
    }
    if (connection == nullptr) connection = begin(remote, begins || !taken_over_);
    if (connection == nullptr) return false;
    if (tcp.rst && !from_remote && tcp.ack && tcp.sequence == 0) {
        // Nobody listens yet: that was no connection, and the peer may try again (RFC 9293 section 3.10.7.1).
        connections_.erase(std::find_if(connections_.begin(), connections_.end(),
                                        [&remote](const Connection& one) { return one.remote == remote; }));
        grant();
        return true;
    }
    (from_remote ? connection->remote_done : connection->inside_done) |= tcp.fin;
    connection->reset = connection->reset || tcp.rst;
    return true;
}

bool ConnectionAllowance::is_spent() const {
    return left_ == 0 && !connections_.empty() &&
           std::all_of(connections_.begin(), connections_.end(),
                       [](const Connection& connection) { return connection.ended(); });
}

}  // namespace messenger::alg
