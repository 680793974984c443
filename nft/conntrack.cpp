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

constexpr std::string_view kSeed = "seed conntrack entries";
constexpr std::uint8_t kBeLiberal = IP_CT_TCP_FLAG_BE_LIBERAL;

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

/// Whether nothing speaks against the entry yet.
bool makes(const Expected<Seeded>& result) {
    return result.has_value() && *result == Seeded::created;
}

}  // namespace

Expected<Seeded> Conntrack::seed(const FlowEntry& flow) {
    return std::move(seed_each({&flow, 1}).front());
}

std::vector<Expected<Seeded>> Conntrack::seed_each(std::span<const FlowEntry> flows) {
    prepare_seeds(flows);
    return results_of(flows, requests_.send(socket_, kSeed));
}

void Conntrack::begin_seeding(std::span<const FlowEntry> flows) {
    prepare_seeds(flows);
    posted_ = requests_.post(socket_, kSeed);
}

std::vector<Expected<Seeded>> Conntrack::finish_seeding(std::span<const FlowEntry> flows) {
    if (!posted_) return results_of(flows, posted_.error());
    return results_of(flows, requests_.read_answers(socket_, kSeed));
}

void Conntrack::prepare_seeds(std::span<const FlowEntry> flows) {
    seeded_.assign(flows.size(), Seeded::created);
    make_way(flows, seeded_);
    requests_.clear();
    asked_.clear();
    for (std::size_t i = 0; i < flows.size(); ++i) {
        if (!makes(seeded_[i])) continue;
        ConntrackBuffer buffer{};
        requests_.add(*build_seed(buffer, flows[i]));
        asked_.push_back(i);
    }
}

std::vector<Expected<Seeded>> Conntrack::results_of(std::span<const FlowEntry> flows,
                                                    const Expected<std::span<const int>>& codes) {
    for (std::size_t i = 0; i < asked_.size(); ++i) {
        Expected<Seeded>& result = seeded_[asked_[i]];
        if (!codes) {
            result = codes.error();
        } else if (const int code = (*codes)[i]; code == EEXIST) {
            result = Seeded::already_there;
        } else if (code != 0) {
            result = system_error(code, on_flow("seed", flows[asked_[i]].original));
        }
    }
    return std::exchange(seeded_, {});
}

void Conntrack::make_way(std::span<const FlowEntry> flows, std::span<Expected<Seeded>> results) {
    requests_.clear();
    struct Question {
        std::size_t flow;  ///< which of flows
        FlowTuple tuple;
    };
    std::vector<Question> questions;
    for (std::size_t i = 0; i < flows.size(); ++i) {
        if (!flows[i].outside) continue;
        for (const FlowTuple& tuple : {wire_tuple(flows[i]), flows[i].original.reversed()}) {
            ConntrackBuffer buffer{};
            requests_.add(*build_for_flow(buffer, IPCTNL_MSG_CT_GET, 0, tuple));
            questions.push_back({i, tuple});
        }
    }
    if (questions.empty()) return;
    std::vector<std::optional<FlowState>> found(questions.size());
    const auto codes = requests_.send(socket_, "find conntrack entries", [&](std::size_t index, const nlmsghdr& reply) {
        found[index] = read_flow_state(reply);
    });
    for (std::size_t i = 0; i < questions.size(); ++i) {
        const FlowEntry& flow = flows[questions[i].flow];
        Expected<Seeded>& result = results[questions[i].flow];
        if (!codes) {
            result = codes.error();
        } else if (const int code = (*codes)[i]; code != 0 && code != ENOENT) {
            result = system_error(code, on_flow("find", questions[i].tuple));
        } else if (found[i] && makes(result)) {
            const FlowState& state = *found[i];
            const FlowTuple original = wire_tuple(flow);
            const FlowTuple reply = flow.original.reversed();
            const bool ours = (state.original == original && state.reply == reply) ||
                              (state.original == reply && state.reply == original);  // the inside host has sent first
            // Left there, one with the reply's tuple would not even be told of: the kernel would give the remote side
            // another source port.
            const auto gone = ours ? Expected<bool>(true) : remove_exactly(questions[i].tuple);
            if (ours) result = Seeded::already_there;
            if (!gone) result = gone.error();
        }
    }
}

Expected<bool> Conntrack::remove(const FlowTuple& tuple) {
    return in_either_direction(tuple, [&](const FlowTuple& one) { return remove_exactly(one); });
}

Expected<bool> Conntrack::remove_exactly(const FlowTuple& tuple) {
    ConntrackBuffer buffer{};
    auto removed =
        socket_.request(*build_for_flow(buffer, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, tuple), "delete conntrack entry", {});
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
    ConntrackBuffer buffer{};
    std::optional<FlowState> state;
    auto found = socket_.request(*build_for_flow(buffer, IPCTNL_MSG_CT_GET, NLM_F_ACK, tuple), "find conntrack entry",
                                 [&](const nlmsghdr& reply) -> Expected<void> {
                                     state = read_flow_state(reply);
                                     return {};
                                 });
    if (!found && found.error().code != ENOENT) return system_error(found.error().code, on_flow("find", tuple));
    return state;
}

template <class Put>
Expected<bool> Conntrack::change(const FlowTuple& tuple, std::string_view verb, Put put) {
    ConntrackBuffer buffer{};
    nlmsghdr* message = build_for_flow(buffer, IPCTNL_MSG_CT_NEW, NLM_F_ACK, tuple);
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

Expected<std::size_t> Conntrack::renew_established(std::span<const FlowTuple> connections,
                                                   std::chrono::seconds timeout) {
    requests_.clear();
    for (const FlowTuple& connection : connections) {
        for (const FlowTuple& tuple : {connection, connection.reversed()}) {  // see in_either_direction()
            ConntrackBuffer buffer{};
            requests_.add(*build_for_flow(buffer, IPCTNL_MSG_CT_GET, 0, tuple));
        }
    }
    std::vector<FlowTuple> established;
    const auto found = requests_.send(socket_, "find conntrack entries", [&](std::size_t, const nlmsghdr& reply) {
        const auto state = read_flow_state(reply);
        if (!state || !state->established) return;
        // One that nobody translates answers to both directions.
        if (established.empty() || established.back() != state->original) established.push_back(state->original);
    });
    if (!found) return found.error();
    requests_.clear();
    for (const FlowTuple& tuple : established) {
        ConntrackBuffer buffer{};
        requests_.add(*build_renewal(buffer, tuple, timeout));
    }
    const auto renewed = requests_.send(socket_, "renew conntrack entries");
    if (!renewed) return renewed.error();
    std::size_t count = 0;
    for (std::size_t i = 0; i < established.size(); ++i) {
        const int code = (*renewed)[i];
        if (code != 0 && code != ENOENT && code != ETIME) return system_error(code, on_flow("renew", established[i]));
        count += code == 0 ? 1U : 0U;  // otherwise it has just ended
    }
    return count;
}

Expected<std::vector<FlowState>> Conntrack::list(std::uint32_t value, std::uint32_t mask) {
    ConntrackBuffer buffer{};
    nlmsghdr* message = start_conntrack_message(buffer, IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC);
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
