// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/ruleset_copy.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <endian.h>
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/object.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include "nft/handle.h"
#include "nft/rule_facts.h"
#include "nft/set_spec.h"

namespace messenger::nft {
namespace {

using Bytes = std::vector<std::byte>;

template <class T>
[[nodiscard]] std::span<const std::byte> object_bytes(const T& value) {
    return std::as_bytes(std::span(&value, 1));
}

void append(Bytes& to, std::span<const std::byte> bytes) {
    to.insert(to.end(), bytes.begin(), bytes.end());
}

void align(Bytes& to) {
    constexpr std::size_t kUnit = NLA_ALIGNTO;
    to.resize((to.size() + kUnit - 1) / kUnit * kUnit);
}

/// An attribute with this payload.
void append_attribute(Bytes& to, std::uint16_t type, std::span<const std::byte> payload) {
    const nlattr head{static_cast<std::uint16_t>(sizeof(nlattr) + payload.size()), type};
    append(to, object_bytes(head));
    append(to, payload);
    align(to);
}

void append_number(Bytes& to, std::uint16_t type, std::uint32_t value) {
    const std::uint32_t in_network_order = htonl(value);
    append_attribute(to, type, object_bytes(in_network_order));
}

void append_text(Bytes& to, std::uint16_t type, const std::string& text) {
    append_attribute(to, type, std::as_bytes(std::span(text.c_str(), text.size() + 1)));
}

[[nodiscard]] std::span<const std::byte> payload_of(const nlattr& attribute) {
    return {static_cast<const std::byte*>(mnl_attr_get_payload(&attribute)), mnl_attr_get_payload_len(&attribute)};
}

[[nodiscard]] std::string text_of(const nlattr* attribute) {
    if (attribute == nullptr || mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) < 0) return {};
    return mnl_attr_get_str(attribute);
}

/// Calls take(attribute) for each attribute of a message.
template <class Take>
void each_attribute(const nlmsghdr& message, Take take) {
    const auto give = [](const nlattr* attribute, void* to) {
        (*static_cast<Take*>(to))(*attribute);
        return MNL_CB_OK;
    };
    static_cast<void>(mnl_attr_parse(&message, sizeof(nfgenmsg), give, &take));
}

[[nodiscard]] const nlattr* find_attribute(const nlmsghdr& message, std::uint16_t type) {
    const nlattr* found = nullptr;
    each_attribute(message, [&](const nlattr& attribute) {
        if (mnl_attr_get_type(&attribute) == type) found = &attribute;
    });
    return found;
}

/// Those of the message that are in the list, as they are.
[[nodiscard]] Bytes keep_attributes(const nlmsghdr& message, std::initializer_list<std::uint16_t> types) {
    Bytes kept;
    each_attribute(message, [&](const nlattr& attribute) {
        if (std::find(types.begin(), types.end(), mnl_attr_get_type(&attribute)) == types.end()) return;
        append_attribute(kept, attribute.nla_type, payload_of(attribute));
    });
    return kept;
}

[[nodiscard]] std::uint8_t table_family(const nlmsghdr& message) {
    return static_cast<const nfgenmsg*>(mnl_nlmsg_get_payload(&message))->nfgen_family;
}

/// The kernel does not tell again with which protocol a match of iptables was made, and refuses "multiport" without.
void append_compat(Bytes& to, std::uint8_t protocol) {
    Bytes inner;
    append_number(inner, NFTA_RULE_COMPAT_PROTO, protocol);
    append_number(inner, NFTA_RULE_COMPAT_FLAGS, 0);
    append_attribute(to, NFTA_RULE_COMPAT | NLA_F_NESTED, inner);
}

}  // namespace

std::string to_string(const TableName& table) {
    static const std::map<std::uint8_t, std::string_view> families{
        {NFPROTO_INET, "inet"}, {NFPROTO_IPV4, "ip"},       {NFPROTO_ARP, "arp"},
        {NFPROTO_IPV6, "ip6"},  {NFPROTO_BRIDGE, "bridge"}, {NFPROTO_NETDEV, "netdev"}};
    const auto family = families.find(table.family);
    return std::string(family == families.end() ? "?" : family->second) + ' ' + table.name;
}

class RulesetCopy::Reader {
   public:
    explicit Reader(NetlinkSocket& socket) : socket_(socket) {}

