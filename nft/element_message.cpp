// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/element_message.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <cstring>
#include <string>

#include <endian.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include "nft/attributes.h"
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

using Bytes = std::span<const std::byte>;

/// In network order. False if it is of another size.
bool take_number(Bytes value, std::uint64_t& number) {
    if (value.size() != sizeof(number)) return false;
    std::memcpy(&number, value.data(), sizeof(number));
    number = be64toh(number);
    return true;
}

/// Somebody else may have written any number: a hundred years at most, so that one can calculate with it.
bool take_time(Bytes value, std::chrono::milliseconds& time) {
    constexpr std::chrono::milliseconds kLongest = std::chrono::hours(24 * 36'525);
    std::uint64_t number = 0;
    if (!take_number(value, number)) return false;
    time = std::chrono::milliseconds(std::min(number, static_cast<std::uint64_t>(kLongest.count())));
    return true;
}

/// The value in an NFTA_SET_ELEM_KEY or _DATA.
bool take_data(Bytes nest, Bytes& data) {
    return each_attribute(nest, [&](unsigned type, Bytes value) {
        if (type == NFTA_DATA_VALUE) data = value;
        return true;
    });
}

/// An NFTA_SET_ELEM_EXPR: only counters are of interest.
bool take_expression(Bytes nest, std::optional<Counter>& counter) {
    constexpr std::string_view kCounter("counter\0", 8);
    Bytes name;
    Bytes data;
    const bool whole = each_attribute(nest, [&](unsigned type, Bytes value) {
        if (type == NFTA_EXPR_NAME) name = value;
        if (type == NFTA_EXPR_DATA) data = value;
        return true;
    });
    if (!whole) return false;
    if (std::string_view(reinterpret_cast<const char*>(name.data()), name.size()) != kCounter) return true;
    counter.emplace();
    return each_attribute(data, [&](unsigned type, Bytes value) {
        if (type == NFTA_COUNTER_BYTES) return take_number(value, counter->bytes);
        if (type == NFTA_COUNTER_PACKETS) return take_number(value, counter->packets);
        return true;
    });
}

/// An NFTA_LIST_ELEM of NFTA_SET_ELEM_LIST_ELEMENTS.
bool take_element(Bytes nest, StoredElement& element) {
    return each_attribute(nest, [&](unsigned type, Bytes value) {
        Bytes data;
        switch (type) {
            case NFTA_SET_ELEM_KEY: {
                if (!take_data(value, data)) return false;
                const auto key = Key::from_bytes(data);
                if (key) element.element.key = *key;  // no key of ours is that long: as one without
                return true;
            }
            case NFTA_SET_ELEM_DATA:
                if (!take_data(value, data)) return false;
                element.element.target = read_target(data);
                return true;
            case NFTA_SET_ELEM_TIMEOUT: return take_time(value, element.element.timeout);
            case NFTA_SET_ELEM_EXPIRATION: return take_time(value, element.expires);
            case NFTA_SET_ELEM_USERDATA:
                element.element.comment = Comment(find_user_text(value, NFTNL_UDATA_SET_ELEM_COMMENT));
                return true;
            case NFTA_SET_ELEM_EXPR: return take_expression(value, element.counter);
            case NFTA_SET_ELEM_EXPRESSIONS:
                return each_attribute(
                    value, [&](unsigned, Bytes expression) { return take_expression(expression, element.counter); });
            default: return true;  // of a newer kernel
        }
    });
}

}  // namespace

void put_operation(Batch& batch, std::string_view table, const Operation& operation, LeaveOut leave_out,
                   std::size_t tag) {
    if (leave_out == LeaveOut::everything) return;
    assert(operation.verb != Verb::discard);
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

void put_discard(Batch& batch, std::string_view table, const Operation& operation, bool destroys, LeaveOut leave_out,
                 std::size_t tag) {
    if (leave_out == LeaveOut::everything) return;
    const SetSpec& set = spec_of(operation.set);
    assert(operation.verb == Verb::discard && !set.is_map());
    if (!destroys) {
        // Lives for no longer than the transaction, but there is no element of ours without a timeout.
        const Element passing{operation.element.key, std::chrono::seconds(1), {}, {}};
        batch.put(NFT_MSG_NEWSETELEM, NFPROTO_INET, NLM_F_CREATE, tag,
                  [&](nlmsghdr* message) { put_element(message, table, set.name, passing.key, &passing); });
    }
    batch.put(destroys ? kDestroySetElement : std::uint16_t{NFT_MSG_DELSETELEM}, NFPROTO_INET, 0, tag,
              [&](nlmsghdr* message) { put_element(message, table, set.name, operation.element.key, nullptr); });
}

void put_element_key(nlmsghdr* message, std::string_view table, std::string_view set, const Key& key) {
    put_element(message, table, set, key, nullptr);
}

bool read_elements(const nlmsghdr& message, std::vector<StoredElement>& elements) {
    return each_attribute(attributes_of(message), [&](unsigned type, Bytes list) {
        if (type != NFTA_SET_ELEM_LIST_ELEMENTS) return true;
        return each_attribute(list, [&](unsigned, Bytes nest) {
            // In its place, for there may be a hundred thousand.
            const bool whole = take_element(nest, elements.emplace_back());
            if (!whole || elements.back().element.key.bytes().empty()) elements.pop_back();
            return whole;
        });
    });
}

}  // namespace messenger::nft
