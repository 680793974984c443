// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/queue/verdict.h"

#include <vector>

#include <gtest/gtest.h>

#include "daemon/queue/verdict_batch.h"
#include "tests/daemon/queue/netlink_bytes.h"

namespace messenger::daemon {
namespace {

class RecordingSink final : public VerdictSink {
   public:
    void add(const Verdict& verdict) noexcept override { verdicts.push_back(verdict); }
    std::vector<Verdict> verdicts;
};

TEST(PendingVerdict, GivesTheFallbackWhenItIsLeftUndecided) {
    RecordingSink sink;
    { const PendingVerdict pending(sink, 200, 5, Verdict::Action::drop); }
    { const PendingVerdict pending(sink, 201, 6, Verdict::Action::accept); }
    ASSERT_EQ(sink.verdicts.size(), 2U);
    EXPECT_EQ(sink.verdicts[0].queue, 200U);
    EXPECT_EQ(sink.verdicts[0].packet_id, 5U);
    EXPECT_EQ(sink.verdicts[0].action, Verdict::Action::drop);
    EXPECT_EQ(sink.verdicts[1].action, Verdict::Action::accept);
}

TEST(PendingVerdict, GivesOneVerdictOnly) {
    RecordingSink sink;
    {
        PendingVerdict pending(sink, 200, 5, Verdict::Action::drop);
        EXPECT_FALSE(pending.is_given());
        pending.accept(0x10);
        EXPECT_TRUE(pending.is_given());
    }
    ASSERT_EQ(sink.verdicts.size(), 1U);
    EXPECT_EQ(sink.verdicts[0].action, Verdict::Action::accept);
    EXPECT_EQ(sink.verdicts[0].mark, 0x10U);
}

TEST(PendingVerdict, MovesItsDutyAlong) {
    RecordingSink sink;
    {
        PendingVerdict first(sink, 200, 5, Verdict::Action::drop);
        PendingVerdict second(std::move(first));
        PendingVerdict third(sink, 200, 6, Verdict::Action::drop);
        third = std::move(second);  // gives packet 6 its fallback
        ASSERT_EQ(sink.verdicts.size(), 1U);
        EXPECT_EQ(sink.verdicts[0].packet_id, 6U);
        third.accept();
    }
    ASSERT_EQ(sink.verdicts.size(), 2U);
    EXPECT_EQ(sink.verdicts[1].packet_id, 5U);
    EXPECT_EQ(sink.verdicts[1].action, Verdict::Action::accept);
}

TEST(VerdictBatch, WritesWhatTheKernelReads) {
    VerdictBatch batch(1024);
    const auto replacement = NetlinkBytes::of_text("hello");
    ASSERT_TRUE(batch.add({200, 7, Verdict::Action::accept, 0x30, replacement}, 9));
    ASSERT_TRUE(batch.add({201, 8, Verdict::Action::drop, std::nullopt, {}}, 10));

    const auto verdict_header = [](std::uint32_t action, std::uint32_t id) {
        auto value = NetlinkBytes::big_endian(action);
        const auto id_bytes = NetlinkBytes::big_endian(id);
        value.insert(value.end(), id_bytes.begin(), id_bytes.end());
        return value;
    };
    constexpr std::uint16_t kType = NFNL_SUBSYS_QUEUE << 8U | NFQNL_MSG_VERDICT;
    NetlinkBytes first;
    first.message(kType, 9).raw({std::byte{0}, std::byte{0}, std::byte{0}, std::byte{200}});
    first.attribute(NFQA_VERDICT_HDR, verdict_header(NF_ACCEPT, 7)).number(NFQA_MARK, 0x30);
    first.attribute(NFQA_PAYLOAD, replacement);
    NetlinkBytes second;
    second.message(kType, 10).raw({std::byte{0}, std::byte{0}, std::byte{0}, std::byte{201}});
    second.attribute(NFQA_VERDICT_HDR, verdict_header(NF_DROP, 8));
    std::vector<std::byte> expected = first.bytes();
    expected.insert(expected.end(), second.bytes().begin(), second.bytes().end());
    constexpr std::uint16_t kRequest = NLM_F_REQUEST;
    std::memcpy(expected.data() + offsetof(nlmsghdr, nlmsg_flags), &kRequest, sizeof(kRequest));
    std::memcpy(expected.data() + first.bytes().size() + offsetof(nlmsghdr, nlmsg_flags), &kRequest, sizeof(kRequest));
    EXPECT_EQ(std::vector<std::byte>(batch.bytes().begin(), batch.bytes().end()), expected);
}

TEST(VerdictBatch, RefusesWhatDoesNotFitAndStaysAsItWas) {
    const std::vector<std::byte> replacement(100);
    const Verdict verdict{200, 7, Verdict::Action::accept, std::nullopt, replacement};
    VerdictBatch batch(2 * VerdictBatch::size_of(verdict));
    EXPECT_TRUE(batch.empty());
    EXPECT_TRUE(batch.add(verdict, 1));
    EXPECT_TRUE(batch.add(verdict, 2));
    EXPECT_FALSE(batch.add(verdict, 3));
    EXPECT_EQ(batch.bytes().size(), 2 * VerdictBatch::size_of(verdict));
    batch.clear();
    EXPECT_TRUE(batch.add(verdict, 4));
}

TEST(VerdictBatch, RefusesAReplacementThatNoAttributeHolds) {
    VerdictBatch batch(200'000);
    const std::vector<std::byte> largest(65'531);
    const std::vector<std::byte> too_large(65'532);
    EXPECT_FALSE(batch.add({200, 7, Verdict::Action::accept, std::nullopt, too_large}, 1));
    EXPECT_TRUE(batch.empty());
    EXPECT_TRUE(batch.add({200, 7, Verdict::Action::accept, std::nullopt, largest}, 1));
}

}  // namespace
}  // namespace messenger::daemon