    Expected<RulesetCopy> read() {
        using Step = Expected<void> (Reader::*)();
        for (const Step step : {&Reader::tables, &Reader::chains, &Reader::objects, &Reader::flowtables, &Reader::sets,
                                &Reader::elements, &Reader::rules}) {
            if (auto done = (this->*step)(); !done) return std::move(done).error();
        }
        return std::move(copy_);
    }

   private:
    /// take(message, table) for each reply about a table of others. forget: takes back what they added.
    template <class Take>
    Expected<void> dump(std::uint16_t type, std::uint8_t family, const Bytes& attributes, std::string_view operation,
                        std::uint16_t table_attribute, Take take) {
        std::array<char, 1024> buffer{};
        nlmsghdr* message = nftnl_nlmsg_build_hdr(buffer.data(), type, family, NLM_F_DUMP, 0);
        if (!attributes.empty()) {
            std::memcpy(mnl_nlmsg_get_payload_tail(message), attributes.data(), attributes.size());
        }
        message->nlmsg_len += static_cast<std::uint32_t>(attributes.size());
        const std::size_t parts = copy_.parts_.size();
        const std::size_t rules = copy_.rules_.size();
        const std::size_t untracking = copy_.untracking_.size();
        return socket_.request(
            *message, operation,
            [&](const nlmsghdr& reply) -> Expected<void> {
                const TableName table{table_family(reply), text_of(find_attribute(reply, table_attribute))};
                if (!table.name.empty() && !(table.family == NFPROTO_INET && table.name == kTable)) take(reply, table);
                return {};
            },
            [&, parts, rules, untracking] {
                copy_.parts_.resize(parts);
                copy_.rules_.resize(rules);
                copy_.untracking_.resize(untracking);
            });
    }
    void add(const TableName& table, std::uint16_t type, Bytes attributes, std::string name) {
        copy_.parts_.push_back({table, type, std::move(attributes), std::move(name)});
    }

