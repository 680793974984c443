// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/schema.h"

#include <array>
#include <cassert>
#include <cerrno>
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
    TagMessage tagger() {
        return [this](std::string operation) { return tag(std::move(operation)); };
    }
    /// The first refusal is the error.
    Expected<void> commit(std::string_view operation) {
        auto failures = batch_.commit(socket_, operation);
        if (!failures) return std::move(failures).error();
        if (failures->empty()) return {};
        const BatchFailure& failed = failures->front();
        const bool named = failed.tag != Batch::kNoTag;
        NftError error = system_error(failed.code, named ? std::string_view(operations_[failed.tag]) : operation);
        if (failed.code == ENOENT) error.failure = Failure::not_supported;  // an expression without its module
        return error;
    }

   private:
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

Expected<void> Schema::install(const Transaction& elements) {
    NamedBatch batch(socket_);
    put_schema(batch.batch(), options_, batch.tagger());
    for (const Operation& operation : elements.operations()) {
        assert(operation.verb != Verb::remove && operation.verb != Verb::discard && operation.verb != Verb::flush);
        // The sets are empty, so a refresh has nothing to remove first.
        put_operation(batch.batch(), kTable, operation, LeaveOut::removal, batch.tag(to_nft(operation)));
    }
    return batch.commit(kInstall);
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
    return batch.commit(kRemove);
}

}  // namespace messenger::nft
