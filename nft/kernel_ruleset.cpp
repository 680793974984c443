// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/kernel_ruleset.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <utility>

#include <endian.h>
#include <libnftnl/common.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/attributes.h"
#include "nft/element_message.h"
#include "nft/united_listing.h"

namespace messenger::nft {
namespace {

// Each further attempt leaves out all that the last one was refused for, so a second failure needs an element that
// times out in the microseconds between them.
constexpr unsigned kMaxAttempts = 16;

constexpr std::string_view kCommit = "commit to inet messenger_alg";

/// A long listing is repeated until it is known to be whole, or one tells nothing new (united_listing.h), but no more
/// often than this.
constexpr int kMostListings = 5;

/// NFTA_SET_COUNT, which kernel 6.18 has and 6.1 has not, nor the headers that Debian 12 builds with.
constexpr unsigned kCountAttribute = 20;

/// Room is made for so many elements at once; somebody else may have filled a set.
constexpr std::size_t kMostExpected = 1'000'000;

/// However many places there are, the memory for their requests stays small.
constexpr std::size_t kLookedForAtOnce = 128;

using RequestBuffer = std::array<char, 512>;

nlmsghdr* start_request(RequestBuffer& buffer, std::uint16_t type, std::uint16_t flags) {
    return nftnl_nlmsg_build_hdr(buffer.data(), type, NFPROTO_INET, flags, 0);
}

std::string on_set(std::string_view verb, SetId set) {
    return std::string(verb) + " set " + std::string(spec_of(set).name);
}

/// For requests that name a set: ENOENT means that it, or the table, is not there.
NftError name_missing(NftError error) {
    if (error.code == ENOENT) error.failure = Failure::schema_gone;
    return error;
}

NftError refusal(const Transaction& transaction, const BatchFailure& failed) {
    if (failed.tag == Batch::kNoTag) return system_error(failed.code, kCommit);
    NftError error = system_error(failed.code, to_nft(transaction.operations()[failed.tag]));
    error.index = failed.tag;
    return error;
}

/// Whether the packet path removes elements before their time, so that numbers do not tell what is there.
bool is_cut_short(SetId set) {
    return set == SetId::tls_clients4 || set == SetId::tls_clients6 || set == SetId::admitted4 ||
           set == SetId::admitted6;
}

/// Whether it may be left undone; counts it then.
bool is_no_failure(const Operation& operation, int code, CommitReport& report) {
    const bool there = code == EEXIST && operation.verb == Verb::create;
    const bool full = code == ENFILE && (operation.verb == Verb::offer || operation.verb == Verb::discard);
    report.already_there += there ? 1U : 0U;
    const bool turned_down = code == EACCES;  // what somebody may not have must not take along what others may
    report.no_room += full ? 1U : 0U;
    report.turned_down += turned_down ? 1U : 0U;
    return there || full || turned_down;
}

}  // namespace

Expected<CommitReport> KernelRuleset::commit(const Transaction& transaction) {
    CommitReport report;
    report.attempts = 0;
    const auto operations = transaction.operations();
    left_out_.assign(operations.size(), LeaveOut::nothing);
    order_.plan(operations, left_out_);
    while (report.attempts < kMaxAttempts) {
        batch_.begin(socket_);
        for (const std::uint32_t i : order_.sequence()) {
            if (operations[i].verb == Verb::discard) {
                put_discard(batch_, kTable, operations[i], destroys_elements_, left_out_[i], i);
            } else {
                put_operation(batch_, kTable, operations[i], left_out_[i], i);
            }
        }
        if (batch_.empty()) return report;
        ++report.attempts;
        auto failures = batch_.commit(socket_, kCommit);
        if (!failures) return std::move(failures).error();
        if (failures->empty()) return report;
        if (auto sorted = leave_out(transaction, *failures, report); !sorted) return std::move(sorted).error();
    }
    return system_error(EBUSY, kCommit);
}

Expected<void> KernelRuleset::leave_out(const Transaction& transaction, std::span<const BatchFailure> failures,
                                        CommitReport& report) {
    std::bitset<kSetCount> known;
    for (const BatchFailure& failed : failures) {
        if (failed.tag == Batch::kNoTag) return refusal(transaction, failed);
        const Operation& operation = transaction.operations()[failed.tag];
        LeaveOut& left_out = left_out_[failed.tag];
        if (left_out == LeaveOut::everything) continue;  // of the two messages of a discard, the other
        if (is_no_failure(operation, failed.code, report)) {
            left_out = LeaveOut::everything;
            continue;
        }
        if (failed.code != ENOENT) return refusal(transaction, failed);

        // Either the element has timed out, or the set or the table is missing; ENOENT does not say which.
        const bool removes = operation.verb == Verb::remove || operation.verb == Verb::refresh;
        const auto set = static_cast<std::size_t>(operation.set);
        bool gone = !removes || left_out != LeaveOut::nothing;
        if (!gone && !known.test(set)) {
            auto exists = set_exists(operation.set);
            if (!exists) return std::move(exists).error();
            gone = !*exists;
            known.set(set, !gone);
        }
        if (gone) return name_missing(refusal(transaction, failed));
        left_out = operation.verb == Verb::refresh ? LeaveOut::removal : LeaveOut::everything;
        ++report.already_gone;
    }
    return {};
}

Expected<bool> KernelRuleset::set_exists(SetId set) {
    RequestBuffer buffer{};
    nlmsghdr* message = start_request(buffer, NFT_MSG_GETSET, NLM_F_ACK);
    mnl_attr_put_strz(message, NFTA_SET_TABLE, kTable.data());
    mnl_attr_put_strz(message, NFTA_SET_NAME, spec_of(set).name.data());
    auto asked = socket_.request(*message, on_set("look for", set), {});
    if (asked) return true;
    if (asked.error().code == ENOENT) return false;
    return std::move(asked).error();
}

Expected<std::optional<std::size_t>> KernelRuleset::count(SetId set) {
    RequestBuffer buffer{};
    nlmsghdr* message = start_request(buffer, NFT_MSG_GETSET, NLM_F_ACK);
    mnl_attr_put_strz(message, NFTA_SET_TABLE, kTable.data());
    mnl_attr_put_strz(message, NFTA_SET_NAME, spec_of(set).name.data());
    std::optional<std::size_t> elements;
    auto asked = socket_.request(*message, on_set("count", set), [&](const nlmsghdr& reply) -> Expected<void> {
        static_cast<void>(each_attribute(attributes_of(reply), [&](unsigned type, std::span<const std::byte> value) {
            std::uint32_t number = 0;
            if (type == kCountAttribute && value.size() == sizeof(number)) {
                std::memcpy(&number, value.data(), sizeof(number));
                elements = be32toh(number);
            }
            return true;
        }));
        return {};
    });
    if (!asked) return name_missing(std::move(asked).error());
    return elements;
}

Expected<std::vector<StoredElement>> KernelRuleset::list(SetId set) {
    using Clock = std::chrono::steady_clock;
    RequestBuffer buffer{};
    nlmsghdr* message = start_request(buffer, NFT_MSG_GETSETELEM, NLM_F_DUMP);
    mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE, kTable.data());
    mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET, spec_of(set).name.data());
    const std::string operation = on_set("list", set);
    UnitedListing united;
    std::vector<StoredElement> elements;
    auto expected = count(set);
    if (!expected) return std::move(expected).error();
    elements.reserve(std::min(expected->value_or(0), kMostExpected));
    std::size_t parts = 0;
    bool is_whole = false;
    const Clock::time_point begun = Clock::now();
    for (int listings = 0; !is_whole && listings < kMostListings; ++listings) {
        parts = 0;
        auto read = socket_.request(
            *message, operation,
            [&](const nlmsghdr& reply) -> Expected<void> {
                ++parts;
                if (!read_elements(reply, elements)) return system_error(EBADMSG, operation);
                return {};
            },
            [&] {
                elements.clear();
                parts = 0;
            });
        if (!read) return name_missing(std::move(read).error());
        if (!united.add(elements) || parts <= 1) break;  // in one part, nothing can have been left out
        expected = count(set);
        if (!expected) return std::move(expected).error();
        const auto age = std::chrono::ceil<std::chrono::milliseconds>(Clock::now() - begun);
        is_whole = *expected && !is_cut_short(set) && united.has_all_of(**expected, age);
    }
    return united.take();
}

