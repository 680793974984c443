// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/request_check.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "nft/attributes.h"
#include "nft/request_reader.h"
#include "nft/schema_messages.h"

namespace messenger::nft {
namespace {

std::span<const std::byte> bytes_of(const nlmsghdr& message) {
    return {reinterpret_cast<const std::byte*>(&message), message.nlmsg_len};
}

/// Whether two messages ask for the same: numbers differ, and the last of a batch asks for an answer.
bool asks_the_same(const nlmsghdr& one, const nlmsghdr& other) {
    constexpr unsigned kBesides = NLM_F_ACK;
    if (one.nlmsg_type != other.nlmsg_type || one.nlmsg_len != other.nlmsg_len) return false;
    if ((one.nlmsg_flags | kBesides) != (other.nlmsg_flags | kBesides)) return false;
    const auto payload = bytes_of(one).subspan(sizeof(nlmsghdr));
    const auto expected = bytes_of(other).subspan(sizeof(nlmsghdr));
    return std::equal(payload.begin(), payload.end(), expected.begin(), expected.end());
}

bool is_envelope(const nlmsghdr& message, std::uint16_t type) {
    if (message.nlmsg_type != type || message.nlmsg_len != sizeof(nlmsghdr) + sizeof(nfgenmsg)) return false;
    const auto* header = static_cast<const nfgenmsg*>(mnl_nlmsg_get_payload(&message));
    return header->res_id == htons(NFNL_SUBSYS_NFTABLES);
}

/// A question about our table; in all of them attribute 1 is its name.
bool asks_about_our_table(const nlmsghdr& message) {
    switch (message.nlmsg_type) {
        case NFNL_SUBSYS_NFTABLES << 8U | NFT_MSG_GETTABLE:
        case NFNL_SUBSYS_NFTABLES << 8U | NFT_MSG_GETCHAIN:
        case NFNL_SUBSYS_NFTABLES << 8U | NFT_MSG_GETRULE:
        case NFNL_SUBSYS_NFTABLES << 8U | NFT_MSG_GETSET:
        case NFNL_SUBSYS_NFTABLES << 8U | NFT_MSG_GETSETELEM: break;
        default: return false;
    }
    const auto bytes = attributes_of(message, NFPROTO_INET);
    const auto attributes =
        bytes
            ? Attributes::read(*bytes, {NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_LIST_SET, NFTA_SET_ELEM_LIST_ELEMENTS})
            : std::nullopt;
    if (!attributes) return false;
    const auto name = attributes->value(NFTA_SET_ELEM_LIST_TABLE);
    return name.size() == kTable.size() + 1 &&
           std::equal(kTable.begin(), kTable.end(), name.begin(),
                      [](char wanted, std::byte found) { return static_cast<std::byte>(wanted) == found; });
}

/// How often the rules have changed, anybody's.
bool asks_for_generation(const nlmsghdr& message) {
    return message.nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8U | NFT_MSG_GETGEN) && attributes_of(message).empty();
}

/// All entries that have bits in their mark, or all there are: who lists them reads.
bool lists_flows(const nlmsghdr& message) {
    return message.nlmsg_type == (NFNL_SUBSYS_CTNETLINK << 8U | IPCTNL_MSG_CT_GET) &&
           (message.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
}

}  // namespace

/// The messages of a send, one after the other.
class RequestCheck::Reader {
   public:
    explicit Reader(std::span<const std::byte> bytes) : rest_(bytes) {}

    /// Absent at the end, and where what follows is no message.
    [[nodiscard]] const nlmsghdr* next() {
        if (rest_.size() < sizeof(nlmsghdr) + sizeof(nfgenmsg)) return nullptr;
        const auto* message = reinterpret_cast<const nlmsghdr*>(rest_.data());
        const std::size_t padded = (std::size_t{message->nlmsg_len} + 3) & ~std::size_t{3};
        if (message->nlmsg_len < sizeof(nlmsghdr) + sizeof(nfgenmsg) || padded > rest_.size()) return nullptr;
        rest_ = rest_.subspan(padded);
        return message;
    }
    [[nodiscard]] bool is_at_end() const { return rest_.empty(); }

