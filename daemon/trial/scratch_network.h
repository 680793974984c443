// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "alg/net/address.h"
#include "daemon/process/fd.h"
#include "daemon/trial/live_host.h"

namespace messenger::daemon {

/// A network namespace that exists as long as this object, or something in it. For a process of one thread.
class NetworkNamespace {
   public:
    /// Makes one, with nothing in it but lo. Throws std::system_error (EPERM without root).
    NetworkNamespace();

    /// Carries out work in it; sockets that it makes, and programs that it starts, belong to the namespace.
    void enter(const std::function<void()>& work) const;
    /// By which `ip link ... netns` finds it.
    [[nodiscard]] std::string path() const;

   private:
    Fd home_;
    Fd here_;
};

/// Who speaks with whom, and where: all of one address family.
struct TrialPlaces {
    std::string inside_interface;   ///< of the gateway
    std::string outside_interface;  ///< of the gateway
    alg::IpAddress inside;          ///< the host that calls
    alg::IpAddress server;          ///< of the signalling
    alg::IpAddress peer;            ///< of the media

    [[nodiscard]] bool ipv6() const { return !inside.is_v4(); }
};

/// The gateway with a host on either side, on nobody's network: its interfaces have the names, numbers and addresses of
/// the live ones, and the settings that decide about forwarding are the same. Not copied: other interfaces, policy
/// routing, ipsets, tc and XDP.
class ScratchNetwork {
   public:
    /// Throws std::runtime_error or std::system_error: not root, or `ip` is not there.
    ScratchNetwork(const LiveHost& host, const TrialPlaces& places);

    [[nodiscard]] const NetworkNamespace& gateway() const { return gateway_; }
    [[nodiscard]] const NetworkNamespace& inside() const { return inside_; }
    [[nodiscard]] const NetworkNamespace& outside() const { return outside_; }

   private:
    void make_gateway(const LiveHost& host, const TrialPlaces& places);
    void copy_settings(const TrialPlaces& places);
    static void make_host(const NetworkNamespace& where, const std::vector<alg::IpAddress>& own,
                          const alg::IpAddress& gateway);

    NetworkNamespace gateway_;
    NetworkNamespace inside_;
    NetworkNamespace outside_;
    alg::IpAddress gateway_inside_;
    alg::IpAddress gateway_outside_;
};

/// A host in the network: one that is not the gateway itself. Absent if there is no room for one.
[[nodiscard]] std::optional<alg::IpAddress> choose_host(const alg::Prefix& network, const alg::IpAddress& gateway);

}  // namespace messenger::daemon
