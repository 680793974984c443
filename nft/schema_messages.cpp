// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/schema_messages.h"

#include <string>

#include <libnftnl/rule.h>

#include "nft/schema_fingerprint.h"
#include "nft/schema_rules.h"
#include "nft/table_message.h"

namespace messenger::nft {
namespace {

std::string rule_text(const nftnl_rule& rule, std::size_t number) {
    return "add rule " + std::to_string(number) + " of the schema, in chain " +
           nftnl_rule_get_str(&rule, NFTNL_RULE_CHAIN);
}

}  // namespace

void put_schema_removal(Batch& batch, const TagMessage& tag) {
    // Making the table first keeps the deletion from failing.
    put_table(batch, kTable, 0, tag("add table inet messenger_alg"));
    put_table_deletion(batch, kTable, tag("delete table inet messenger_alg"));
}

void put_schema(Batch& batch, const SchemaOptions& options, const TagMessage& tag) {
    put_schema_removal(batch, tag);
    put_table(batch, kTable, 0, tag("add table inet messenger_alg"), schema_fingerprint(options));
    for (const SetSpec& set : set_specs()) {
        if (!has_set(options, set)) continue;
        put_set(batch, kTable, set, room_of(options, set), tag("add set " + std::string(set.name)));
    }
    for (const ChainSpec& chain : schema_chains(options)) {
        put_chain(batch, kTable, chain, tag("add chain " + std::string(chain.name)));
    }
    std::size_t number = 0;
    for (const RuleHandle& rule : schema_rules(options)) {
        put_rule(batch, *rule, tag(rule_text(*rule, ++number)));
    }
}

}  // namespace messenger::nft
