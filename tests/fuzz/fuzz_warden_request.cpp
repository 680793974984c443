// SPDX-License-Identifier: GPL-2.0-or-later
// What a daemon that was taken over could send to its warden: netlink requests, verdicts, and questions about hosts.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>

#include "daemon/warden/heard_hosts.h"
#include "daemon/warden/place_records.h"
#include "daemon/warden/verdict_check.h"
#include "nft/request_check.h"
#include "nft/request_reader.h"
#include "tests/fuzz/require.h"

namespace {

using messenger::nft::RequestCheck;
using messenger::test::require;

class Says final : public RequestCheck::Judge {
   public:
    explicit Says(bool yes) : yes_(yes) {}
    bool may_add(messenger::nft::SetId /*set*/, const messenger::nft::Element& element) const override {
        // What it is given to judge is whole.
        require(element.comment.text().size() <= messenger::nft::Comment::kMaxSize, "comments have their size");
        return yes_;
    }
    bool may_seed(const messenger::nft::FlowEntry& entry) const override {
        require(entry.original.source.address.family() == entry.original.destination.address.family(),
                "both ends of a seed are of one family");
        return yes_;
    }

   private:
    bool yes_;
};

/// Whether the addition at that place is undone by the message behind it, before anybody can see it.
bool is_removed_at_once(std::span<const std::byte> request, std::size_t at) {
    const auto message_at = [&](std::size_t place) {
        return messenger::nft::read_operation(*reinterpret_cast<const nlmsghdr*>(request.data() + place));
    };
    nlmsghdr head{};
    std::memcpy(&head, request.data() + at, sizeof(head));
    const std::size_t next = at + ((std::size_t{head.nlmsg_len} + 3) & ~std::size_t{3});
    if (next + sizeof(head) > request.size()) return false;
    std::memcpy(&head, request.data() + next, sizeof(head));
    if (head.nlmsg_len > request.size() - next) return false;
    const auto added = message_at(at);
    const auto removed = message_at(next);
    return added && removed && removed->verb == messenger::nft::Verb::remove && removed->set == added->set &&
           removed->element.key == added->element.key;
}

/// Whatever the kernel would do with these bytes, it makes nothing that a judge has not seen.
void require_harmless(std::span<const std::byte> request) {
    bool any = false;
    bool schema = false;
    for (std::size_t at = 0; at + sizeof(nlmsghdr) <= request.size();) {
        nlmsghdr head{};
        std::memcpy(&head, request.data() + at, sizeof(head));
        if (head.nlmsg_len < sizeof(head)) return;
        const unsigned subsystem = head.nlmsg_type >> 8U;
        const unsigned type = head.nlmsg_type & 0xffU;
        if (subsystem == NFNL_SUBSYS_NFTABLES) {
            schema = schema || type == NFT_MSG_NEWTABLE;
            require(type != NFT_MSG_NEWSETELEM || is_removed_at_once(request, at), "no element without a judge");
            require(schema || (type != NFT_MSG_NEWRULE && type != NFT_MSG_NEWCHAIN && type != NFT_MSG_NEWSET),
                    "no rule but in the whole schema");
        } else if (head.nlmsg_type != NFNL_MSG_BATCH_BEGIN && head.nlmsg_type != NFNL_MSG_BATCH_END) {
            require(subsystem == NFNL_SUBSYS_CTNETLINK, "no other subsystem");
            require(type != IPCTNL_MSG_CT_NEW || (head.nlmsg_flags & NLM_F_CREATE) == 0, "no entry without a judge");
        }
        any = true;
        at += (std::size_t{head.nlmsg_len} + 3) & ~std::size_t{3};
    }
    require(any, "something was asked");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Says yes{true};
    static const Says no{false};
    static const messenger::nft::SchemaOptions options;
    static const RequestCheck judged_well(options, yes);
    static const RequestCheck judged_ill(options, no);
    static const messenger::daemon::VerdictCheck verdicts = [] {
        messenger::daemon::Config config;
        config.network.inside = {*messenger::alg::Prefix::parse("10.1.2.0/24")};
        config.nat.interfaces = {"wan"};
        messenger::daemon::VerdictCheck check;
        check.update(config, {});
        return check;
    }();

    // A copy of its own: aligned as netlink messages are, and as long as the bytes are.
    std::vector<std::byte> request(size);
    if (size > 0) std::memcpy(request.data(), data, size);
    const bool passes_ill = judged_ill.find_fault(request).empty();
    require(!passes_ill || judged_well.find_fault(request).empty(), "a judge who says yes lets more through");
    if (passes_ill) require_harmless(request);
    const bool holds_verdicts = verdicts.holds_only_verdicts(request);
    if (holds_verdicts && size > 0) require(!passes_ill, "verdicts are no requests");
    const auto mended = verdicts.mend(request);
    require(verdicts.holds_only_verdicts(mended.bytes), "what is mended may be sent");
    require((mended.turned_down == 0) == holds_verdicts, "what is good is not mended");
    if (const auto places = messenger::daemon::read_places(request)) {
        const auto again = messenger::daemon::read_places(messenger::daemon::write_places(*places));
        require(again == places, "places are read as they were written");
        for (const messenger::nft::Place& place : *places) (void)messenger::daemon::host_at(place);
    }
    return 0;
}
