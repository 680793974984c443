// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/request_reader.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <arpa/inet.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "nft/attributes.h"
#include "nft/element_message.h"

namespace messenger::nft {
namespace {

constexpr std::size_t kUserDataHeader = 2;  // type and length of nft's element userdata

std::string_view text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// With the NUL that ends it, and none before.
bool is_string(std::span<const std::byte> bytes, std::string_view text) {
    const std::string_view found = text_of(bytes);
    return found.size() == text.size() + 1 && found.substr(0, text.size()) == text && found.back() == '\0';
}

const SetSpec* find_set(std::span<const std::byte> name) {
    const auto& specs = set_specs();
    const auto found =
        std::find_if(specs.begin(), specs.end(), [&](const SetSpec& spec) { return is_string(name, spec.name); });
    return found == specs.end() ? nullptr : &*found;
}

/// Only what a Comment holds as it is: an operator's terminal will show it.
std::optional<Comment> read_comment(std::span<const std::byte> userdata) {
    if (userdata.size() <= kUserDataHeader) return std::nullopt;
    if (std::to_integer<unsigned>(userdata[0]) != NFTNL_UDATA_SET_ELEM_COMMENT) return std::nullopt;
    const std::span<const std::byte> value = userdata.subspan(kUserDataHeader);
    if (std::to_integer<std::size_t>(userdata[1]) != value.size()) return std::nullopt;
    const std::string_view text = text_of(value.first(value.size() - 1));
    if (!is_string(value, text)) return std::nullopt;
    Comment comment(text);
    return comment.text() == text ? std::optional(comment) : std::nullopt;
}

std::optional<std::span<const std::byte>> nested_value(const Attributes& attributes, unsigned type, std::size_t size) {
    const auto nest = attributes.nest(type, {NFTA_DATA_VALUE});
    if (!nest || nest->value(NFTA_DATA_VALUE).size() != size) return std::nullopt;
    return nest->value(NFTA_DATA_VALUE);
}

std::optional<Element> read_element(const SetSpec& spec, std::span<const std::byte> bytes) {
    const auto attributes =
        Attributes::read(bytes, {NFTA_SET_ELEM_KEY, NFTA_SET_ELEM_DATA, NFTA_SET_ELEM_TIMEOUT, NFTA_SET_ELEM_USERDATA});
    if (!attributes) return std::nullopt;
    const auto key = nested_value(*attributes, NFTA_SET_ELEM_KEY, spec.key_size());
    if (!key) return std::nullopt;
    Element element;
    element.key = *Key::from_bytes(*key);
    if (attributes->has(NFTA_SET_ELEM_DATA)) {
        const auto target = nested_value(*attributes, NFTA_SET_ELEM_DATA, kTargetSize);
        if (!target || !spec.is_map()) return std::nullopt;
        element.target = read_target(*target);
    }
    if (attributes->has(NFTA_SET_ELEM_TIMEOUT)) {
        const auto timeout = attributes->u64(NFTA_SET_ELEM_TIMEOUT);
        if (!timeout || *timeout > static_cast<std::uint64_t>(std::chrono::milliseconds::max().count())) {
            return std::nullopt;
        }
        element.timeout = std::chrono::milliseconds(static_cast<std::int64_t>(*timeout));
    }
    if (attributes->has(NFTA_SET_ELEM_USERDATA)) {
        const auto comment = read_comment(attributes->value(NFTA_SET_ELEM_USERDATA));
        if (!comment) return std::nullopt;
        element.comment = *comment;
    }
    return element;
}

std::uint8_t family_of(const nlmsghdr& message) {
    return static_cast<const nfgenmsg*>(mnl_nlmsg_get_payload(&message))->nfgen_family;
}

std::optional<Address> read_address(const Attributes& attributes, std::uint8_t family, unsigned v4, unsigned v6) {
    const auto bytes = attributes.value(family == AF_INET ? v4 : v6);
    if (bytes.size() != (family == AF_INET ? std::size_t{4} : std::size_t{16})) return std::nullopt;
    return Address::from_bytes(bytes);
}

std::optional<FlowTuple> read_tuple(const Attributes& message, unsigned type, std::uint8_t family) {
    const auto tuple = message.nest(type, {CTA_TUPLE_IP, CTA_TUPLE_PROTO});
    if (!tuple) return std::nullopt;
    const auto addresses = family == AF_INET ? tuple->nest(CTA_TUPLE_IP, {CTA_IP_V4_SRC, CTA_IP_V4_DST})
                                             : tuple->nest(CTA_TUPLE_IP, {CTA_IP_V6_SRC, CTA_IP_V6_DST});
    const auto ports = tuple->nest(CTA_TUPLE_PROTO, {CTA_PROTO_NUM, CTA_PROTO_SRC_PORT, CTA_PROTO_DST_PORT});
    if (!addresses || !ports) return std::nullopt;
    const auto source = read_address(*addresses, family, CTA_IP_V4_SRC, CTA_IP_V6_SRC);
    const auto destination = read_address(*addresses, family, CTA_IP_V4_DST, CTA_IP_V6_DST);
    const std::uint8_t protocol = ports->u8(CTA_PROTO_NUM).value_or(0);
    const auto source_port = ports->u16(CTA_PROTO_SRC_PORT);
    const auto destination_port = ports->u16(CTA_PROTO_DST_PORT);
    if (!source || !destination || !source_port || !destination_port) return std::nullopt;
    if (protocol != IPPROTO_UDP && protocol != IPPROTO_TCP) return std::nullopt;
    return FlowTuple{static_cast<Protocol>(protocol), {*source, *source_port}, {*destination, *destination_port}};
}

/// One address and one port, or absent.
std::optional<Endpoint> read_translation(const Attributes& message) {
    const auto nat = message.nest(CTA_NAT_DST, {CTA_NAT_V4_MINIP, CTA_NAT_V4_MAXIP, CTA_NAT_PROTO});
    if (!nat) return std::nullopt;
    const auto ports = nat->nest(CTA_NAT_PROTO, {CTA_PROTONAT_PORT_MIN, CTA_PROTONAT_PORT_MAX});
    const auto address = read_address(*nat, AF_INET, CTA_NAT_V4_MINIP, CTA_NAT_V4_MINIP);
    if (!ports || !address) return std::nullopt;
    const auto last_address = nat->value(CTA_NAT_V4_MAXIP);
    const bool one_address =
        !nat->has(CTA_NAT_V4_MAXIP) ||
        std::equal(last_address.begin(), last_address.end(), address->bytes().begin(), address->bytes().end());
    const auto port = ports->u16(CTA_PROTONAT_PORT_MIN);
    const bool one_port = !ports->has(CTA_PROTONAT_PORT_MAX) || ports->u16(CTA_PROTONAT_PORT_MAX) == port;
    if (!port || !one_address || !one_port) return std::nullopt;
    return Endpoint{*address, *port};
}

bool is_syn_sent(const Attributes& message) {
    const auto info = message.nest(CTA_PROTOINFO, {CTA_PROTOINFO_TCP});
    const auto tcp = info ? info->nest(CTA_PROTOINFO_TCP, {CTA_PROTOINFO_TCP_STATE}) : std::nullopt;
    return tcp && tcp->u8(CTA_PROTOINFO_TCP_STATE) == TCP_CONNTRACK_SYN_SENT;
}

/// Address families that entries have; the rest of the kernel's are none of ours.
std::optional<std::span<const std::byte>> conntrack_attributes(const nlmsghdr& message) {
    const auto v4 = attributes_of(message, AF_INET);
    return v4 ? v4 : attributes_of(message, AF_INET6);
}

}  // namespace

std::optional<std::span<const std::byte>> attributes_of(const nlmsghdr& message, std::uint8_t family) {
    if (message.nlmsg_len < sizeof(nlmsghdr) + sizeof(nfgenmsg)) return std::nullopt;
    const auto* header = static_cast<const nfgenmsg*>(mnl_nlmsg_get_payload(&message));
    if (header->nfgen_family != family || header->version != NFNETLINK_V0) return std::nullopt;
    const auto* begin = reinterpret_cast<const std::byte*>(header + 1);
    return std::span(begin, message.nlmsg_len - sizeof(nlmsghdr) - sizeof(nfgenmsg));
}

std::optional<Operation> read_operation(const nlmsghdr& message) {
    std::optional<Verb> verb;
    switch (message.nlmsg_type) {
        case NFNL_SUBSYS_NFTABLES << 8U | NFT_MSG_NEWSETELEM: verb = Verb::add; break;
        case NFNL_SUBSYS_NFTABLES << 8U | NFT_MSG_DELSETELEM: verb = Verb::remove; break;
        case NFNL_SUBSYS_NFTABLES << 8U | kDestroySetElement: verb = Verb::discard; break;
        default: return std::nullopt;
    }
    const bool adds = verb == Verb::add;
    const auto bytes = attributes_of(message, NFPROTO_INET);
    if (!bytes) return std::nullopt;
    const auto attributes =
        Attributes::read(*bytes, {NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_LIST_SET, NFTA_SET_ELEM_LIST_ELEMENTS});
    if (!attributes || !is_string(attributes->value(NFTA_SET_ELEM_LIST_TABLE), kTable)) return std::nullopt;
    const SetSpec* set = find_set(attributes->value(NFTA_SET_ELEM_LIST_SET));
    if (set == nullptr) return std::nullopt;
    Operation operation;
    operation.set = set->id;
    if (!attributes->has(NFTA_SET_ELEM_LIST_ELEMENTS)) {
        operation.verb = Verb::flush;
        return verb == Verb::remove ? std::optional(operation) : std::nullopt;
    }
    operation.verb = *verb;
    const auto list = attributes->nest(NFTA_SET_ELEM_LIST_ELEMENTS, {NFTA_LIST_ELEM});
    const auto element =
        list && list->has(NFTA_LIST_ELEM) ? read_element(*set, list->value(NFTA_LIST_ELEM)) : std::nullopt;
    if (!element || (adds && element->target.has_value() != set->is_map())) return std::nullopt;
    operation.element = *element;
    return operation;
}

std::optional<FlowEntry> read_seed(const nlmsghdr& message) {
    if (message.nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8U | IPCTNL_MSG_CT_NEW)) return std::nullopt;
    constexpr unsigned kCreates = NLM_F_CREATE | NLM_F_EXCL;
    if ((message.nlmsg_flags & (kCreates | NLM_F_REPLACE)) != kCreates) return std::nullopt;
    const auto bytes = conntrack_attributes(message);
    if (!bytes) return std::nullopt;
    const auto attributes = Attributes::read(
        *bytes, {CTA_TUPLE_ORIG, CTA_TUPLE_REPLY, CTA_STATUS, CTA_PROTOINFO, CTA_NAT_DST, CTA_TIMEOUT, CTA_MARK});
    if (!attributes) return std::nullopt;
    const auto original = read_tuple(*attributes, CTA_TUPLE_ORIG, family_of(message));
    const auto reply = read_tuple(*attributes, CTA_TUPLE_REPLY, family_of(message));
    const auto timeout = attributes->u32(CTA_TIMEOUT);
    // An entry whose answers are not those of its flow would make packets known that belong to nothing.
    if (!original || !reply || *reply != original->reversed() || !timeout) return std::nullopt;
    const bool tcp = original->protocol == Protocol::tcp;
    const std::uint32_t status = tcp ? IPS_SEEN_REPLY : IPS_SEEN_REPLY | IPS_ASSURED;
    // The kernel confirms every entry that is made; the library says so as well.
    if (attributes->u32(CTA_STATUS) != (status | IPS_CONFIRMED)) return std::nullopt;
    if (tcp ? !is_syn_sent(*attributes) : attributes->has(CTA_PROTOINFO)) return std::nullopt;
    FlowEntry entry;
    entry.original = *original;
    entry.mark = attributes->u32(CTA_MARK).value_or(0);
    entry.timeout = std::chrono::seconds(*timeout);
    if (!attributes->has(CTA_NAT_DST)) return entry;
    const auto inside = read_translation(*attributes);
    if (!inside || family_of(message) != AF_INET) return std::nullopt;
    entry.outside = original->destination;
    entry.original.destination = *inside;
    return entry;
}

