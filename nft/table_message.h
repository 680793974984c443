// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <linux/netfilter.h>

#include "nft/batch.h"
#include "nft/handle.h"
#include "nft/set_spec.h"

namespace messenger::nft {

/// Where a base chain is called; its policy is accept.
struct BaseHook {
    std::uint32_t hook = 0;  ///< NF_INET_*
    std::int32_t priority = 0;
    std::string_view type = "filter";  ///< or "nat"; NUL follows
};

/// A chain; without hook it is one that rules jump to.
struct ChainSpec {
    std::string_view name;
    std::optional<BaseHook> hook;
};

// Messages that make and delete the parts of a table; family: NFPROTO_*. Throw std::bad_alloc.

/// flags: NFT_TABLE_F_*. comment: as nft(8) shows it, at most 127 bytes; empty: none.
void put_table(Batch& batch, std::string_view table, std::uint32_t flags, std::size_t tag,
               std::string_view comment = {}, std::uint8_t family = NFPROTO_INET);
/// The comment of a table that the kernel has told of; empty if it has none.
[[nodiscard]] std::string read_table_comment(const nlmsghdr& message);
void put_table_deletion(Batch& batch, std::string_view table, std::size_t tag, std::uint8_t family = NFPROTO_INET);
void put_chain(Batch& batch, std::string_view table, const ChainSpec& chain, std::size_t tag,
               std::uint8_t family = NFPROTO_INET);
/// size: elements at most.
void put_set(Batch& batch, std::string_view table, const SetSpec& spec, std::uint32_t size, std::size_t tag);
void put_rule(Batch& batch, const nftnl_rule& rule, std::size_t tag, std::uint8_t family = NFPROTO_INET);

/// NFT_SET_* flags and nft's types of key and target of a set made by put_set.
[[nodiscard]] std::uint32_t set_flags(const SetSpec& spec);
[[nodiscard]] std::uint32_t set_key_type(const SetSpec& spec);
[[nodiscard]] std::uint32_t set_target_type(const SetSpec& spec);

}  // namespace messenger::nft
