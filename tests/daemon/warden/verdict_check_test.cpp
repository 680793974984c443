// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/warden/verdict_check.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>

#include <array>
#include <cstring>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "daemon/queue/verdict_batch.h"

namespace messenger::daemon {
namespace {

using Bytes = std::vector<std::byte>;

constexpr std::array<std::uint16_t, 2> kQueues{200, 210};

Bytes batch(std::uint16_t queue = 200) {
    constexpr std::string_view kPacket = "a packet's bytes";
    VerdictBatch verdicts(4096);
    EXPECT_TRUE(verdicts.add({queue, 1, Verdict::Action::accept, std::nullopt, {}}, 1));
    EXPECT_TRUE(verdicts.add({queue, 2, Verdict::Action::drop, std::nullopt, {}}, 2));
    EXPECT_TRUE(verdicts.add(
        {queue, 3, Verdict::Action::accept, 0x20000000, std::as_bytes(std::span(kPacket.data(), kPacket.size()))}, 3));
    return {verdicts.bytes().begin(), verdicts.bytes().end()};
}

bool passes(const Bytes& bytes) {
    return holds_only_verdicts(bytes, kQueues);
}

TEST(VerdictCheck, LetsThroughWhatTheBatchWrites) {
    EXPECT_TRUE(passes(batch(200)));
    EXPECT_TRUE(passes(batch(210)));
    EXPECT_FALSE(passes(batch(201))) << "somebody else's queue";
}

TEST(VerdictCheck, TurnsDownOtherMessagesOfTheQueue) {
    for (unsigned type = 0; type < 256; ++type) {
        if (type == NFQNL_MSG_VERDICT) continue;
        Bytes other = batch();
        other[offsetof(nlmsghdr, nlmsg_type)] = static_cast<std::byte>(type);
        EXPECT_FALSE(passes(other)) << "message type " << type;
    }
}

TEST(VerdictCheck, TurnsDownOtherFates) {
    constexpr std::size_t kVerdict = sizeof(nlmsghdr) + 4 + sizeof(nlattr);  // big-endian
    for (const unsigned fate : {unsigned{NF_STOLEN}, unsigned{NF_QUEUE}, unsigned{NF_REPEAT}, unsigned{NF_STOP}, 77U}) {
        Bytes other = batch();
        other[kVerdict + 3] = static_cast<std::byte>(fate);
        EXPECT_FALSE(passes(other)) << fate;
    }
    Bytes other_queue = batch();
    other_queue[kVerdict + 1] = std::byte{1};
    EXPECT_FALSE(passes(other_queue)) << "the upper half is a queue, or an errno";
}

TEST(VerdictCheck, TurnsDownOtherAttributes) {
    for (const std::uint16_t type : {NFQA_CT, NFQA_EXP, NFQA_VLAN}) {
        Bytes other = batch();
        const nlattr attribute{sizeof(nlattr), type};
        const auto* bytes = reinterpret_cast<const std::byte*>(&attribute);
        other.insert(other.end(), bytes, bytes + sizeof(attribute));
        nlmsghdr first{};
        std::memcpy(&first, other.data(), sizeof(first));
        other.erase(other.begin() + first.nlmsg_len, other.end() - static_cast<std::ptrdiff_t>(sizeof(attribute)));
        first.nlmsg_len += static_cast<std::uint32_t>(sizeof(attribute));
        std::memcpy(other.data(), &first, sizeof(first));
        EXPECT_FALSE(passes(other)) << type;
    }
}

TEST(VerdictCheck, TurnsDownWhatIsCut) {
    const Bytes whole = batch();
    std::size_t good = 0;
    for (std::size_t size = 1; size < whole.size(); ++size) {
        good += passes(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))) ? 1U : 0U;
    }
    EXPECT_EQ(good, 2U) << "after the first and after the second verdict";
}

}  // namespace
}  // namespace messenger::daemon