std::optional<FlowTuple> read_liberal(const nlmsghdr& message) {
    if (message.nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8U | IPCTNL_MSG_CT_NEW)) return std::nullopt;
    if ((message.nlmsg_flags & NLM_F_CREATE) != 0) return std::nullopt;
    const auto bytes = conntrack_attributes(message);
    const auto attributes = bytes ? Attributes::read(*bytes, {CTA_TUPLE_ORIG, CTA_PROTOINFO}) : std::nullopt;
    const auto info = attributes ? attributes->nest(CTA_PROTOINFO, {CTA_PROTOINFO_TCP}) : std::nullopt;
    const auto tcp =
        info ? info->nest(CTA_PROTOINFO_TCP, {CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, CTA_PROTOINFO_TCP_FLAGS_REPLY})
             : std::nullopt;
    if (!tcp) return std::nullopt;
    constexpr std::array kLiberal{std::byte{IP_CT_TCP_FLAG_BE_LIBERAL}, std::byte{IP_CT_TCP_FLAG_BE_LIBERAL}};
    for (const unsigned type : {CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, CTA_PROTOINFO_TCP_FLAGS_REPLY}) {
        const auto flags = tcp->value(type);
        if (!std::equal(flags.begin(), flags.end(), kLiberal.begin(), kLiberal.end())) return std::nullopt;
    }
    return read_tuple(*attributes, CTA_TUPLE_ORIG, family_of(message));
}

