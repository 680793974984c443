// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/conntrack_message.h"

#include <cassert>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#include <arpa/inet.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack_tcp.h>

#include "nft/handle.h"

namespace messenger::nft {
namespace {

using ConntrackHandle = std::unique_ptr<nf_conntrack, VoidDeleter<nfct_destroy>>;

/// The attributes of one end of a tuple.
struct EndAttributes {
    nf_conntrack_attr v4;
    nf_conntrack_attr v6;
    nf_conntrack_attr port;
};

/// Absent without an address of the entry's family.
std::optional<Endpoint> read_endpoint(const nf_conntrack& entry, const EndAttributes& attributes) {
    const bool is_v4 = nfct_get_attr_u8(&entry, ATTR_L3PROTO) == AF_INET;
    const nf_conntrack_attr attribute = is_v4 ? attributes.v4 : attributes.v6;
    if (nfct_attr_is_set(&entry, attribute) <= 0) return std::nullopt;
    const auto* address = static_cast<const std::byte*>(nfct_get_attr(&entry, attribute));
    return Endpoint{Address::from_bytes({address, is_v4 ? std::size_t{4} : std::size_t{16}}),
                    ntohs(nfct_get_attr_u16(&entry, attributes.port))};
}

std::optional<FlowTuple> read_tuple(const nf_conntrack& entry, Protocol protocol, const EndAttributes& source,
                                    const EndAttributes& destination) {
    const auto from = read_endpoint(entry, source);
    const auto to = read_endpoint(entry, destination);
    if (!from || !to) return std::nullopt;
    return FlowTuple{protocol, *from, *to};
}

ConntrackHandle make_entry() {
    ConntrackHandle entry(nfct_new());
    if (!entry) throw std::bad_alloc();
    return entry;
}

std::uint8_t address_family(const Address& address) {
    return address.family() == Family::ipv4 ? AF_INET : AF_INET6;
}

void set_address(nf_conntrack& entry, const Address& address, nf_conntrack_attr v4, nf_conntrack_attr v6) {
    nfct_set_attr(&entry, address.family() == Family::ipv4 ? v4 : v6, address.bytes().data());
}

/// The original direction alone: enough to find an entry, in either of its directions.
void set_tuple(nf_conntrack& entry, const FlowTuple& tuple) {
    nfct_set_attr_u8(&entry, ATTR_L3PROTO, address_family(tuple.source.address));
    set_address(entry, tuple.source.address, ATTR_IPV4_SRC, ATTR_IPV6_SRC);
    set_address(entry, tuple.destination.address, ATTR_IPV4_DST, ATTR_IPV6_DST);
    nfct_set_attr_u8(&entry, ATTR_L4PROTO, static_cast<std::uint8_t>(tuple.protocol));
    nfct_set_attr_u16(&entry, ATTR_PORT_SRC, htons(tuple.source.port));
    nfct_set_attr_u16(&entry, ATTR_PORT_DST, htons(tuple.destination.port));
}

/// The message that carries entry. Its attributes are of fixed sizes and all fit.
nlmsghdr* build_message(ConntrackBuffer& buffer, std::uint8_t type, std::uint16_t flags, const nf_conntrack& entry) {
    nlmsghdr* message = start_conntrack_message(buffer, type, flags, nfct_get_attr_u8(&entry, ATTR_L3PROTO));
    static_cast<void>(nfct_nlmsg_build(message, &entry));
    return message;
}

}  // namespace

nlmsghdr* start_conntrack_message(ConntrackBuffer& buffer, std::uint8_t type, std::uint16_t flags,
                                  std::uint8_t family) {
    nlmsghdr* message = mnl_nlmsg_put_header(buffer.data());
    message->nlmsg_type = static_cast<std::uint16_t>(NFNL_SUBSYS_CTNETLINK << 8U | type);
    message->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    auto* header = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(nfgenmsg)));
    header->nfgen_family = family;
    header->version = NFNETLINK_V0;
    header->res_id = 0;
    return message;
}

FlowTuple wire_tuple(const FlowEntry& flow) {
    return {flow.original.protocol, flow.original.source, flow.outside.value_or(flow.original.destination)};
}

