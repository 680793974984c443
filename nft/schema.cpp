// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/schema.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include <libnftnl/common.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/batch.h"
#include "nft/element_message.h"
#include "nft/schema_fingerprint.h"
#include "nft/schema_messages.h"
#include "nft/table_message.h"

namespace messenger::nft {
namespace {

constexpr std::string_view kInstall = "install table inet messenger_alg";
constexpr unsigned kMaxAttempts = 4;
constexpr std::string_view kRemove = "delete table inet messenger_alg";

/// One batch of which every message can be named when the kernel refuses it.
class NamedBatch {
   public:
    explicit NamedBatch(NetlinkSocket& socket) : socket_(socket) { batch_.begin(socket); }

    Batch& batch() { return batch_; }
    std::size_t tag(std::string operation) {
        operations_.push_back(std::move(operation));
        return operations_.size() - 1;
    }
    /// How many there are: the next is this.
    [[nodiscard]] std::size_t tags() const { return operations_.size(); }
    TagMessage tagger() {
        return [this](std::string operation) { return tag(std::move(operation)); };
    }
    /// What was not passed on to the kernel, by its tag: then nothing of it was done. Of other refusals, the first is
    /// the error.
    Expected<std::vector<std::size_t>> commit(std::string_view operation) {
        auto failures = batch_.commit(socket_, operation);
        if (!failures) return std::move(failures).error();
        std::vector<std::size_t> turned_down;
        for (const BatchFailure& failed : *failures) {
            if (failed.code != EACCES || failed.tag == Batch::kNoTag) return refusal(failed, operation);
            turned_down.push_back(failed.tag);
        }
        return turned_down;
    }

   private:
    NftError refusal(const BatchFailure& failed, std::string_view operation) {
        const bool named = failed.tag != Batch::kNoTag;
        NftError error = system_error(failed.code, named ? std::string_view(operations_[failed.tag]) : operation);
        if (failed.code == ENOENT) error.failure = Failure::not_supported;  // an expression without its module
        return error;
    }

    NetlinkSocket& socket_;
    Batch batch_;
    std::vector<std::string> operations_;
};

}  // namespace

Schema::Schema(NetlinkSocket socket, const SchemaOptions& options) : socket_(std::move(socket)), options_(options) {
    assert(options.marks.base_bit <= 28);
    assert(!options.passage_mark || (options.passage_mark->mask & options.marks.all()) == 0);
    assert(!options.passage_mark || (options.passage_mark->value & ~options.passage_mark->mask) == 0);
}

Expected<std::size_t> Schema::install(const Transaction& elements) {
    const auto operations = elements.operations();
    std::vector<bool> left_out(operations.size());
    // All that is turned down is told at once. Only what may be opened in one moment and not in the next takes longer.
    for (unsigned attempt = 0; attempt < kMaxAttempts; ++attempt) {
        NamedBatch batch(socket_);
        put_schema(batch.batch(), options_, batch.tagger());
        std::vector<std::optional<std::size_t>> places(batch.tags());  // in operations, by tag
        for (std::size_t i = 0; i < operations.size(); ++i) {
            const Operation& operation = operations[i];
            assert(operation.verb != Verb::remove && operation.verb != Verb::discard && operation.verb != Verb::flush);
            if (left_out[i]) continue;
            // The sets are empty, so a refresh has nothing to remove first.
            put_operation(batch.batch(), kTable, operation, LeaveOut::removal, batch.tag(to_nft(operation)));
            places.emplace_back(i);
        }
        const auto turned_down = batch.commit(kInstall);
        if (!turned_down) return turned_down.error();
        if (turned_down->empty()) {
            return static_cast<std::size_t>(std::count(left_out.begin(), left_out.end(), true));
        }
        for (const std::size_t tag : *turned_down) {
            const auto place = places[tag];
            if (!place) return system_error(EACCES, kInstall);  // it is no element
            left_out[*place] = true;
        }
    }
    return system_error(EACCES, kInstall);
}

Expected<bool> Schema::is_alike() {
    std::array<char, 256> buffer{};
    nlmsghdr* message = nftnl_nlmsg_build_hdr(buffer.data(), NFT_MSG_GETTABLE, NFPROTO_INET, NLM_F_ACK, 0);
    mnl_attr_put_strz(message, NFTA_TABLE_NAME, kTable.data());
    std::string comment;
    const auto read =
        socket_.request(*message, "look for table inet messenger_alg", [&](const nlmsghdr& reply) -> Expected<void> {
            comment = read_table_comment(reply);
            return {};
        });
    if (!read && read.error().code == ENOENT) return false;
    if (!read) return read.error();
    if (comment != schema_fingerprint(options_)) return false;
    const auto state = verify();
    if (!state) return state.error();
    return state->kind == SchemaState::Kind::intact;
}

Expected<void> Schema::remove() {
    NamedBatch batch(socket_);
    put_schema_removal(batch.batch(), batch.tagger());
    const auto removed = batch.commit(kRemove);
    if (!removed) return removed.error();
    if (!removed->empty()) return system_error(EACCES, kRemove);
    return {};
}

}  // namespace messenger::nft
