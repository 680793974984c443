// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/conntrack.h"

#include <array>
#include <cassert>
#include <cerrno>
#include <string>
#include <utility>

#include <arpa/inet.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack_tcp.h>

#include "nft/conntrack_message.h"

namespace messenger::nft {
namespace {

// What one entry with both tuples takes is below 400 bytes.
using MessageBuffer = std::array<char, 2048>;
constexpr std::uint8_t kBeLiberal = IP_CT_TCP_FLAG_BE_LIBERAL;

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

nlmsghdr* start_message(MessageBuffer& buffer, std::uint8_t type, std::uint16_t flags, std::uint8_t family) {
    nlmsghdr* message = mnl_nlmsg_put_header(buffer.data());
    message->nlmsg_type = static_cast<std::uint16_t>(NFNL_SUBSYS_CTNETLINK << 8U | type);
    message->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    auto* header = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(nfgenmsg)));
    header->nfgen_family = family;
    header->version = NFNETLINK_V0;
    header->res_id = 0;
    return message;
}

/// The message that carries entry. Its attributes are of fixed sizes and all fit.
nlmsghdr* build_message(MessageBuffer& buffer, std::uint8_t type, std::uint16_t flags, const nf_conntrack& entry) {
    nlmsghdr* message = start_message(buffer, type, flags, nfct_get_attr_u8(&entry, ATTR_L3PROTO));
    static_cast<void>(nfct_nlmsg_build(message, &entry));
    return message;
}

/// Tries the one direction of a flow, then the other: of a translated flow only what goes out is in conntrack's table
/// as the forward hook shows it.
template <class Attempt>
auto in_either_direction(const FlowTuple& tuple, Attempt attempt) {
    auto result = attempt(tuple);
    if (!result || *result) return result;
    return attempt(tuple.reversed());
}

std::string on_flow(std::string_view verb, const FlowTuple& tuple) {
    return std::string(verb) + " conntrack entry " + tuple.to_string();
}

}  // namespace

