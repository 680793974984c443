// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/element_message.h"

#include <array>
#include <cassert>
#include <string>

#include <endian.h>
#include <libnftnl/expr.h>
#include <libnftnl/set.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include "nft/handle.h"
#include "nft/user_data.h"

namespace messenger::nft {
namespace {

// One TLV of nft's element userdata: type, length, text with its NUL.
constexpr std::size_t kUserDataHeader = 2;

void put_name(nlmsghdr* message, std::uint16_t type, std::string_view name) {
    mnl_attr_put_strz(message, type, std::string(name).c_str());  // short: no heap
}

void put_comment(nlmsghdr* message, std::string_view comment) {
    std::array<char, kUserDataHeader + Comment::kMaxSize + 1> userdata{};
    userdata[0] = NFTNL_UDATA_SET_ELEM_COMMENT;
    userdata[1] = static_cast<char>(static_cast<unsigned char>(comment.size() + 1));
    comment.copy(userdata.data() + kUserDataHeader, comment.size());
    mnl_attr_put(message, NFTA_SET_ELEM_USERDATA, kUserDataHeader + comment.size() + 1, userdata.data());
}

/// NFTA_SET_ELEM_LIST_TABLE, _SET, and _ELEMENTS with one NFTA_LIST_ELEM.
void put_element(nlmsghdr* message, std::string_view table, std::string_view set, const Key& key,
                 const Element* options) {
    put_name(message, NFTA_SET_ELEM_LIST_TABLE, table);
    put_name(message, NFTA_SET_ELEM_LIST_SET, set);
    nlattr* list = mnl_attr_nest_start(message, NFTA_SET_ELEM_LIST_ELEMENTS);
    nlattr* element = mnl_attr_nest_start(message, NFTA_LIST_ELEM);
    nlattr* key_nest = mnl_attr_nest_start(message, NFTA_SET_ELEM_KEY);
    mnl_attr_put(message, NFTA_DATA_VALUE, key.bytes().size(), key.bytes().data());
    mnl_attr_nest_end(message, key_nest);
    if (options != nullptr && options->target) {
        const auto target = target_bytes(*options->target);
        nlattr* data = mnl_attr_nest_start(message, NFTA_SET_ELEM_DATA);
        mnl_attr_put(message, NFTA_DATA_VALUE, target.size(), target.data());
        mnl_attr_nest_end(message, data);
    }
    if (options != nullptr && options->timeout.count() > 0) {
        mnl_attr_put_u64(message, NFTA_SET_ELEM_TIMEOUT, htobe64(static_cast<std::uint64_t>(options->timeout.count())));
    }
    if (options != nullptr && !options->comment.empty()) put_comment(message, options->comment.text());
    mnl_attr_nest_end(message, element);
    mnl_attr_nest_end(message, list);
}

int take_counter(nftnl_expr* expression, void* data) {
    if (std::string_view(nftnl_expr_get_str(expression, NFTNL_EXPR_NAME)) == "counter") {
        *static_cast<std::optional<Counter>*>(data) = Counter{nftnl_expr_get_u64(expression, NFTNL_EXPR_CTR_PACKETS),
                                                              nftnl_expr_get_u64(expression, NFTNL_EXPR_CTR_BYTES)};
    }
    return 0;
}

int take_element(nftnl_set_elem* from, void* data) {
    std::uint32_t length = 0;
    const auto* key = static_cast<const std::byte*>(nftnl_set_elem_get(from, NFTNL_SET_ELEM_KEY, &length));
    const auto key_value = Key::from_bytes({key, key == nullptr ? 0 : length});
    if (!key_value) return 0;  // no key of ours is that long
    StoredElement element;
    element.element.key = *key_value;
    if (nftnl_set_elem_is_set(from, NFTNL_SET_ELEM_TIMEOUT)) {
        element.element.timeout = std::chrono::milliseconds(nftnl_set_elem_get_u64(from, NFTNL_SET_ELEM_TIMEOUT));
    }
    if (nftnl_set_elem_is_set(from, NFTNL_SET_ELEM_EXPIRATION)) {
        element.expires = std::chrono::milliseconds(nftnl_set_elem_get_u64(from, NFTNL_SET_ELEM_EXPIRATION));
    }
    if (const auto* userdata = nftnl_set_elem_get(from, NFTNL_SET_ELEM_USERDATA, &length); userdata != nullptr) {
        element.element.comment =
            Comment(find_user_text({static_cast<const std::byte*>(userdata), length}, NFTNL_UDATA_SET_ELEM_COMMENT));
    }
    if (const auto* target = nftnl_set_elem_get(from, NFTNL_SET_ELEM_DATA, &length); target != nullptr) {
        element.element.target = read_target({static_cast<const std::byte*>(target), length});
    }
    static_cast<void>(nftnl_set_elem_expr_foreach(from, take_counter, &element.counter));
    static_cast<std::vector<StoredElement>*>(data)->push_back(element);
    return 0;
}

}  // namespace

void put_operation(Batch& batch, std::string_view table, const Operation& operation, LeaveOut leave_out,
                   std::size_t tag) {
    if (leave_out == LeaveOut::everything) return;
    const std::string_view set = spec_of(operation.set).name;
    const Element& element = operation.element;
    const bool removes = operation.verb == Verb::remove || operation.verb == Verb::refresh;
    const bool adds = operation.verb != Verb::remove && operation.verb != Verb::flush;
    assert(!adds || element.target.has_value() == spec_of(operation.set).is_map());
    if (operation.verb == Verb::flush) {
        batch.put(NFT_MSG_DELSETELEM, NFPROTO_INET, 0, tag, [&](nlmsghdr* message) {
            put_name(message, NFTA_SET_ELEM_LIST_TABLE, table);
            put_name(message, NFTA_SET_ELEM_LIST_SET, set);
        });
    }
    if (removes && leave_out != LeaveOut::removal) {
        batch.put(NFT_MSG_DELSETELEM, NFPROTO_INET, 0, tag,
                  [&](nlmsghdr* message) { put_element(message, table, set, element.key, nullptr); });
    }
    if (adds) {
        const unsigned exclusive = operation.verb == Verb::create ? NLM_F_EXCL : 0;
        batch.put(NFT_MSG_NEWSETELEM, NFPROTO_INET, static_cast<std::uint16_t>(NLM_F_CREATE | exclusive), tag,
                  [&](nlmsghdr* message) { put_element(message, table, set, element.key, &element); });
    }
}

void put_element_key(nlmsghdr* message, std::string_view table, std::string_view set, const Key& key) {
    put_element(message, table, set, key, nullptr);
}

bool read_elements(const nlmsghdr& message, std::vector<StoredElement>& elements) {
    const SetHandle set(nftnl_set_alloc());
    if (!set || nftnl_set_elems_nlmsg_parse(&message, set.get()) < 0) return false;
    return nftnl_set_elem_foreach(set.get(), take_element, &elements) >= 0;
}

}  // namespace messenger::nft
