// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/table_message.h"

#include <new>
#include <string>

#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include "nft/attributes.h"
#include "nft/user_data.h"

namespace messenger::nft {
namespace {

// nft packs the types of a concatenation into 6 bits each, the first uppermost.
constexpr unsigned kTypeBits = 6;

std::uint32_t concatenated_type(std::span<const Field> fields) {
    std::uint32_t type = 0;
    for (const Field field : fields) type = type << kTypeBits | nft_data_type(field);
    return type;
}

template <class Handle>
Handle checked(Handle handle) {
    if (!handle) throw std::bad_alloc();
    return handle;
}

}  // namespace

void put_table(Batch& batch, std::string_view table, std::uint32_t flags, std::size_t tag, std::string_view comment,
               std::uint8_t family) {
    const auto object = checked(TableHandle(nftnl_table_alloc()));
    nftnl_table_set_str(object.get(), NFTNL_TABLE_NAME, std::string(table).c_str());
    if (flags != 0) nftnl_table_set_u32(object.get(), NFTNL_TABLE_FLAGS, flags);
    if (!comment.empty()) {
        const UdataHandle data = checked(UdataHandle(nftnl_udata_buf_alloc(NFTNL_UDATA_COMMENT_MAXLEN + 2)));
        nftnl_udata_put_strz(data.get(), NFTNL_UDATA_TABLE_COMMENT, std::string(comment).c_str());
        nftnl_table_set_data(object.get(), NFTNL_TABLE_USERDATA, nftnl_udata_buf_data(data.get()),
                             nftnl_udata_buf_len(data.get()));
    }
    batch.put(NFT_MSG_NEWTABLE, family, NLM_F_CREATE, tag,
              [&](nlmsghdr* message) { nftnl_table_nlmsg_build_payload(message, object.get()); });
}

std::string read_table_comment(const nlmsghdr& message) {
    std::string comment;
    const bool whole = each_attribute(attributes_of(message), [&](unsigned type, std::span<const std::byte> value) {
        if (type == NFTA_TABLE_USERDATA) comment = find_user_text(value, NFTNL_UDATA_TABLE_COMMENT);
        return true;
    });
    return whole ? comment : std::string();
}

void put_table_deletion(Batch& batch, std::string_view table, std::size_t tag, std::uint8_t family) {
    batch.put(NFT_MSG_DELTABLE, family, 0, tag,
              [&](nlmsghdr* message) { mnl_attr_put_strz(message, NFTA_TABLE_NAME, std::string(table).c_str()); });
}

void put_chain(Batch& batch, std::string_view table, const ChainSpec& chain, std::size_t tag, std::uint8_t family) {
    const auto object = checked(ChainHandle(nftnl_chain_alloc()));
    nftnl_chain_set_str(object.get(), NFTNL_CHAIN_TABLE, std::string(table).c_str());
    nftnl_chain_set_str(object.get(), NFTNL_CHAIN_NAME, std::string(chain.name).c_str());
    if (chain.hook) {
        nftnl_chain_set_str(object.get(), NFTNL_CHAIN_TYPE, chain.hook->type.data());
        nftnl_chain_set_u32(object.get(), NFTNL_CHAIN_HOOKNUM, chain.hook->hook);
        nftnl_chain_set_s32(object.get(), NFTNL_CHAIN_PRIO, chain.hook->priority);
        nftnl_chain_set_u32(object.get(), NFTNL_CHAIN_POLICY, NF_ACCEPT);
    }
    batch.put(NFT_MSG_NEWCHAIN, family, NLM_F_CREATE, tag,
              [&](nlmsghdr* message) { nftnl_chain_nlmsg_build_payload(message, object.get()); });
}

std::uint32_t set_flags(const SetSpec& spec) {
    if (spec.is_map()) return NFT_SET_MAP | NFT_SET_TIMEOUT;     // flags timeout: the packet path only looks
    return spec.permanent ? 0 : NFT_SET_EVAL | NFT_SET_TIMEOUT;  // flags dynamic,timeout
}

std::uint32_t set_key_type(const SetSpec& spec) {
    return concatenated_type(spec.key);
}

std::uint32_t set_target_type(const SetSpec& spec) {
    return concatenated_type(spec.target);
}

void put_set(Batch& batch, std::string_view table, const SetSpec& spec, std::uint32_t size, std::size_t tag) {
    const auto object = checked(SetHandle(nftnl_set_alloc()));
    nftnl_set_set_str(object.get(), NFTNL_SET_TABLE, std::string(table).c_str());
    nftnl_set_set_str(object.get(), NFTNL_SET_NAME, spec.name.data());
    nftnl_set_set_u32(object.get(), NFTNL_SET_FAMILY, NFPROTO_INET);
    nftnl_set_set_u32(object.get(), NFTNL_SET_FLAGS, set_flags(spec));
    nftnl_set_set_u32(object.get(), NFTNL_SET_KEY_TYPE, set_key_type(spec));
    nftnl_set_set_u32(object.get(), NFTNL_SET_KEY_LEN, static_cast<std::uint32_t>(spec.key_size()));
    if (spec.is_map()) {
        nftnl_set_set_u32(object.get(), NFTNL_SET_DATA_TYPE, set_target_type(spec));
        nftnl_set_set_u32(object.get(), NFTNL_SET_DATA_LEN, static_cast<std::uint32_t>(spec.target_size()));
    }
    nftnl_set_set_u32(object.get(), NFTNL_SET_DESC_SIZE, size);
    nftnl_set_set_u32(object.get(), NFTNL_SET_ID, static_cast<std::uint32_t>(spec.id) + 1);
    if (spec.counter) {
        nftnl_expr* counter = nftnl_expr_alloc("counter");
        if (counter == nullptr) throw std::bad_alloc();
        nftnl_set_add_expr(object.get(), counter);  // owns it now
    }
    batch.put(NFT_MSG_NEWSET, NFPROTO_INET, NLM_F_CREATE, tag,
              [&](nlmsghdr* message) { nftnl_set_nlmsg_build_payload(message, object.get()); });
}

void put_rule(Batch& batch, const nftnl_rule& rule, std::size_t tag, std::uint8_t family) {
    batch.put(NFT_MSG_NEWRULE, family, NLM_F_CREATE | NLM_F_APPEND, tag, [&](nlmsghdr* message) {
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): libnftnl lacks the const
        nftnl_rule_nlmsg_build_payload(message, const_cast<nftnl_rule*>(&rule));
    });
}

}  // namespace messenger::nft