Expected<Seeded> Conntrack::seed(const FlowEntry& flow) {
    const ConntrackHandle entry = make_conntrack_entry();
    const Endpoint& inside = flow.original.destination;
    const FlowTuple original{flow.original.protocol, flow.original.source, flow.outside.value_or(inside)};
    set_tuple(*entry, original);
    // The answers as they would be without NAT: the kernel works out the translated ones, and would take those for
    // none.
    nfct_setobjopt(entry.get(), NFCT_SOPT_SETUP_REPLY);
    if (flow.outside) {
        assert(inside.address.family() == Family::ipv4 && flow.outside->address.family() == Family::ipv4);
        const auto there = make_way(original, flow.original.reversed());
        if (!there) return there.error();
        if (*there) return Seeded::already_there;
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

    MessageBuffer buffer{};
    nlmsghdr* message = build_message(buffer, IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, *entry);
    auto made = socket_.request(*message, "seed conntrack entry", {});
    if (made) return Seeded::created;
    if (made.error().code == EEXIST) return Seeded::already_there;
    return system_error(made.error().code, on_flow("seed", flow.original));
}

Expected<bool> Conntrack::make_way(const FlowTuple& original, const FlowTuple& reply) {
    for (const FlowTuple& tuple : {original, reply}) {
        const auto found = find_exactly(tuple);
        if (!found) return found.error();
        if (!*found) continue;
        const FlowState& state = **found;
        const bool ours = (state.original == original && state.reply == reply) ||
                          (state.original == reply && state.reply == original);  // the inside host has sent first
        if (ours) return true;
        // Left there, one with the reply's tuple would not even be told of: the kernel would give the remote side
        // another source port.
        if (const auto gone = remove_exactly(tuple); !gone) return gone.error();
    }
    return false;
}

Expected<bool> Conntrack::remove(const FlowTuple& tuple) {
    return in_either_direction(tuple, [&](const FlowTuple& one) { return remove_exactly(one); });
}

Expected<bool> Conntrack::remove_exactly(const FlowTuple& tuple) {
    const ConntrackHandle entry = make_conntrack_entry();
    set_tuple(*entry, tuple);
    MessageBuffer buffer{};
    auto removed =
        socket_.request(*build_message(buffer, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, *entry), "delete conntrack entry", {});
    if (removed) return true;
    if (removed.error().code == ENOENT) return false;
    return system_error(removed.error().code, on_flow("delete", tuple));
}

Expected<std::optional<FlowState>> Conntrack::find(const FlowTuple& tuple) {
    return in_either_direction(tuple, [&](const FlowTuple& one) { return find_exactly(one); });
}

Expected<std::optional<FlowTranslation>> Conntrack::translation(const FlowTuple& tuple) {
    auto found = find(tuple);
    if (!found) return std::move(found).error();
    if (!*found) return std::optional<FlowTranslation>();
    const FlowState& state = **found;
    FlowTranslation translation{std::nullopt, state.mark};
    // Whoever sent first: one direction has the inside endpoint as its source, the other the outside one as
    // destination.
    const auto look = [&](const FlowTuple& out, const FlowTuple& in) {
        const bool from_here = out == tuple || out == tuple.reversed();
        if (from_here && in.destination != out.source) translation.outside = in.destination;
    };
    look(state.original, state.reply);
    look(state.reply, state.original);
    return std::optional(translation);
}

Expected<std::optional<FlowState>> Conntrack::find_exactly(const FlowTuple& tuple) {
    const ConntrackHandle entry = make_conntrack_entry();
    set_tuple(*entry, tuple);
    MessageBuffer buffer{};
    std::optional<FlowState> state;
    auto found = socket_.request(*build_message(buffer, IPCTNL_MSG_CT_GET, NLM_F_ACK, *entry), "find conntrack entry",
                                 [&](const nlmsghdr& reply) -> Expected<void> {
                                     state = read_flow_state(reply);
                                     return {};
                                 });
    if (!found && found.error().code != ENOENT) return system_error(found.error().code, on_flow("find", tuple));
    return state;
}

template <class Put>
Expected<bool> Conntrack::change(const FlowTuple& tuple, std::string_view verb, Put put) {
    const ConntrackHandle entry = make_conntrack_entry();
    set_tuple(*entry, tuple);
    MessageBuffer buffer{};
    nlmsghdr* message = build_message(buffer, IPCTNL_MSG_CT_NEW, NLM_F_ACK, *entry);
    put(message);
    auto changed = socket_.request(*message, "change conntrack entry", {});
    if (changed) return true;
    if (changed.error().code == ENOENT) return false;
    return system_error(changed.error().code, on_flow(verb, tuple));
}

Expected<bool> Conntrack::set_mark(const FlowTuple& tuple, std::uint32_t value, std::uint32_t mask) {
    return in_either_direction(tuple, [&](const FlowTuple& one) {
        return change(one, "mark", [&](nlmsghdr* message) {
            mnl_attr_put_u32(message, CTA_MARK, htonl(value & mask));
            mnl_attr_put_u32(message, CTA_MARK_MASK, htonl(mask));
        });
    });
}

Expected<bool> Conntrack::set_liberal(const FlowTuple& tuple) {
    assert(tuple.protocol == Protocol::tcp);
    const auto put = [](nlmsghdr* message) {
        const std::array<std::uint8_t, 2> liberal{kBeLiberal, kBeLiberal};  // struct nf_ct_tcp_flags: value, mask
        nlattr* info = mnl_attr_nest_start(message, CTA_PROTOINFO);
        nlattr* tcp = mnl_attr_nest_start(message, CTA_PROTOINFO_TCP);
        mnl_attr_put(message, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, sizeof(liberal), &liberal);
        mnl_attr_put(message, CTA_PROTOINFO_TCP_FLAGS_REPLY, sizeof(liberal), &liberal);
        mnl_attr_nest_end(message, tcp);
        mnl_attr_nest_end(message, info);
    };
    return in_either_direction(tuple,
                               [&](const FlowTuple& one) { return change(one, "stop checking windows of", put); });
}

Expected<std::vector<FlowState>> Conntrack::list(std::uint32_t value, std::uint32_t mask) {
    MessageBuffer buffer{};
    nlmsghdr* message = start_message(buffer, IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC);
    mnl_attr_put_u32(message, CTA_MARK, htonl(value));
    mnl_attr_put_u32(message, CTA_MARK_MASK, htonl(mask));
    std::vector<FlowState> states;
    auto read = socket_.request(
        *message, "list conntrack entries",
        [&](const nlmsghdr& reply) -> Expected<void> {
            if (auto state = read_flow_state(reply)) states.push_back(*state);
            return {};
        },
        [&] { states.clear(); });
    if (!read) return std::move(read).error();
    return states;
}

}  // namespace messenger::nft
