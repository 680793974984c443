// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/packet_trace.h"

#include <array>
#include <cstddef>

#include <arpa/inet.h>
#include <endian.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

namespace messenger::nft {
namespace {

constexpr std::size_t kReceiveRoom = std::size_t{4} << 20U;

[[nodiscard]] TraceStep::Verdict verdict_of(std::uint32_t code) {
    // Jumps and "no match" are negative.
    if (static_cast<std::int32_t>(code) < 0) return TraceStep::Verdict::goes_on;
    switch (code & NF_VERDICT_MASK) {
        case NF_ACCEPT: return TraceStep::Verdict::accept;
        case NF_DROP: return TraceStep::Verdict::drop;
        case NF_QUEUE: return TraceStep::Verdict::queue;
        default: return TraceStep::Verdict::goes_on;
    }
}

struct TraceAttributes {
    std::array<const nlattr*, NFTA_TRACE_MAX + 1> at{};
};

int note_attribute(const nlattr* attribute, void* data) {
    auto& attributes = *static_cast<TraceAttributes*>(data);
    const std::uint16_t type = mnl_attr_get_type(attribute);
    if (type < attributes.at.size()) attributes.at.at(type) = attribute;
    return MNL_CB_OK;
}

[[nodiscard]] std::string word_of(const nlattr* attribute) {
    return attribute == nullptr || mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) < 0 ? ""
                                                                                         : mnl_attr_get_str(attribute);
}

[[nodiscard]] std::uint32_t number_of(const nlattr* attribute) {
    return attribute == nullptr ? 0 : ntohl(mnl_attr_get_u32(attribute));
}

[[nodiscard]] TraceStep step_of(const nlmsghdr& message) {
    TraceAttributes attributes;
    static_cast<void>(mnl_attr_parse(&message, sizeof(nfgenmsg), note_attribute, &attributes));
    const auto& at = attributes.at;
    TraceStep step;
    step.packet = at[NFTA_TRACE_ID] == nullptr ? 0 : mnl_attr_get_u32(at[NFTA_TRACE_ID]);
    step.place.table.family = static_cast<const nfgenmsg*>(mnl_nlmsg_get_payload(&message))->nfgen_family;
    step.place.table.name = word_of(at[NFTA_TRACE_TABLE]);
    step.place.chain = word_of(at[NFTA_TRACE_CHAIN]);
    if (at[NFTA_TRACE_RULE_HANDLE] != nullptr) {
        step.place.handle = be64toh(mnl_attr_get_u64(at[NFTA_TRACE_RULE_HANDLE]));
    }
    step.in_interface = number_of(at[NFTA_TRACE_IIF]);
    if (number_of(at[NFTA_TRACE_TYPE]) == NFT_TRACETYPE_POLICY) {
        step.verdict = verdict_of(number_of(at[NFTA_TRACE_POLICY]));
    } else if (at[NFTA_TRACE_VERDICT] != nullptr) {
        const auto take_code = [](const nlattr* inner, void* verdict) {
            if (mnl_attr_get_type(inner) == NFTA_VERDICT_CODE) {
                *static_cast<TraceStep::Verdict*>(verdict) = verdict_of(number_of(inner));
            }
            return MNL_CB_OK;
        };
        static_cast<void>(mnl_attr_parse_nested(at[NFTA_TRACE_VERDICT], take_code, &step.verdict));
    }
    return step;
}

}  // namespace

Expected<PacketTrace> PacketTrace::open(NetlinkSocket socket) {
    if (auto room = socket.reserve(0, kReceiveRoom); !room) return room.error();
    if (auto joined = socket.join(NFNLGRP_NFTRACE); !joined) return joined.error();
    return PacketTrace(std::move(socket));
}

std::vector<TraceStep> PacketTrace::take() {
    std::vector<TraceStep> steps;
    alignas(nlmsghdr) std::array<std::byte, 65536> buffer{};
    while (true) {
        const auto received = socket_.receive(buffer, std::chrono::milliseconds(0), "follow packets");
        if (received && *received == 0) return steps;
        if (!received && received.error().failure != Failure::replies_lost) return steps;
        int left = received ? static_cast<int>(*received) : 0;
        for (const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(message, left);
             message = mnl_nlmsg_next(message, &left)) {
            if (message->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8U | NFT_MSG_TRACE)) steps.push_back(step_of(*message));
        }
    }
}

}  // namespace messenger::nft
