// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/process/host_network.h"
#include "daemon/process/throw_errno.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace messenger::daemon {

namespace {

constexpr unsigned kMaxAttempts = 16;
// A host on the outside; which one does not matter. RFC 5737 keeps it from being anybody's.
constexpr std::uint32_t kSomebody = 0xc0000201;  // 192.0.2.1

using RequestBuffer = std::array<char, 256>;

/// The attributes of one message by their type; those above kMax are left out.
template <std::uint16_t kMax>
class Attributes {
   public:
    Attributes(const nlmsghdr& message, std::size_t header) {
        const auto take = [](const nlattr* attribute, void* data) {
            const std::uint16_t type = mnl_attr_get_type(attribute);
            if (type <= kMax) static_cast<Attributes*>(data)->found_.at(type) = attribute;
            return MNL_CB_OK;
        };
        static_cast<void>(mnl_attr_parse(&message, static_cast<unsigned>(header), take, this));
    }
    [[nodiscard]] std::optional<alg::IpAddress> ipv4(std::uint16_t type) const {
        std::uint32_t address = 0;
        const nlattr* attribute = found_.at(type);
        if (attribute == nullptr || mnl_attr_get_payload_len(attribute) != sizeof(address)) return std::nullopt;
        std::memcpy(&address, mnl_attr_get_payload(attribute), sizeof(address));
        return alg::IpAddress::v4(ntohl(address));
    }
    [[nodiscard]] const nlattr* find(std::uint16_t type) const { return found_.at(type); }

   private:
    std::array<const nlattr*, kMax + 1> found_{};
};

/// A request without attributes; returns its family header, all zeros.
template <class Header>
[[nodiscard]] Header& start_request(RequestBuffer& buffer, std::uint16_t type, std::uint16_t flags) {
    nlmsghdr* message = mnl_nlmsg_put_header(buffer.data());
    message->nlmsg_type = type;
    message->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    return *static_cast<Header*>(mnl_nlmsg_put_extra_header(message, sizeof(Header)));
}

[[nodiscard]] nlmsghdr& message_in(RequestBuffer& buffer) {
    return *reinterpret_cast<nlmsghdr*>(buffer.data());
}

}  // namespace

RouteSocket::RouteSocket() {
    open();
}

void RouteSocket::open() {
    socket_.reset(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC));
    if (!socket_ || mnl_socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID) < 0)
        throw_errno("opening a route netlink socket");
}

template <class Take, class Restart>
bool RouteSocket::ask(nlmsghdr& request, Take take, Restart restart) {
    const auto on_message = [](const nlmsghdr* message, void* data) {
        (*static_cast<Take*>(data))(*message);
        return MNL_CB_OK;
    };
    alignas(nlmsghdr) std::array<char, 32768> answer{};
    for (unsigned attempt = 0; attempt < kMaxAttempts; ++attempt) {
        request.nlmsg_seq = ++sequence_;
        if (mnl_socket_sendto(socket_.get(), &request, request.nlmsg_len) < 0)
            throw_errno("asking for routes and addresses");
        int more = MNL_CB_OK;
        while (more > MNL_CB_STOP) {
            const auto size = mnl_socket_recvfrom(socket_.get(), answer.data(), answer.size());
            if (size < 0) throw_errno("asking for routes and addresses");
            more = mnl_cb_run(answer.data(), static_cast<std::size_t>(size), sequence_,
                              mnl_socket_get_portid(socket_.get()), on_message, &take);
        }
        if (more == MNL_CB_STOP) return true;
        if (errno != EINTR) return false;
        open();  // the rest of that answer goes with the old one
        restart();
    }
    return false;
}

