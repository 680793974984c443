// SPDX-License-Identifier: GPL-2.0-or-later
// Input: netlink messages as the kernel sends them: dumps of set elements, conntrack entries, notifications of changes.
// What is read of an element means the same again when it is written; nothing that is damaged is taken for ours.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "daemon/translate.h"
#include "daemon/translate_nat.h"
#include "nft/conntrack_message.h"
#include "nft/element_message.h"
#include "nft/ruleset_watch.h"
#include "nft/table_message.h"
#include "tests/fuzz/require.h"

namespace {

using namespace messenger::nft;
using messenger::test::require;

void check_key(const Key& key) {
    using messenger::daemon::pinhole_at;
    using messenger::daemon::place_of;
    require(key.bytes().size() <= Key::kMaxSize, "a key fits");
    for (const SetId set : {SetId::pinholes4, SetId::pinholes6, SetId::open4, SetId::open6}) {
        const auto pinhole = pinhole_at(set, key);
        if (!pinhole) continue;
        const auto place = place_of(*pinhole);
        require(place && place->set == set && pinhole_at(set, place->key) == pinhole, "a pinhole is found where it is");
    }
    if (const auto tuple = read_tuple_key(key)) require(read_tuple_key(Key::tuple(*tuple)) == tuple, "a tuple");
    if (const auto binding = read_binding_key(key)) {
        require(binding->interface.size() <= 15, "an interface has a name that it can have");
        const auto again = read_binding_key(Key::binding(binding->interface, binding->protocol, binding->inside));
        require(again && again->interface == binding->interface && again->inside == binding->inside, "a binding");
    }
    for (const SetSpec& spec : set_specs()) {
        if (key.bytes().size() == spec.key_size()) (void)key.to_string(spec.id);
    }
}

void check_element(const StoredElement& stored) {
    check_key(stored.element.key);
    const Comment& comment = stored.element.comment;
    require(Comment(comment.text()) == comment, "a comment is one that nft can print");
    if (const auto note = messenger::daemon::parse_comment(comment.text())) {
        const Comment again = messenger::daemon::format_comment(note->purpose, note->label());
        const auto read = messenger::daemon::parse_comment(again.text());
        require(read && read->call == note->call && read->dialog == note->dialog && read->purpose == note->purpose,
                "a note says the same again");
    }
    (void)messenger::daemon::binding_at(stored.element);
    (void)messenger::daemon::callback_at(stored.element);
    if (stored.element.target) {
        require(read_target(target_bytes(*stored.element.target)) == stored.element.target, "a target");
    }
    require(stored.restored().key == stored.element.key, "what is put back is the same");
}

void check_elements(const nlmsghdr& message) {
    std::vector<StoredElement> elements;
    if (!read_elements(message, elements)) return;
    for (const StoredElement& stored : elements) check_element(stored);
}

/// An attribute as the kernel makes it: with a value of that size, or with others inside.
struct Shape {
    std::uint16_t type = 0;
    std::uint16_t size = 0;
    std::span<const Shape> inside{};
};
constexpr std::array<Shape, 4> kAddresses{{{1, 4}, {2, 4}, {3, 16}, {4, 16}}};
constexpr std::array<Shape, 3> kPorts{{{1, 1}, {2, 2}, {3, 2}}};
constexpr std::array<Shape, 2> kTuple{{{1, 0, kAddresses}, {2, 0, kPorts}}};
constexpr std::array<Shape, 5> kTcp{{{1, 1}, {2, 1}, {3, 1}, {4, 2}, {5, 2}}};
constexpr std::array<Shape, 1> kProtocol{{{1, 0, kTcp}}};
constexpr std::array<Shape, 6> kEntry{{{1, 0, kTuple}, {2, 0, kTuple}, {3, 4}, {4, 0, kProtocol}, {7, 4}, {8, 4}}};

/// libnetfilter_conntrack ends the process at an attribute of another size than the kernel's.
bool has_shape(const char* at, std::size_t left, std::span<const Shape> shapes) {
    while (left >= sizeof(nlattr)) {
        const auto* attribute = reinterpret_cast<const nlattr*>(at);
        if (attribute->nla_len < sizeof(nlattr) || attribute->nla_len > left) return false;
        const auto shape = std::find_if(shapes.begin(), shapes.end(),
                                        [&](const Shape& one) { return one.type == mnl_attr_get_type(attribute); });
        if (shape == shapes.end()) return false;
        const std::size_t size = mnl_attr_get_payload_len(attribute);
        const auto* payload = static_cast<const char*>(mnl_attr_get_payload(attribute));
        if (shape->inside.empty() ? size != shape->size : !has_shape(payload, size, shape->inside)) return false;
        const std::size_t whole = std::min<std::size_t>(MNL_ALIGN(attribute->nla_len), left);
        at += whole;
        left -= whole;
    }
    return left == 0;
}

void check_flow(const nlmsghdr& message) {
    const std::size_t size = mnl_nlmsg_get_payload_len(&message) - sizeof(nfgenmsg);
    if (!has_shape(static_cast<const char*>(mnl_nlmsg_get_payload_offset(&message, sizeof(nfgenmsg))), size, kEntry)) {
        return;
    }
    const auto state = read_flow_state(message);
    if (!state) return;
    for (const FlowTuple& tuple : {state->original, state->reply}) {
        require(tuple.source.address.family() == tuple.destination.address.family(), "a flow is of one family");
        require(tuple.protocol == Protocol::tcp || tuple.protocol == Protocol::udp, "TCP or UDP");
    }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // Aligned, as what a socket gives is.
    const std::unique_ptr<std::uint8_t[]> block(new std::uint8_t[size]);  // NOLINT(modernize-avoid-c-arrays)
    std::copy_n(data, size, block.get());
    int left = static_cast<int>(size);
    for (auto* message = reinterpret_cast<nlmsghdr*>(block.get()); mnl_nlmsg_ok(message, left);
         message = mnl_nlmsg_next(message, &left)) {
        // libmnl takes a length above 2^31 for one that fits; the kernel's datagrams are shorter.
        if (message->nlmsg_len > size) break;
        const unsigned type = message->nlmsg_type;
        const bool ours = concerns_our_table(*message);
        require(!ours || type >> 8U == NFNL_SUBSYS_NFTABLES, "a change of nf_tables");
        if (mnl_nlmsg_get_payload_len(message) < sizeof(nfgenmsg)) continue;  // the kernel's have that
        if (type >> 8U == NFNL_SUBSYS_CTNETLINK) check_flow(*message);
        if (type == (NFNL_SUBSYS_NFTABLES << 8U | NFT_MSG_NEWSETELEM)) check_elements(*message);
        if (type == (NFNL_SUBSYS_NFTABLES << 8U | NFT_MSG_NEWTABLE)) (void)read_table_comment(*message);
    }
    return 0;
}