std::optional<FlowTuple> read_renewal(const nlmsghdr& message) {
    if (message.nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8U | IPCTNL_MSG_CT_NEW)) return std::nullopt;
    if ((message.nlmsg_flags & NLM_F_CREATE) != 0) return std::nullopt;
    const auto bytes = conntrack_attributes(message);
    const auto attributes = bytes ? Attributes::read(*bytes, {CTA_TUPLE_ORIG, CTA_TIMEOUT}) : std::nullopt;
    if (!attributes || !attributes->u32(CTA_TIMEOUT)) return std::nullopt;
    auto tuple = read_tuple(*attributes, CTA_TUPLE_ORIG, family_of(message));
    return tuple && tuple->protocol == Protocol::tcp ? tuple : std::nullopt;
}

std::optional<FlowTuple> read_named_flow(const nlmsghdr& message) {
    const bool gets = message.nlmsg_type == (NFNL_SUBSYS_CTNETLINK << 8U | IPCTNL_MSG_CT_GET);
    const bool deletes = message.nlmsg_type == (NFNL_SUBSYS_CTNETLINK << 8U | IPCTNL_MSG_CT_DELETE);
    if ((!gets && !deletes) || (message.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP) return std::nullopt;
    const auto bytes = conntrack_attributes(message);
    const auto attributes = bytes ? Attributes::read(*bytes, {CTA_TUPLE_ORIG}) : std::nullopt;
    return attributes ? read_tuple(*attributes, CTA_TUPLE_ORIG, family_of(message)) : std::nullopt;
}

}  // namespace messenger::nft