std::vector<Link> RouteSocket::links() {
    RequestBuffer buffer{};
    start_request<ifinfomsg>(buffer, RTM_GETLINK, NLM_F_DUMP).ifi_family = AF_UNSPEC;
    std::vector<Link> links;
    const auto take = [&](const nlmsghdr& message) {
        const auto& info = *static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(&message));
        const Attributes<IFLA_IFNAME> attributes(message, sizeof(info));
        const nlattr* name = attributes.find(IFLA_IFNAME);
        if (name != nullptr) links.push_back({static_cast<std::uint32_t>(info.ifi_index), mnl_attr_get_str(name)});
    };
    if (!ask(message_in(buffer), take, [&] { links.clear(); })) throw_errno("listing the interfaces of this host");
    return links;
}

std::vector<LinkAddress> RouteSocket::ipv4_addresses() {
    RequestBuffer buffer{};
    start_request<ifaddrmsg>(buffer, RTM_GETADDR, NLM_F_DUMP).ifa_family = AF_INET;
    std::vector<LinkAddress> addresses;
    const auto take = [&](const nlmsghdr& message) {
        const auto& info = *static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(&message));
        const Attributes<IFA_LOCAL> attributes(message, sizeof(info));
        const auto local = attributes.ipv4(IFA_LOCAL);
        if (info.ifa_family != AF_INET || !local) return;
        addresses.push_back({info.ifa_index, *local,
                             alg::Prefix(attributes.ipv4(IFA_ADDRESS).value_or(*local), info.ifa_prefixlen),
                             (info.ifa_flags & IFA_F_SECONDARY) != 0, info.ifa_scope < RT_SCOPE_LINK});
    };
    if (!ask(message_in(buffer), take, [&] { addresses.clear(); })) throw_errno("listing the addresses of this host");
    return addresses;
}

// One route is asked for, not the table: that may be the whole Internet's.
std::optional<alg::IpAddress> RouteSocket::gateway(std::uint32_t index) {
    RequestBuffer buffer{};
    auto& header = start_request<rtmsg>(buffer, RTM_GETROUTE, 0);
    header.rtm_family = AF_INET;
    header.rtm_dst_len = 32;
    mnl_attr_put_u32(&message_in(buffer), RTA_DST, htonl(kSomebody));
    mnl_attr_put_u32(&message_in(buffer), RTA_OIF, index);
    message_in(buffer).nlmsg_flags |= NLM_F_ACK;
    std::optional<alg::IpAddress> gateway;
    const auto take = [&](const nlmsghdr& message) {
        gateway = Attributes<RTA_GATEWAY>(message, sizeof(rtmsg)).ipv4(RTA_GATEWAY);
    };
    // An error says that there is no such route, or no such interface any more.
    if (!ask(message_in(buffer), take, [] {})) return std::nullopt;
    return gateway;
}

std::optional<std::uint32_t> RouteSocket::interface_to(const alg::IpAddress& host) {
    RequestBuffer buffer{};
    auto& header = start_request<rtmsg>(buffer, RTM_GETROUTE, NLM_F_ACK);
    header.rtm_family = host.is_v4() ? AF_INET : AF_INET6;
    const auto bytes = host.bytes();
    header.rtm_dst_len = static_cast<unsigned char>(bytes.size() * 8);
    mnl_attr_put(&message_in(buffer), RTA_DST, bytes.size(), bytes.data());
    std::optional<std::uint32_t> index;
    const auto take = [&](const nlmsghdr& message) {
        const nlattr* attribute = Attributes<RTA_OIF>(message, sizeof(rtmsg)).find(RTA_OIF);
        if (attribute != nullptr) index = mnl_attr_get_u32(attribute);
    };
    // An error says that there is no such route.
    if (!ask(message_in(buffer), take, [] {})) return std::nullopt;
    return index;
}

std::optional<alg::IpAddress> masquerading_address(std::span<const LinkAddress> addresses, std::uint32_t index,
                                                   const std::optional<alg::IpAddress>& gateway) {
    std::optional<alg::IpAddress> first;
    for (const LinkAddress& candidate : addresses) {
        if (candidate.index != index || candidate.secondary || !candidate.global) continue;
        if (!gateway || candidate.network.contains(*gateway)) return candidate.address;
        if (!first) first = candidate.address;
    }
    return first;
}

}  // namespace messenger::daemon
