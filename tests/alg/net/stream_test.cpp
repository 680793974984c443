// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/net/stream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/support/allocation_count.h"
#include "tests/support/exact_bytes.h"

namespace messenger::alg {
namespace {

using Outcome = StreamReassembler::Outcome;

std::string drain(StreamReassembler& stream) {
    std::string out;
    for (auto run = stream.next(); !run.empty(); run = stream.next()) out += run;
    return out;
}

/// Pushes out of a block that is freed again, and takes all that is ready before.
struct Pushed {
    Outcome outcome = Outcome::accepted;
    std::string ready;
};

Pushed push(StreamReassembler& stream, std::uint32_t sequence, std::string_view data, const Limits& limits = {}) {
    const test::ExactBytes segment(data);
    Pushed pushed;
    pushed.outcome = stream.push(sequence, segment.text(), limits);
    pushed.ready = drain(stream);
    return pushed;
}

TEST(Stream, HandsOutBytesInOrderInPlaceAndWithoutHeap) {
    StreamReassembler stream(1000);
    const Limits limits;
    const std::string data = "INVITE";
    const std::size_t before = test::allocation_count();
    const auto outcome = stream.push(1000, data, limits);
    const auto run = stream.next();
    const bool more = !stream.next().empty();
    const std::size_t after = test::allocation_count();
    EXPECT_EQ(outcome, Outcome::accepted);
    EXPECT_EQ(run.data(), data.data());
    EXPECT_EQ(run.size(), data.size());
    EXPECT_FALSE(more);
    EXPECT_EQ(after, before);
    EXPECT_EQ(stream.expected_sequence(), 1006U);
    EXPECT_EQ(stream.buffered(), 0U);
}

TEST(Stream, HoldsEarlyBytesUntilTheGapIsFilled) {
    StreamReassembler stream(0);
    EXPECT_EQ(push(stream, 6, "ghi").ready, "");
    EXPECT_EQ(push(stream, 3, "def").ready, "");
    EXPECT_EQ(stream.buffered(), 6U);
    EXPECT_EQ(stream.expected_sequence(), 0U);
    EXPECT_EQ(push(stream, 0, "abc").ready, "abcdefghi");
    EXPECT_EQ(stream.expected_sequence(), 9U);
}

TEST(Stream, KeepsEveryRunOfOnePushAliveUntilTheNextPush) {
    StreamReassembler stream(0);
    const Limits limits;
    EXPECT_EQ(push(stream, 6, "fg").ready, "");
    EXPECT_EQ(push(stream, 3, "cd").ready, "");
    const test::ExactBytes first("abccde");
    ASSERT_EQ(stream.push(0, first.text(), limits), Outcome::accepted);
    std::vector<std::string_view> runs;
    for (auto run = stream.next(); !run.empty(); run = stream.next()) runs.push_back(run);
    std::string joined;
    for (const auto run : runs) joined += run;
    EXPECT_EQ(joined, "abccdefg");
    EXPECT_EQ(runs.size(), 2U);
    EXPECT_EQ(stream.buffered(), 4U);
    stream.release();
    EXPECT_EQ(stream.buffered(), 0U);
    stream.release();
    EXPECT_EQ(stream.buffered(), 0U);
}

TEST(Stream, CutsRetransmissionsToWhatIsNew) {
    StreamReassembler stream(100);
    EXPECT_EQ(push(stream, 100, "abcd").ready, "abcd");
    EXPECT_EQ(push(stream, 100, "abcd").ready, "");
    EXPECT_EQ(push(stream, 98, "??ab").ready, "");
    EXPECT_EQ(push(stream, 102, "cdef").ready, "ef");
    EXPECT_EQ(stream.expected_sequence(), 106U);
}

TEST(Stream, IgnoresWhatIsFarInThePastOrBeyondEveryWindow) {
    StreamReassembler stream(0x10);
    for (const std::uint32_t sequence : {0x80000010U, 0x80000011U, 0xfffffff0U, 0x40000011U, 0x7fffffffU}) {
        const auto pushed = push(stream, sequence, "xxxx");
        EXPECT_EQ(pushed.outcome, Outcome::accepted) << sequence;
        EXPECT_EQ(pushed.ready, "") << sequence;
        EXPECT_EQ(stream.buffered(), 0U) << sequence;
    }
    EXPECT_EQ(push(stream, 0x40000010U, "held").outcome, Outcome::accepted);
    EXPECT_EQ(stream.buffered(), 4U);
}

TEST(Stream, CrossesTheWrapOfTheNumbers) {
    StreamReassembler stream(0xfffffffeU);
    EXPECT_EQ(push(stream, 1, "def").ready, "");
    EXPECT_EQ(push(stream, 0xffffffffU, "bcd").ready, "");
    EXPECT_EQ(push(stream, 0xfffffffcU, "xxab").ready, "abcdef");
    EXPECT_EQ(stream.expected_sequence(), 4U);
    EXPECT_EQ(push(stream, 0xffffffffU, "zzzzzg").ready, "g");
}

TEST(Stream, IgnoresEmptySegments) {
    StreamReassembler stream(7);
    for (const std::uint32_t sequence : {6U, 7U, 8U, 0x80000000U}) {
        EXPECT_EQ(push(stream, sequence, "").outcome, Outcome::accepted);
    }
    EXPECT_EQ(stream.buffered(), 0U);
    EXPECT_EQ(stream.expected_sequence(), 7U);
}

TEST(Stream, SeesOneByteOfDisagreementWhereverItLies) {
    const std::string truth = "abcdefgh";
    for (std::size_t wrong = 2; wrong < 6; ++wrong) {
        for (const std::uint32_t begin : {0U, 1U, 2U}) {
            StreamReassembler stream(0);
            ASSERT_EQ(push(stream, 2, "cdef").outcome, Outcome::accepted);
            std::string other = truth;
            other[wrong] = '!';
            const auto pushed = push(stream, begin, std::string_view(other).substr(begin));
            EXPECT_EQ(pushed.outcome, Outcome::conflict) << wrong << ' ' << begin;
            EXPECT_EQ(pushed.ready, "") << wrong << ' ' << begin;
        }
    }
}

TEST(Stream, DoesNotLookAtBytesThatWereHandedOut) {
    StreamReassembler stream(0);
    EXPECT_EQ(push(stream, 0, "abc").ready, "abc");
    const auto pushed = push(stream, 0, "xyzd");
    EXPECT_EQ(pushed.outcome, Outcome::accepted);
    EXPECT_EQ(pushed.ready, "d");
}

TEST(Stream, OverflowsOnTheFirstEarlyByteTooMany) {
    Limits limits;
    limits.pending_bytes = 8;
    StreamReassembler stream(0);
    EXPECT_EQ(push(stream, 10, "12345678", limits).outcome, Outcome::accepted);
    EXPECT_EQ(push(stream, 10, "12345678", limits).outcome, Outcome::accepted);
    EXPECT_EQ(push(stream, 10, "123456789", limits).outcome, Outcome::overflow);
    EXPECT_EQ(push(stream, 5, "1", limits).outcome, Outcome::overflow);
    EXPECT_EQ(stream.buffered(), 8U);
    limits.pending_bytes = 4;  // a smaller limit than what is held already
    EXPECT_EQ(push(stream, 30, "1", limits).outcome, Outcome::overflow);
}

TEST(Stream, HoldsAsManySmallSegmentsAsTheirBytesAllow) {
    // One byte each, behind one that is lost: in order, backwards, and every other one first.
    const std::string truth(1000, 'y');
    for (const auto& order : {+[](std::uint32_t i) { return i; }, +[](std::uint32_t i) { return 998 - i; },
                              +[](std::uint32_t i) { return i < 500 ? 2 * i : 2 * (i - 500) + 1; }}) {
        Limits limits;
        limits.pending_bytes = truth.size();
        limits.pending_segments = 500;
        StreamReassembler stream(0);
        for (std::uint32_t i = 0; i < 999; ++i) {
            EXPECT_EQ(push(stream, 1 + order(i), "y", limits).outcome, Outcome::accepted) << i;
        }
        EXPECT_EQ(stream.buffered(), 999U);
        EXPECT_EQ(push(stream, 0, "y", limits).ready, truth);
        limits.pending_segments = 1;
        StreamReassembler whole(0);
        for (std::uint32_t i = 1; i < 500; ++i) {
            EXPECT_EQ(push(whole, i, "yy", limits).outcome, Outcome::accepted) << "no gap but the first";
        }
        EXPECT_EQ(push(whole, 0, "y", limits).ready.size(), 501U);
    }
}

TEST(Stream, OverflowsOnTheFirstEarlyRunTooMany) {
    Limits limits;
    limits.pending_segments = 3;
    StreamReassembler stream(0);
    for (const std::uint32_t sequence : {2U, 4U, 6U}) {
        EXPECT_EQ(push(stream, sequence, "x", limits).outcome, Outcome::accepted);
    }
    EXPECT_EQ(push(stream, 8, "x", limits).outcome, Outcome::overflow);
    // Bytes in order need no room, whatever is held.
    EXPECT_EQ(push(stream, 0, "aax", limits).ready, "aax");
}

TEST(Stream, StaysSafeAfterConflictAndOverflow) {
    Limits limits;
    limits.pending_bytes = 4;
    StreamReassembler stream(0);
    EXPECT_EQ(push(stream, 2, "cdef", limits).outcome, Outcome::accepted);
    EXPECT_EQ(push(stream, 2, "CDEF", limits).outcome, Outcome::conflict);
    EXPECT_EQ(push(stream, 1, "bcdefg", limits).outcome, Outcome::overflow);
    EXPECT_EQ(push(stream, 0, "ab", limits).ready, "abcdef");
    EXPECT_EQ(push(stream, 6, "gh", limits).ready, "gh");
}

/// What the reassembler promises, written without any thought of speed: a map from position to byte.
class Model {
   public:
    Outcome push(std::size_t begin, std::string_view data, std::size_t pending_bytes) {
        std::map<std::size_t, char> fresh;
        for (std::size_t i = 0; i < data.size(); ++i) {
            const std::size_t at = begin + i;
            if (at < next_) continue;
            const auto held = held_.find(at);
            if (held == held_.end()) {
                fresh[at] = data[i];
            } else if (held->second != data[i]) {
                return Outcome::conflict;
            }
        }
        if (begin > next_ && held_.size() + fresh.size() > pending_bytes) return Outcome::overflow;
        held_.merge(fresh);
        return Outcome::accepted;
    }

