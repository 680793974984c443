// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>

#include "alg/net/address.h"
#include "alg/net/tuple.h"

namespace messenger::alg {

/// What an address in a message becomes on the other side of the gateway: on the way out the sender's own endpoint
/// becomes our outside one, on the way in our outside endpoint becomes the inside one that is bound to it.
class Translation {
   public:
    Translation() = default;
    Translation(const Translation&) = delete;
    Translation& operator=(const Translation&) = delete;
    Translation(Translation&&) = delete;
    Translation& operator=(Translation&&) = delete;
    virtual ~Translation() = default;

    /// An endpoint where something is waited for: a media port, a Contact, a listener of a file transfer. Absent when
    /// it is none of ours to change. Port 0 in the result: refused, the stream has to be turned down.
    [[nodiscard]] virtual std::optional<Endpoint> endpoint(Transport transport, const Endpoint& endpoint) const = 0;
    /// An endpoint that a request is meant for: a Request-URI. Absent when it is none of ours to change.
    [[nodiscard]] virtual std::optional<Endpoint> target(Transport transport, const Endpoint& endpoint) const {
        return this->endpoint(transport, endpoint);
    }
    /// An address without a port of ours, such as that of o=. Absent when it is none of ours to change.
    [[nodiscard]] virtual std::optional<IpAddress> address(const IpAddress& address) const = 0;
};

}  // namespace messenger::alg
