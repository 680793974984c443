// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/conntrack_message.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <new>

#include <arpa/inet.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack_tcp.h>

namespace messenger::nft {
namespace {

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

}  // namespace

ConntrackHandle make_conntrack_entry() {
    ConntrackHandle entry(nfct_new());
    if (!entry) throw std::bad_alloc();
    return entry;
}

std::optional<FlowState> read_flow_state(const nlmsghdr& message) {
    const ConntrackHandle entry = make_conntrack_entry();
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
    state.mark = nfct_get_attr_u32(entry.get(), ATTR_MARK);
    state.status = nfct_get_attr_u32(entry.get(), ATTR_STATUS);
    state.timeout = std::chrono::seconds(nfct_get_attr_u32(entry.get(), ATTR_TIMEOUT));
    return state;
}

}  // namespace messenger::nft