nlmsghdr* build_for_flow(ConntrackBuffer& buffer, std::uint8_t type, std::uint16_t flags, const FlowTuple& tuple) {
    const ConntrackHandle entry = make_entry();
    set_tuple(*entry, tuple);
    return build_message(buffer, type, flags, *entry);
}

nlmsghdr* build_renewal(ConntrackBuffer& buffer, const FlowTuple& tuple, std::chrono::seconds timeout) {
    nlmsghdr* message = build_for_flow(buffer, IPCTNL_MSG_CT_NEW, NLM_F_ACK, tuple);
    mnl_attr_put_u32(message, CTA_TIMEOUT, htonl(static_cast<std::uint32_t>(timeout.count())));
    return message;
}

nlmsghdr* build_seed(ConntrackBuffer& buffer, const FlowEntry& flow) {
    const ConntrackHandle entry = make_entry();
    set_tuple(*entry, wire_tuple(flow));
    // The answers as they would be without NAT: the kernel works out the translated ones, and would take those for
    // none.
    nfct_setobjopt(entry.get(), NFCT_SOPT_SETUP_REPLY);
    if (flow.outside) {
        const Endpoint& inside = flow.original.destination;
        assert(inside.address.family() == Family::ipv4 && flow.outside->address.family() == Family::ipv4);
        nfct_set_attr(entry.get(), ATTR_DNAT_IPV4, inside.address.bytes().data());
        nfct_set_attr_u16(entry.get(), ATTR_DNAT_PORT, htons(inside.port));
    }
    nfct_set_attr_u32(entry.get(), ATTR_MARK, flow.mark);
    nfct_set_attr_u32(entry.get(), ATTR_TIMEOUT, static_cast<std::uint32_t>(flow.timeout.count()));
    std::uint32_t status = IPS_SEEN_REPLY;
    if (flow.original.protocol == Protocol::tcp) {
        nfct_set_attr_u8(entry.get(), ATTR_TCP_STATE, TCP_CONNTRACK_SYN_SENT);
    } else {
        status |= IPS_ASSURED;
    }
    nfct_set_attr_u32(entry.get(), ATTR_STATUS, status);
    return build_message(buffer, IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, *entry);
}

std::optional<FlowState> read_flow_state(const nlmsghdr& message) {
    const ConntrackHandle entry = make_entry();
    if (nfct_nlmsg_parse(&message, entry.get()) < 0) return std::nullopt;
    const std::uint8_t number = nfct_get_attr_u8(entry.get(), ATTR_L4PROTO);
    if (number != IPPROTO_TCP && number != IPPROTO_UDP) return std::nullopt;
    const auto protocol = static_cast<Protocol>(number);
    const auto original = read_tuple(*entry, protocol, {ATTR_IPV4_SRC, ATTR_IPV6_SRC, ATTR_PORT_SRC},
                                     {ATTR_IPV4_DST, ATTR_IPV6_DST, ATTR_PORT_DST});
    if (!original) return std::nullopt;
    FlowState state;
    state.original = *original;
    state.reply = read_tuple(*entry, protocol, {ATTR_REPL_IPV4_SRC, ATTR_REPL_IPV6_SRC, ATTR_REPL_PORT_SRC},
                             {ATTR_REPL_IPV4_DST, ATTR_REPL_IPV6_DST, ATTR_REPL_PORT_DST})
                      .value_or(original->reversed());
    state.liberal = (nfct_get_attr_u8(entry.get(), ATTR_TCP_FLAGS_ORIG) &
                     nfct_get_attr_u8(entry.get(), ATTR_TCP_FLAGS_REPL) & IP_CT_TCP_FLAG_BE_LIBERAL) != 0;
    state.established =
        protocol == Protocol::tcp && nfct_get_attr_u8(entry.get(), ATTR_TCP_STATE) == TCP_CONNTRACK_ESTABLISHED;
    state.mark = nfct_get_attr_u32(entry.get(), ATTR_MARK);
    state.status = nfct_get_attr_u32(entry.get(), ATTR_STATUS);
    state.timeout = std::chrono::seconds(nfct_get_attr_u32(entry.get(), ATTR_TIMEOUT));
    return state;
}

}  // namespace messenger::nft