    Expected<void> tables() {
        auto done =
            dump(NFT_MSG_GETTABLE, NFPROTO_UNSPEC, {}, "list tables", NFTA_TABLE_NAME,
                 [this](const nlmsghdr& reply, const TableName& table) {
                     add(table, NFT_MSG_NEWTABLE, keep_attributes(reply, {NFTA_TABLE_NAME}), "the table itself");
                 });
        for (const Part& part : copy_.parts_) copy_.tables_.push_back(part.table);
        return done;
    }
    Expected<void> chains() {
        // Without the flags: a chain made within a rule becomes one of its name.
        const std::size_t before = copy_.parts_.size();
        auto done =
            dump(NFT_MSG_GETCHAIN, NFPROTO_UNSPEC, {}, "list chains", NFTA_CHAIN_TABLE,
                 [this](const nlmsghdr& reply, const TableName& table) {
                     if (find_attribute(reply, NFTA_CHAIN_HOOK) != nullptr) {
                         copy_.base_chains_.emplace_back(table, text_of(find_attribute(reply, NFTA_CHAIN_NAME)));
                     }
                     add(table, NFT_MSG_NEWCHAIN,
                         keep_attributes(reply, {NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME, NFTA_CHAIN_HOOK, NFTA_CHAIN_POLICY,
                                                 NFTA_CHAIN_TYPE}),
                         text_of(find_attribute(reply, NFTA_CHAIN_NAME)));
                 });
        for (std::size_t i = before; i < copy_.parts_.size(); ++i) {
            copy_.chains_.push_back(copy_.parts_[i].name);
            copy_.parts_[i].name.insert(0, "chain ");
        }
        return done;
    }
    Expected<void> objects() {
        return dump(NFT_MSG_GETOBJ, NFPROTO_UNSPEC, {}, "list objects", NFTA_OBJ_TABLE,
                    [this](const nlmsghdr& reply, const TableName& table) {
                        note_helper(reply);
                        add(table, NFT_MSG_NEWOBJ,
                            keep_attributes(reply, {NFTA_OBJ_TABLE, NFTA_OBJ_NAME, NFTA_OBJ_TYPE, NFTA_OBJ_DATA}),
                            "object " + text_of(find_attribute(reply, NFTA_OBJ_NAME)));
                    });
    }
    Expected<void> flowtables() {
        const std::size_t before = copy_.parts_.size();
        auto done =
            dump(NFT_MSG_GETFLOWTABLE, NFPROTO_UNSPEC, {}, "list flowtables", NFTA_FLOWTABLE_TABLE,
                 [this](const nlmsghdr& reply, const TableName& table) {
                     add(table, NFT_MSG_NEWFLOWTABLE,
                         keep_attributes(reply, {NFTA_FLOWTABLE_TABLE, NFTA_FLOWTABLE_NAME, NFTA_FLOWTABLE_HOOK}),
                         "flowtable " + text_of(find_attribute(reply, NFTA_FLOWTABLE_NAME)));
                 });
        copy_.flowtables_ = copy_.parts_.size() - before;
        // A kernel without flowtables has none.
        if (!done && done.error().code == EOPNOTSUPP) return {};
        return done;
    }
    Expected<void> sets() {
        std::uint32_t number = 0;
        return dump(NFT_MSG_GETSET, NFPROTO_UNSPEC, {}, "list sets", NFTA_SET_TABLE,
                    [this, &number](const nlmsghdr& reply, const TableName& table) {
                        Bytes attributes = keep_attributes(
                            reply, {NFTA_SET_TABLE, NFTA_SET_NAME, NFTA_SET_FLAGS, NFTA_SET_KEY_TYPE, NFTA_SET_KEY_LEN,
                                    NFTA_SET_DATA_TYPE, NFTA_SET_DATA_LEN, NFTA_SET_POLICY, NFTA_SET_DESC,
                                    NFTA_SET_TIMEOUT, NFTA_SET_GC_INTERVAL, NFTA_SET_USERDATA, NFTA_SET_OBJ_TYPE,
                                    NFTA_SET_EXPR, NFTA_SET_EXPRESSIONS});
                        append_number(attributes, NFTA_SET_ID, ++number);
                        const std::string name = text_of(find_attribute(reply, NFTA_SET_NAME));
                        sets_.emplace_back(table, name);
                        add(table, NFT_MSG_NEWSET, std::move(attributes), "set " + name);
                    });
    }
    Expected<void> elements() {
        for (const auto& [table, name] : sets_) {
            Bytes which;
            append_text(which, NFTA_SET_ELEM_LIST_TABLE, table.name);
            append_text(which, NFTA_SET_ELEM_LIST_SET, name);
            auto done = dump(NFT_MSG_GETSETELEM, table.family, which, "list elements of " + name,
                             NFTA_SET_ELEM_LIST_TABLE, [this](const nlmsghdr& reply, const TableName& of) {
                                 add(of, NFT_MSG_NEWSETELEM,
                                     keep_attributes(reply, {NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_LIST_SET,
                                                             NFTA_SET_ELEM_LIST_ELEMENTS}),
                                     "elements of " + text_of(find_attribute(reply, NFTA_SET_ELEM_LIST_SET)));
                             });
            if (!done) return done;
        }
        return {};
    }
    Expected<void> rules() {
        return dump(
            NFT_MSG_GETRULE, NFPROTO_UNSPEC, {}, "list rules", NFTA_RULE_TABLE,
            [this](const nlmsghdr& reply, const TableName& table) {
                const nlattr* handle = find_attribute(reply, NFTA_RULE_HANDLE);
                const std::string chain = text_of(find_attribute(reply, NFTA_RULE_CHAIN));
                copy_.rules_.push_back({table, chain, handle == nullptr ? 0 : be64toh(mnl_attr_get_u64(handle))});
                Bytes attributes = keep_attributes(
                    reply, {NFTA_RULE_TABLE, NFTA_RULE_CHAIN, NFTA_RULE_EXPRESSIONS, NFTA_RULE_USERDATA});
                const RuleFacts facts = rule_facts(reply);
                if (facts.has_extension && facts.protocol) append_compat(attributes, *facts.protocol);
                if (!facts.helper.empty()) copy_.helpers_.push_back(facts.helper);
                if (facts.untracks) copy_.untracking_.push_back(copy_.rules_.back());
                add(table, NFT_MSG_NEWRULE, std::move(attributes),
                    "rule " + std::to_string(copy_.rules_.back().handle) + " of chain " + chain);
            });
    }
    void note_helper(const nlmsghdr& message) {
        const std::unique_ptr<nftnl_obj, VoidDeleter<nftnl_obj_free>> object(nftnl_obj_alloc());
        if (!object || nftnl_obj_nlmsg_parse(&message, object.get()) < 0) return;
        if (nftnl_obj_get_u32(object.get(), NFTNL_OBJ_TYPE) != NFT_OBJECT_CT_HELPER) return;
        copy_.helpers_.emplace_back(nftnl_obj_get_str(object.get(), NFTNL_OBJ_CT_HELPER_NAME));
    }

    NetlinkSocket& socket_;
    RulesetCopy copy_;
    std::vector<std::pair<TableName, std::string>> sets_;
};

