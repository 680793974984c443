// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/ruleset_watch.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <libnftnl/common.h>
#include <linux/filter.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include "nft/attributes.h"
#include "nft/element_message.h"
#include "nft/set_spec.h"

namespace messenger::nft {
namespace {

[[maybe_unused]] constexpr std::size_t kMaxOwn = 8;  // only asserted
/// The kernel's memory for reports that wait, used only as far as they come. When it is full some are lost, and then
/// the table has to be made anew, which costs the packets that wait in the queues: so a flushed set should fit.
constexpr std::size_t kReportRoom = std::size_t{8} << 20U;

/// Drops a notification whose first message names one of own as its origin. All messages of one datagram come from one
/// transaction, so the first speaks for them all.
Expected<void> drop_own(int fd, std::span<const std::uint32_t> own) {
    assert(own.size() <= kMaxOwn);
    std::vector<sock_filter> program;
    program.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(nlmsghdr, nlmsg_pid)));
    for (const std::uint32_t portid : own) {
        // BPF loads in network order what netlink stores in the host's.
        program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(portid), 0, 1));
        program.push_back(BPF_STMT(BPF_RET | BPF_K, 0));
    }
    program.push_back(BPF_STMT(BPF_RET | BPF_K, 0xffffffff));
    const sock_fprog attached{static_cast<unsigned short>(program.size()), program.data()};
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &attached, sizeof(attached)) < 0) {
        return system_error(errno, "filter ruleset notifications");
    }
    return {};
}

int find_set_name(const nlattr* attribute, void* data) {
    if (mnl_attr_get_type(attribute) != NFTA_SET_ELEM_LIST_SET) return MNL_CB_OK;
    if (mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) < 0) return MNL_CB_STOP;
    *static_cast<std::string_view*>(data) = mnl_attr_get_str(attribute);
    return MNL_CB_STOP;
}

/// In every message of nf_tables, attribute 1 is the name of the table that it is about.
int find_table(const nlattr* attribute, void* data) {
    constexpr std::uint16_t kTableName = 1;
    static_assert(kTableName == NFTA_TABLE_NAME && kTableName == NFTA_CHAIN_TABLE && kTableName == NFTA_RULE_TABLE &&
                  kTableName == NFTA_SET_TABLE && kTableName == NFTA_SET_ELEM_LIST_TABLE);
    if (mnl_attr_get_type(attribute) != kTableName) return MNL_CB_OK;
    const bool ours = mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0 &&
                      std::string_view(mnl_attr_get_str(attribute)) == kTable;
    *static_cast<bool*>(data) = ours;
    return MNL_CB_STOP;
}

}  // namespace

Expected<std::uint32_t> read_generation(NetlinkSocket& socket) {
    constexpr const char* kOperation = "read the generation of the rules";
    std::array<char, 64> buffer{};
    nlmsghdr* message = nftnl_nlmsg_build_hdr(buffer.data(), NFT_MSG_GETGEN, AF_UNSPEC, NLM_F_ACK, 0);
    std::optional<std::uint32_t> generation;
    auto read = socket.request(*message, kOperation, [&](const nlmsghdr& reply) -> Expected<void> {
        const bool whole = each_attribute(attributes_of(reply), [&](unsigned type, std::span<const std::byte> value) {
            std::uint32_t number = 0;
            if (type != NFTA_GEN_ID || value.size() != sizeof(number)) return true;
            std::memcpy(&number, value.data(), sizeof(number));
            generation = be32toh(number);
            return true;
        });
        if (!whole) return system_error(EBADMSG, kOperation);
        return {};
    });
    if (!read) return std::move(read).error();
    if (!generation) return system_error(EBADMSG, kOperation);
    return *generation;
}

bool concerns_our_table(const nlmsghdr& message) {
    if (message.nlmsg_type >> 8U != NFNL_SUBSYS_NFTABLES) return false;
    // The new generation tells nothing that the messages before it have not told, and has no table.
    if ((message.nlmsg_type & 0xffU) == NFT_MSG_NEWGEN) return false;
    if (mnl_nlmsg_get_payload_len(&message) < sizeof(nfgenmsg)) return false;
    const auto* header = static_cast<const nfgenmsg*>(mnl_nlmsg_get_payload(&message));
    if (header->nfgen_family != NFPROTO_INET) return false;
    bool ours = false;
    static_cast<void>(mnl_attr_parse(&message, sizeof(nfgenmsg), find_table, &ours));
    return ours;
}

Expected<RulesetWatch> RulesetWatch::open(NetlinkSocket socket, std::span<const std::uint32_t> own) {
    if (auto filtered = drop_own(socket.fd(), own); !filtered) return std::move(filtered).error();
    if (auto room = socket.reserve(0, kReportRoom); !room) return std::move(room).error();
    if (auto joined = socket.join(NFNLGRP_NFTABLES); !joined) return std::move(joined).error();
    return RulesetWatch(std::move(socket));
}

bool RulesetWatch::changed() {
    alignas(nlmsghdr) std::array<std::byte, 32768> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled
    bool ours = false;
    for (;;) {
        auto received = socket_.receive(buffer, std::chrono::milliseconds{0}, "read ruleset notifications");
        if (!received) {
            ours = removals_.unknown = true;  // notifications lost: look
            additions_ = std::max(additions_, Additions::unknown);
            if (received.error().failure == Failure::replies_lost || received.error().code == EMSGSIZE) continue;
            return ours;
        }
        if (*received == 0) return ours;
        int left = static_cast<int>(*received);
        for (const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(message, left);
             message = mnl_nlmsg_next(message, &left)) {
            if (!concerns_our_table(*message)) continue;
            ours = true;
            const unsigned type = message->nlmsg_type & 0xffU;
            if (type == NFT_MSG_NEWSETELEM) additions_ = Additions::seen;
            if (type == NFT_MSG_DELSETELEM) note_removal(*message);
        }
    }
}

void RulesetWatch::note_removal(const nlmsghdr& message) {
    std::string_view name;
    static_cast<void>(mnl_attr_parse(&message, sizeof(nfgenmsg), find_set_name, &name));
    const auto& specs = set_specs();
    const auto set = std::find_if(specs.begin(), specs.end(), [&](const SetSpec& spec) { return spec.name == name; }) -
                     specs.begin();
    std::vector<StoredElement> elements;
    if (static_cast<std::size_t>(set) == specs.size() || !read_elements(message, elements) ||
        removals_.elements.size() + elements.size() > kMostRemovals) {
        removals_.unknown = true;
        return;
    }
    for (const StoredElement& stored : elements) {
        removals_.elements.push_back({static_cast<SetId>(set), stored.element.key});
    }
}

}  // namespace messenger::nft
