// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <libmnl/libmnl.h>

#include "alg/net/address.h"

namespace messenger::daemon {

/// Interfaces go by numbers in packets and by names in the configuration; one that is made anew has another number.
struct Link {
    std::uint32_t index = 0;
    std::string name;
};

/// An IPv4 address of this host, as masquerading looks at it.
struct LinkAddress {
    std::uint32_t index = 0;  ///< of its interface
    alg::IpAddress address;
    alg::Prefix network;     ///< of the other end, on a link between two
    bool secondary = false;  ///< another one of the same network came before
    bool global = true;      ///< its scope is wider than the link
};

/// Asks the kernel about this host's network. Everything throws std::system_error.
class RouteSocket {
   public:
    RouteSocket();

    [[nodiscard]] std::vector<Link> links();
    /// Of each interface in the kernel's order.
    [[nodiscard]] std::vector<LinkAddress> ipv4_addresses();
    /// Where packets for hosts on the outside go to by that interface; absent if they go to them directly, or nowhere.
    [[nodiscard]] std::optional<alg::IpAddress> gateway(std::uint32_t index);
    /// The interface by which packets for that host leave; absent if no route leads there.
    [[nodiscard]] std::optional<std::uint32_t> interface_to(const alg::IpAddress& host);

   private:
    struct Close {
        void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
    };
    void open();
    /// take(const nlmsghdr&) is called for each message of the answer. False: the kernel answered with an error, which
    /// is in errno. A list that changed while it was read is asked for anew, after restart().
    template <class Take, class Restart>
    [[nodiscard]] bool ask(nlmsghdr& request, Take take, Restart restart);

    std::unique_ptr<mnl_socket, Close> socket_;
    std::uint32_t sequence_ = 0;
};

/// The address that masquerading gives to what leaves by an interface: the first primary one of the gateway's network,
/// else the first primary one (inet_select_addr() in the kernel). Absent if the interface has none.
[[nodiscard]] std::optional<alg::IpAddress> masquerading_address(std::span<const LinkAddress> addresses,
                                                                 std::uint32_t index,
                                                                 const std::optional<alg::IpAddress>& gateway);

}  // namespace messenger::daemon