Expected<std::optional<StoredElement>> KernelRuleset::find(SetId set, const Key& key) {
    RequestBuffer buffer{};
    nlmsghdr* message = start_request(buffer, NFT_MSG_GETSETELEM, NLM_F_ACK);
    put_element_key(message, kTable, spec_of(set).name, key);
    const std::string operation = on_set("look into", set);
    std::vector<StoredElement> elements;
    auto read = socket_.request(*message, operation, [&](const nlmsghdr& reply) -> Expected<void> {
        if (!read_elements(reply, elements)) return system_error(EBADMSG, operation);
        return {};
    });
    if (read) return elements.empty() ? std::nullopt : std::optional(elements.front());
    if (read.error().code != ENOENT) return std::move(read).error();
    auto exists = set_exists(set);
    if (!exists) return std::move(exists).error();
    if (!*exists) return name_missing(std::move(read).error());
    return std::optional<StoredElement>();
}

Expected<void> KernelRuleset::find_each(std::span<const Place> places, const OnFound& on_found) {
    for (std::size_t first = 0; first < places.size(); first += kLookedForAtOnce) {
        const auto some = places.subspan(first, std::min(kLookedForAtOnce, places.size() - first));
        auto looked =
            find_some(some, [&](std::size_t index, const StoredElement& element) { on_found(first + index, element); });
        if (!looked) return looked;
    }
    return {};
}

Expected<void> KernelRuleset::find_some(std::span<const Place> places, const OnFound& on_found) {
    constexpr std::string_view kOperation = "look into the sets of inet messenger_alg";
    requests_.clear();
    for (const Place& place : places) {
        RequestBuffer buffer{};
        // Its one answer is the element, or an error.
        nlmsghdr* message = start_request(buffer, NFT_MSG_GETSETELEM, 0);
        put_element_key(message, kTable, spec_of(place.set).name, place.key);
        requests_.add(*message);
    }
    bool readable = true;
    const auto codes = requests_.send(socket_, kOperation, [&](std::size_t index, const nlmsghdr& reply) {
        found_.clear();
        readable = read_elements(reply, found_) && readable;
        if (!found_.empty()) on_found(index, found_.front());
    });
    if (!codes) return codes.error();
    if (!readable) return system_error(EBADMSG, kOperation);
    for (const int code : *codes) {
        if (code != 0 && code != ENOENT) return system_error(code, kOperation);
    }
    return {};
}

}  // namespace messenger::nft
