// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/pinhole_table.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/support/packet_builder.h"

namespace messenger::alg {
namespace {

using testing::address;
using testing::endpoint;
using Acquired = PinholeTable::Acquired;

constexpr Purpose kAudio{MediaKind::audio, PortRole::rtp};

TimePoint at(int seconds) {
    return TimePoint{} + std::chrono::seconds(seconds);
}

PinholeKey key(std::uint16_t port, bool any = false) {
    return {Transport::udp, any, endpoint("10.1.2.3", port), any ? IpAddress{} : address("203.0.113.30")};
}

/// Knows of each pinhole what a test says, and of the others that they have died.
class Witness : public PinholeWitness {
   public:
    std::map<PinholeKey, Duration> known;
    std::optional<Duration> remaining(const PinholeKey& asked) override {
        const auto at = known.find(asked);
        if (at == known.end()) return std::nullopt;
        return at->second;
    }
};

struct Table {
    Limits limits;
    PinholeTable table{limits, HashKey{1, 2}};
    std::vector<PinholeKey> expired;

    bool passes(const FlowTuple& tuple, TimePoint now, const TcpFields& tcp = {}) {
        return table.on_packet(tuple, tcp, now) == PinholeTable::Passage::allowed;
    }
    std::vector<Duration> refreshed;

