// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nft/expected.h"
#include "nft/netlink_socket.h"

namespace messenger::nft {

/// A table, by which rules are known.
struct TableName {
    std::uint8_t family = 0;  ///< NFPROTO_*
    std::string name;
    auto operator<=>(const TableName&) const = default;
};
/// "inet filter".
[[nodiscard]] std::string to_string(const TableName& table);

/// Where a rule stands.
struct RulePlace {
    TableName table;
    std::string chain;
    std::uint64_t handle = 0;
    bool operator==(const RulePlace&) const = default;
};

/// The rules of one network namespace, to be put into another one: whatever made them (nft, iptables-nft, firewalld),
/// they are copied as the kernel holds them, not as text. Table owners, counters and the state of limits are not.
class RulesetCopy {
   public:
    /// Everything but our own table. Errors: not_permitted, and failures to talk at all.
    [[nodiscard]] static Expected<RulesetCopy> read(NetlinkSocket& socket);

    /// A table that could not be put in, as a whole.
    struct Refusal {
        TableName table;
        std::string reason;  ///< what the kernel said, and of which part
    };
    /// Adds the tables, each in a transaction of its own. The result: those that this namespace cannot have, such as
    /// with a match on an ipset, which is not there.
    [[nodiscard]] Expected<std::vector<Refusal>> load(NetlinkSocket& socket) const;

    [[nodiscard]] const std::vector<TableName>& tables() const { return tables_; }
    /// Every rule, chain by chain in its order: those of a copy stand at the same places as those of the original.
    [[nodiscard]] const std::vector<RulePlace>& rules() const { return rules_; }
    /// Those of them that keep packets from conntrack: "notrack", and CT --notrack of iptables.
    [[nodiscard]] const std::vector<RulePlace>& untracking() const { return untracking_; }
    [[nodiscard]] std::size_t flowtables() const { return flowtables_; }
    /// Names of the kernel's conntrack helpers that rules or objects attach: "sip".
    [[nodiscard]] const std::vector<std::string>& helpers() const { return helpers_; }
    [[nodiscard]] bool has_chain(std::string_view name) const;
    [[nodiscard]] bool is_base_chain(const TableName& table, std::string_view chain) const;

   private:
    /// A message that makes one part of a table.
    struct Part {
        TableName table;
        std::uint16_t type = 0;
        std::vector<std::byte> attributes;
        std::string name;  ///< "chain forward", for complaints
    };

    class Reader;
    class Writer;

    std::vector<Part> parts_;  ///< what is named comes before what names it
    std::vector<TableName> tables_;
    std::vector<RulePlace> rules_;
    std::vector<RulePlace> untracking_;
    std::vector<std::string> chains_;
    std::vector<std::pair<TableName, std::string>> base_chains_;
    std::vector<std::string> helpers_;
    std::size_t flowtables_ = 0;
};

}  // namespace messenger::nft