/// A batch of messages of any size.
class RulesetCopy::Writer {
   public:
    Writer(NetlinkSocket& socket, const std::vector<Part>& parts) : socket_(socket), parts_(parts) {}

    /// The kernel's complaint; empty if the table is there now.
    Expected<std::string> write(const TableName& table) {
        envelope(NFNL_MSG_BATCH_BEGIN);
        for (const Part& part : parts_) {
            if (part.table == table) put(part);
        }
        // Every part asks for an answer: the last one says that all of them are there.
        envelope(NFNL_MSG_BATCH_END);
        if (auto room = socket_.reserve(bytes_.size(), by_sequence_.size() * kAnswerRoom); !room) return room.error();
        if (auto sent = socket_.send(bytes_, "copy a table"); !sent) return sent.error();
        return read_answers();
    }

   private:
    static constexpr std::size_t kAnswerRoom = 1024;  // of the receive buffer, for one acknowledgement

    void put(const Part& part) {
        std::uint16_t flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE;
        if (part.type == NFT_MSG_NEWRULE) flags |= NLM_F_APPEND;
        const auto type = static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8U | part.type);
        by_sequence_.emplace(message(type, flags, {part.table.family, NFNETLINK_V0, 0}, part.attributes), &part);
    }
    void envelope(std::uint16_t type) {
        message(type, NLM_F_REQUEST, {AF_UNSPEC, NFNETLINK_V0, htons(NFNL_SUBSYS_NFTABLES)}, {});
    }
    std::uint32_t message(std::uint16_t type, std::uint16_t flags, const nfgenmsg& head,
                          std::span<const std::byte> attributes) {
        const std::uint32_t sequence = socket_.next_sequence();
        const auto size = static_cast<std::uint32_t>(sizeof(nlmsghdr) + sizeof head + attributes.size());
        const nlmsghdr header{size, type, flags, sequence, 0};
        append(bytes_, object_bytes(header));
        append(bytes_, object_bytes(head));
        append(bytes_, attributes);
        align(bytes_);
        return sequence;
    }
    Expected<std::string> read_answers() {
        std::string complaint;
        std::set<std::uint32_t> awaited;
        for (const auto& [sequence, part] : by_sequence_) awaited.insert(sequence);
        alignas(nlmsghdr) std::array<std::byte, 65536> buffer{};
        while (!awaited.empty()) {
            const auto received = socket_.receive(buffer, kKernelDeadline, "copy a table");
            if (!received) return received.error();
            int left = static_cast<int>(*received);
            for (const auto* reply = reinterpret_cast<const nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(reply, left);
                 reply = mnl_nlmsg_next(reply, &left)) {
                if (reply->nlmsg_type != NLMSG_ERROR) continue;
                const auto part = by_sequence_.find(reply->nlmsg_seq);
                const int error = -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(reply))->error;
                if (error != 0 && complaint.empty()) {
                    complaint = part == by_sequence_.end() ? "the whole" : part->second->name;
                    complaint += ": " + std::string(std::strerror(error));  // NOLINT(concurrency-mt-unsafe)
                }
                // Said about the envelope: nothing of it was looked at.
                if (part == by_sequence_.end()) return complaint;
                awaited.erase(reply->nlmsg_seq);
            }
        }
        return complaint;
    }

    NetlinkSocket& socket_;
    const std::vector<Part>& parts_;
    Bytes bytes_;
    std::map<std::uint32_t, const Part*> by_sequence_;
};

Expected<RulesetCopy> RulesetCopy::read(NetlinkSocket& socket) {
    return Reader(socket).read();
}

Expected<std::vector<RulesetCopy::Refusal>> RulesetCopy::load(NetlinkSocket& socket) const {
    std::vector<Refusal> refusals;
    for (const TableName& table : tables_) {
        auto complaint = Writer(socket, parts_).write(table);
        if (!complaint) return std::move(complaint).error();
        if (!complaint->empty()) refusals.push_back({table, *std::move(complaint)});
    }
    return refusals;
}

bool RulesetCopy::has_chain(std::string_view name) const {
    return std::find(chains_.begin(), chains_.end(), name) != chains_.end();
}

bool RulesetCopy::is_base_chain(const TableName& table, std::string_view chain) const {
    return std::any_of(base_chains_.begin(), base_chains_.end(),
                       [&](const auto& base) { return base.first == table && base.second == chain; });
}

}  // namespace messenger::nft