    void expire(TimePoint now, PinholeWitness* witness = nullptr) {
        table.expire(
            now, witness,
            [this](const PinholeKey&, const PinholeTable::Pinhole&, Duration left) { refreshed.push_back(left); },
            [this](const PinholeKey& gone, const PinholeTable::Pinhole& pinhole) {
                expired.push_back(gone);
                const PinholeKey copy = gone;
                const auto calls = pinhole.calls.copy();
                for (const std::uint64_t call : calls) (void)table.release(copy, call);
            });
    }
};

TEST(PinholeTable, SharesOnePinholeBetweenCalls) {
    Table t;
    EXPECT_EQ(t.table.acquire(key(5350), kAudio, false, 1, at(0)), Acquired::added);
    EXPECT_EQ(t.table.acquire(key(5350), kAudio, false, 2, at(0)), Acquired::shared);
    EXPECT_FALSE(t.table.release(key(5350), 1));
    EXPECT_TRUE(t.table.release(key(5350), 2));
    EXPECT_FALSE(t.table.release(key(5350), 2)) << "gone already";
    EXPECT_EQ(t.table.size(), 0U);
}

TEST(PinholeTable, HoldsItsLimits) {
    Table t;
    t.limits.pinholes = 3;
    t.limits.pinholes_per_host = 2;
    EXPECT_EQ(t.table.acquire(key(5350), kAudio, false, 1, at(0)), Acquired::added);
    EXPECT_EQ(t.table.acquire(key(5352), kAudio, false, 1, at(0)), Acquired::added);
    EXPECT_EQ(t.table.acquire(key(5354), kAudio, false, 1, at(0)), Acquired::full) << "this host's share";
    PinholeKey other = key(5350);
    other.inside.address = address("10.1.2.4");
    EXPECT_EQ(t.table.acquire(other, kAudio, false, 2, at(0)), Acquired::added);
    other.inside.port = 5352;
    EXPECT_EQ(t.table.acquire(other, kAudio, false, 2, at(0)), Acquired::full) << "the table";
    EXPECT_TRUE(t.table.release(key(5350), 1));
    EXPECT_EQ(t.table.acquire(other, kAudio, false, 2, at(0)), Acquired::added);
}

TEST(PinholeTable, LosesAPinholeThatNobodyUses) {
    Table t;
    (void)t.table.acquire(key(5350), kAudio, false, 1, at(0));
    t.expire(at(59));
    EXPECT_TRUE(t.expired.empty());
    t.expire(at(60));
    EXPECT_EQ(t.expired, std::vector{key(5350)});
}

TEST(PinholeTable, LivesOnPacketsOfBothDirections) {
    Table t;
    (void)t.table.acquire(key(5350), kAudio, false, 1, at(0));
    const FlowTuple in{endpoint("203.0.113.30", 1), endpoint("10.1.2.3", 5350), Transport::udp};
    EXPECT_TRUE(t.passes(in, at(50)));
    EXPECT_TRUE(t.passes(in.reversed(), at(150)));
    t.expire(at(269));
    EXPECT_TRUE(t.expired.empty());
    t.expire(at(270));
    EXPECT_EQ(t.expired.size(), 1U);
}

TEST(PinholeTable, AdmitsNobodyElse) {
    Table t;
    (void)t.table.acquire(key(5350), kAudio, false, 1, at(0));
    FlowTuple in{endpoint("203.0.113.31", 1), endpoint("10.1.2.3", 5350), Transport::udp};
    EXPECT_FALSE(t.passes(in, at(1)));
    in.source.address = address("203.0.113.30");
    in.transport = Transport::tcp;
    EXPECT_FALSE(t.passes(in, at(1)));
    (void)t.table.acquire(key(5352, true), kAudio, false, 1, at(0));
    EXPECT_TRUE(t.passes({endpoint("192.0.2.77", 1), endpoint("10.1.2.3", 5352), Transport::udp}, at(1)));
}

TEST(PinholeTable, AFileTransferCarriesOneConnectionAndEndsWithIt) {
    Table t;
    PinholeKey file = key(6891);
    file.transport = Transport::tcp;
    const Purpose purpose{MediaKind::application, PortRole::file};
    (void)t.table.acquire(file, purpose, false, 1, at(0));
    const FlowTuple in{{file.remote, 40000}, file.inside, Transport::tcp};
    const FlowTuple other{{file.remote, 40001}, file.inside, Transport::tcp};
    const TcpFields syn{.syn = true};
    EXPECT_TRUE(t.passes(in, at(1), syn));
    EXPECT_EQ(t.table.on_first_packet(other, syn, at(2)), PinholeTable::Passage::refused);
    EXPECT_TRUE(t.passes(in, at(3), {.ack = true, .fin = true}));
    EXPECT_TRUE(t.passes(in.reversed(), at(4), {.ack = true, .fin = true}));
    EXPECT_TRUE(t.passes(in, at(5), {.ack = true})) << "the last acknowledgement";
    t.expire(at(13));
    EXPECT_TRUE(t.expired.empty());
    t.expire(at(20));
    EXPECT_EQ(t.expired.size(), 1U);
}

TEST(PinholeTable, APortAnnouncedAgainCarriesOneMore) {
    Table t;
    PinholeKey file = key(6891);
    file.transport = Transport::tcp;
    const Purpose purpose{MediaKind::application, PortRole::file};
    (void)t.table.acquire(file, purpose, false, 1, at(0));
    const FlowTuple in{{file.remote, 40000}, file.inside, Transport::tcp};
    const FlowTuple second{{file.remote, 40001}, file.inside, Transport::tcp};
    EXPECT_TRUE(t.passes(in, at(1), {.syn = true}));
    EXPECT_TRUE(t.passes(in, at(2), {.rst = true}));
    t.table.grant_connection(file);
    EXPECT_TRUE(t.passes(second, at(3), {.syn = true}));
    t.expire(at(1000));
    EXPECT_TRUE(t.expired.empty()) << "it runs";
}

TEST(PinholeTable, WhatIsKeptUntilAMomentNeitherEndsBeforeNorCountsConnections) {
    Table t;
    PinholeKey file = key(6891);
    file.transport = Transport::tcp;
    (void)t.table.acquire(file, {MediaKind::application, PortRole::file}, false, 1, at(0));
    t.table.keep_until(file, at(10'000), at(0));
    for (std::uint16_t port = 40000; port < 40010; ++port) {
        const FlowTuple in{{file.remote, port}, file.inside, Transport::tcp};
        EXPECT_TRUE(t.passes(in, at(1), {.syn = true}));
        EXPECT_TRUE(t.passes(in, at(2), {.rst = true}));
    }
    t.expire(at(9'999));
    EXPECT_TRUE(t.expired.empty());
    t.expire(at(10'000));
    EXPECT_EQ(t.expired.size(), 1U);
}

TEST(PinholeTable, BelievesTheWitness) {
    Table t;
    Witness witness;
    (void)t.table.acquire(key(5350), kAudio, false, 1, at(0));
    witness.known[key(5350)] = std::chrono::seconds(100);
    t.expire(at(60), &witness);
    EXPECT_TRUE(t.expired.empty());
    EXPECT_EQ(t.table.next_deadline(), at(160));
    witness.known.clear();
    t.expire(at(160), &witness);
    EXPECT_EQ(t.expired.size(), 1U);
}

TEST(PinholeTable, DoesNotSpinOnAPinholeThatIsAboutToDie) {
    Table t;
    Witness witness;
    (void)t.table.acquire(key(5350), kAudio, false, 1, at(0));
    witness.known[key(5350)] = Duration{};
    t.expire(at(60), &witness);
    EXPECT_EQ(t.table.next_deadline(), at(61));
}

TEST(PinholeTable, KeepsAHeldPinholeAliveInTheKernel) {
    Table t;
    Witness witness;
    (void)t.table.acquire(key(5350), kAudio, false, 1, at(0));
    EXPECT_TRUE(t.table.set_hold(key(5350), true, at(10)));
    EXPECT_FALSE(t.table.set_hold(key(5350), true, at(11))) << "held already";
    witness.known[key(5350)] = std::chrono::seconds(50);  // an RTCP packet has made it count from less
    t.expire(at(70), &witness);
    ASSERT_EQ(t.refreshed.size(), 1U);
    EXPECT_EQ(t.refreshed[0], std::chrono::minutes(30) - std::chrono::seconds(60));
    EXPECT_TRUE(t.table.set_hold(key(5350), false, at(80)));
    t.expire(at(140));
    EXPECT_EQ(t.expired.size(), 1U);
}

TEST(PinholeTable, EndsAHoldThatIsTooLong) {
    Table t;
    (void)t.table.acquire(key(5350), kAudio, true, 1, at(0));
    t.expire(at(1799));
    EXPECT_TRUE(t.expired.empty());
    t.expire(at(1800));
    EXPECT_EQ(t.expired.size(), 1U);
}

// The queue names a pinhole by its place, which the next one gets.
TEST(PinholeTable, LeavesNoDeadlineToTheNextPinholeInItsPlace) {
    Table t;
    (void)t.table.acquire(key(5350), kAudio, false, 1, at(0));
    const TimePoint first = *t.table.next_deadline();
    EXPECT_TRUE(t.table.release(key(5350), 1));
    (void)t.table.acquire(key(5352), kAudio, true, 1, at(10));
    EXPECT_EQ(t.table.all().begin().id(), 0U);
    while (t.table.next_deadline() == first) {
        t.table.expire(
            first, nullptr, [](const PinholeKey&, const auto&, Duration) { FAIL(); },
            [](const PinholeKey&, const auto&) { FAIL(); });
    }
    ASSERT_TRUE(t.table.next_deadline());
    EXPECT_TRUE(t.expired.empty());
    EXPECT_TRUE(t.table.release(key(5352), 1));
    t.expire(at(100'000));
    EXPECT_TRUE(t.expired.empty()) << "nobody is left to expire";
    EXPECT_FALSE(t.table.next_deadline());
}

TEST(PinholeTable, TakesOverWhatTheKernelHasWhateverTheLimits) {
    Table t;
    t.limits.pinholes = 0;
    t.table.restore(key(5350), kAudio, 1, std::chrono::seconds(40), at(0));
    t.table.restore(key(5350), kAudio, 2, std::chrono::seconds(40), at(0));
    ASSERT_NE(t.table.find(key(5350)), nullptr);
    EXPECT_EQ(t.table.find(key(5350))->calls.all().size(), 2U);
    EXPECT_EQ(t.table.next_deadline(), at(40));
}

}  // namespace
}  // namespace messenger::alg
