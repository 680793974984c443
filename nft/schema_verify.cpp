// SPDX-License-Identifier: GPL-2.0-or-later
#include <array>
#include <cerrno>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/schema.h"
#include "nft/schema_rules.h"
#include "nft/table_message.h"

namespace messenger::nft {
namespace {

/// What verify compares of a chain.
struct ChainShape {
    bool base = false;
    std::uint32_t hook = 0;
    std::int32_t priority = 0;
    std::uint32_t policy = NF_ACCEPT;
    std::string type;
    std::size_t rules = 0;
    bool operator==(const ChainShape&) const = default;
};

/// What verify compares of a set.
struct SetShape {
    std::uint32_t flags = 0;
    std::uint32_t key_type = 0;
    std::uint32_t key_size = 0;
    std::uint32_t target_type = 0;
    std::uint32_t size = 0;
    bool operator==(const SetShape&) const = default;
};

struct TableShape {
    std::map<std::string, ChainShape> chains;
    std::map<std::string, SetShape> sets;
    std::size_t rules_elsewhere = 0;  // of a chain that was not there when the chains were read
};

TableShape expected_shape(const SchemaOptions& options) {
    TableShape shape;
    for (const ChainSpec& chain : schema_chains(options)) {
        ChainShape& made = shape.chains[std::string(chain.name)];
        if (!chain.hook) continue;
        made.base = true;
        made.hook = chain.hook->hook;
        made.priority = chain.hook->priority;
        made.type = chain.hook->type;
    }
    for (const RuleHandle& rule : schema_rules(options)) {
        ++shape.chains.at(nftnl_rule_get_str(rule.get(), NFTNL_RULE_CHAIN)).rules;
    }
    for (const SetSpec& set : set_specs()) {
        if (!has_set(options, set)) continue;
        shape.sets[std::string(set.name)] = {set_flags(set), set_key_type(set),
                                             static_cast<std::uint32_t>(set.key_size()), set_target_type(set),
                                             room_of(options, set)};
    }
    return shape;
}

void read_chain(const nlmsghdr& message, TableShape& shape) {
    const ChainHandle chain(nftnl_chain_alloc());
    if (!chain || nftnl_chain_nlmsg_parse(&message, chain.get()) < 0) return;
    if (std::string_view(nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_TABLE)) != kTable) return;
    ChainShape& found = shape.chains[nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_NAME)];
    found.base = nftnl_chain_is_set(chain.get(), NFTNL_CHAIN_HOOKNUM);
    if (!found.base) return;
    found.hook = nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_HOOKNUM);
    found.priority = nftnl_chain_get_s32(chain.get(), NFTNL_CHAIN_PRIO);
    found.policy = nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_POLICY);
    found.type = nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_TYPE);
}

void read_rule(const nlmsghdr& message, TableShape& shape) {
    const RuleHandle rule(nftnl_rule_alloc());
    if (!rule || nftnl_rule_nlmsg_parse(&message, rule.get()) < 0) return;
    if (std::string_view(nftnl_rule_get_str(rule.get(), NFTNL_RULE_TABLE)) != kTable) return;
    const auto chain = shape.chains.find(nftnl_rule_get_str(rule.get(), NFTNL_RULE_CHAIN));
    ++(chain == shape.chains.end() ? shape.rules_elsewhere : chain->second.rules);
}

void read_set(const nlmsghdr& message, TableShape& shape) {
    const SetHandle set(nftnl_set_alloc());
    if (!set || nftnl_set_nlmsg_parse(&message, set.get()) < 0) return;
    if (std::string_view(nftnl_set_get_str(set.get(), NFTNL_SET_TABLE)) != kTable) return;
    shape.sets[nftnl_set_get_str(set.get(), NFTNL_SET_NAME)] = {
        nftnl_set_get_u32(set.get(), NFTNL_SET_FLAGS), nftnl_set_get_u32(set.get(), NFTNL_SET_KEY_TYPE),
        nftnl_set_get_u32(set.get(), NFTNL_SET_KEY_LEN), nftnl_set_get_u32(set.get(), NFTNL_SET_DATA_TYPE),
        nftnl_set_get_u32(set.get(), NFTNL_SET_DESC_SIZE)};
}

/// What is different, in words; empty if nothing is.
std::string difference(const TableShape& wanted, const TableShape& found) {
    for (const auto& [name, chain] : wanted.chains) {
        const auto at = found.chains.find(name);
        if (at == found.chains.end()) return "chain " + name + " is missing";
        if (at->second.rules != chain.rules) {
            return "chain " + name + " has " + std::to_string(at->second.rules) + " rules instead of " +
                   std::to_string(chain.rules);
        }
        if (at->second != chain) return "chain " + name + " has another type, hook, priority or policy";
    }
    for (const auto& [name, set] : wanted.sets) {
        const auto at = found.sets.find(name);
        if (at == found.sets.end()) return "set " + name + " is missing";
        if (at->second != set) return "set " + name + " has another key, target, size or flags";
    }
    for (const auto& [name, chain] : found.chains) {
        if (!wanted.chains.contains(name)) return "chain " + name + " is not ours";
    }
    return found.rules_elsewhere == 0 ? "" : "rules in a chain that is not ours";
}

}  // namespace

Expected<SchemaState> Schema::verify() {
    TableShape found;
    const auto read = [&](std::uint16_t type, std::uint16_t flags, std::uint16_t table_attribute, const char* operation,
                          void (*take)(const nlmsghdr&, TableShape&), const std::function<void()>& forget) {
        std::array<char, 256> buffer{};
        nlmsghdr* message = nftnl_nlmsg_build_hdr(buffer.data(), type, NFPROTO_INET, flags, 0);
        mnl_attr_put_strz(message, table_attribute, kTable.data());
        return socket_.request(
            *message, operation,
            [&](const nlmsghdr& reply) -> Expected<void> {
                if (take != nullptr) take(reply, found);
                return {};
            },
            forget);
    };

    auto table = read(NFT_MSG_GETTABLE, NLM_F_ACK, NFTA_TABLE_NAME, "look for table inet messenger_alg", nullptr, {});
    if (!table) {
        if (table.error().code != ENOENT) return std::move(table).error();
        return SchemaState{SchemaState::Kind::missing, "table inet messenger_alg is not there"};
    }
    auto chains =
        read(NFT_MSG_GETCHAIN, NLM_F_DUMP, NFTA_CHAIN_TABLE, "list chains", read_chain, [&] { found.chains.clear(); });
    if (!chains) return std::move(chains).error();
    auto rules = read(NFT_MSG_GETRULE, NLM_F_DUMP, NFTA_RULE_TABLE, "list rules", read_rule, [&] {
        for (auto& [name, chain] : found.chains) chain.rules = 0;
        found.rules_elsewhere = 0;
    });
    if (!rules) return std::move(rules).error();
    auto sets = read(NFT_MSG_GETSET, NLM_F_DUMP, NFTA_SET_TABLE, "list sets", read_set, [&] { found.sets.clear(); });
    if (!sets) return std::move(sets).error();

    std::string detail = difference(expected_shape(options_), found);
    const auto kind = detail.empty() ? SchemaState::Kind::intact : SchemaState::Kind::damaged;
    return SchemaState{kind, std::move(detail)};
}

}  // namespace messenger::nft