    std::string drain() {
        std::string out;
        for (auto at = held_.find(next_); at != held_.end(); at = held_.find(next_)) {
            out += at->second;
            held_.erase(at);
            ++next_;
        }
        return out;
    }

    [[nodiscard]] std::size_t held() const { return held_.size(); }
    [[nodiscard]] std::size_t next() const { return next_; }

   private:
    std::size_t next_ = 0;
    std::map<std::size_t, char> held_;
};

class Random {
   public:
    explicit Random(unsigned seed) : engine_(seed) {}
    std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(engine_); }

   private:
    std::mt19937 engine_;
};

struct Story {
    std::size_t size;           ///< of the stream
    std::size_t longest;        ///< segment
    std::size_t pending_bytes;  ///< limit
    std::size_t lie_one_in;     ///< segments with one wrong byte; 0 is never
};

/// Sends random pieces, some near the awaited byte and some anywhere, and compares every outcome with the model.
/// False when the stream was given up before its end.
bool tell(const Story& story, unsigned seed) {
    Random random(seed);
    std::string truth;
    for (std::size_t i = 0; i < story.size; ++i) truth += static_cast<char>('a' + random.below(4));
    Limits limits;
    limits.pending_bytes = story.pending_bytes;
    limits.pending_segments = story.size;
    const auto first = static_cast<std::uint32_t>(0U - random.below(2 * story.size));  // most streams cross the wrap
    StreamReassembler stream(first);
    Model model;
    while (model.next() < story.size) {
        std::size_t begin = random.below(story.size);
        if (random.below(3) == 0) begin = model.next() - std::min(model.next(), random.below(story.longest));
        std::string data = truth.substr(begin, random.below(story.longest + 1));
        if (story.lie_one_in > 0 && !data.empty() && random.below(story.lie_one_in) == 0) {
            data[random.below(data.size())] = '!';
        }
        const auto expected = model.push(begin, data, story.pending_bytes);
        const auto pushed = push(stream, first + static_cast<std::uint32_t>(begin), data, limits);
        EXPECT_EQ(pushed.outcome, expected);
        if (pushed.outcome != Outcome::accepted) return false;
        EXPECT_EQ(pushed.ready, model.drain());
        EXPECT_EQ(stream.expected_sequence(), first + static_cast<std::uint32_t>(model.next()));
        stream.release();
        EXPECT_EQ(stream.buffered(), model.held());
        if (testing::Test::HasFailure()) return false;
    }
    return true;
}

TEST(Stream, GivesTheSameBytesHoweverTheyArrive) {
    for (unsigned seed = 0; seed < 300; ++seed) {
        SCOPED_TRACE(seed);
        ASSERT_TRUE(tell({200, 1 + seed % 60, 200, 0}, seed));
    }
}

TEST(Stream, SeesLiesAndLimitsAsTheModelDoes) {
    std::size_t given_up = 0;
    for (unsigned seed = 0; seed < 300; ++seed) {
        SCOPED_TRACE(seed);
        if (!tell({120, 30, 40 + seed % 80, 10}, seed)) ++given_up;
        ASSERT_FALSE(testing::Test::HasFailure());
    }
    EXPECT_GT(given_up, 100U);
}

TEST(Stream, GivesTheSameBytesWhereverItIsCut) {
    const std::string truth = "MESSAGE sip:bob@example.com SIP/2.0";
    for (std::size_t cut = 0; cut <= truth.size(); ++cut) {
        for (const bool swapped : {false, true}) {
            StreamReassembler stream(5);
            const auto tail = 5 + static_cast<std::uint32_t>(cut);
            std::string got;
            if (swapped) got += push(stream, tail, truth.substr(cut)).ready;
            got += push(stream, 5, truth.substr(0, cut)).ready;
            if (!swapped) got += push(stream, tail, truth.substr(cut)).ready;
            EXPECT_EQ(got, truth) << cut;
        }
    }
}

}  // namespace
}  // namespace messenger::alg