   private:
    std::span<const std::byte> rest_;
};

RequestCheck::RequestCheck(const SchemaOptions& options, const Judge& judge) : judge_(judge) {
    Batch batch;
    batch.begin(0);
    put_schema(batch, options, [](const std::string& /*operation*/) { return std::size_t{0}; });
    Reader messages(batch.bytes());
    static_cast<void>(messages.next());  // the envelope
    while (const nlmsghdr* message = messages.next()) {
        schema_.emplace_back(bytes_of(*message).begin(), bytes_of(*message).end());
    }
}

std::string RequestCheck::find_fault(std::span<const std::byte> request, std::vector<std::uint32_t>& to_blame) const {
    to_blame.clear();
    Reader messages(request);
    const nlmsghdr* first = messages.next();
    if (first == nullptr) return "no netlink message";
    if (is_envelope(*first, NFNL_MSG_BATCH_BEGIN)) {
        std::string fault = judge_batch(messages, to_blame);
        const bool ends = messages.is_at_end() || (!fault.empty() && to_blame.empty());
        if (!ends) to_blame.clear();
        return ends ? fault : "something behind a transaction";
    }
    for (const nlmsghdr* message = first; message != nullptr; message = messages.next()) {
        if (std::string fault = judge_alone(*message); !fault.empty()) return fault;
    }
    return messages.is_at_end() ? "" : "something behind a request that is none";
}

std::string RequestCheck::judge_batch(Reader& messages, std::vector<std::uint32_t>& to_blame) const {
    const nlmsghdr* message = messages.next();
    const auto is_schema = [&](std::size_t at) {
        return message != nullptr && asks_the_same(*message, *reinterpret_cast<const nlmsghdr*>(schema_[at].data()));
    };
    if (is_schema(0)) {
        for (std::size_t at = 0; at < schema_.size(); ++at) {
            if (!is_schema(at)) return "a table that is not made as the schema says";
            message = messages.next();
        }
    }
    std::string first;
    const auto is_wrong_as_a_whole = [&](const char* why) {
        to_blame.clear();
        return std::string(why);
    };
    std::optional<Operation> wrong;  // the message before this one
    for (; message != nullptr && !is_envelope(*message, NFNL_MSG_BATCH_END); message = messages.next()) {
        const auto operation = read_operation(*message);
        if (!operation) return is_wrong_as_a_whole("a change of rules that is none of our elements");
        // Where the kernel cannot destroy elements, that is how one is removed that may not be there (put_discard). It
        // does neither without the other, and no packet finds what is added and removed in one transaction.
        if (wrong && operation->verb == Verb::remove && operation->set == wrong->set &&
            operation->element.key == wrong->element.key) {
            to_blame.pop_back();
        } else if (wrong && first.empty()) {
            first = "not to be opened: " + to_nft(*wrong);
        }
        wrong.reset();
        if (operation->verb != Verb::add || judge_.may_add(operation->set, operation->element)) continue;
        to_blame.push_back(message->nlmsg_seq);
        wrong = operation;
    }
    if (wrong && first.empty()) first = "not to be opened: " + to_nft(*wrong);
    return message == nullptr ? is_wrong_as_a_whole("a transaction without an end") : first;
}

std::string RequestCheck::judge_alone(const nlmsghdr& message) const {
    if (asks_about_our_table(message) || asks_for_generation(message) || lists_flows(message) ||
        read_named_flow(message) || read_liberal(message) || read_renewal(message)) {
        return {};
    }
    const auto seed = read_seed(message);
    if (!seed) return "a request that is none of ours";
    if (judge_.may_seed(*seed)) return {};
    return "not to be made known to conntrack: " + seed->original.to_string();
}

}  // namespace messenger::nft
