// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/planner.h"

#include <gmock/gmock.h>

#include <string>

#include "tests/support/packet_builder.h"

namespace messenger::alg {
namespace {

using testing::address;

TimePoint at(int seconds) {
    return TimePoint{} + std::chrono::seconds(seconds);
}

Description describe(const char* host, std::uint16_t port, const char* delivered_by) {
    Stream stream;
    stream.kind = MediaKind::audio;
    stream.address = address(host);
    stream.rtcp_address = stream.address;
    stream.port = port;
    stream.permitted = true;
    Description description;
    description.streams.push_back(stream);
    description.delivered_by = address(delivered_by);
    return description;
}

struct Plans {
    Policy policy;
    Limits limits;
    CallTable calls{limits, HashKey{1, 2}};
    PinholeTable pinholes{limits, HashKey{1, 2}};
    BindingTable bindings{policy, limits, HashKey{1, 2}};
    Planner planner{policy, limits, calls, pinholes, bindings};
    Plan plan;

    Call& call(std::uint64_t key = 7) {
        if (Call* known = calls.find(key)) return *known;
        Call& made = *calls.add(key, "c", address("10.1.2.3"), std::nullopt, at(0));
        made.dialogs.emplace_back();
        return made;
    }
    OfferAnswer& negotiation(Call& of) { return of.dialogs[0].agent(address("10.1.2.3"), Party::caller)->negotiation; }
    void agree(Call& of, const Description& remote) {
        const OfferId id{Party::caller, Method::invite, 1};
        negotiation(of).on_offer(id, true, describe("10.1.2.3", 5350, "10.1.2.3"));
        negotiation(of).on_answer(id, false, remote, true);
    }
    void apply(Call& of, CloseReason reason = CloseReason::replaced, int seconds = 0) {
        plan.clear();
        planner.apply(of, reason, at(seconds), {}, plan);
    }
    [[nodiscard]] std::size_t count(PinholeChange::Kind kind) const {
        return static_cast<std::size_t>(std::count_if(plan.changes.begin(), plan.changes.end(),
                                                      [kind](const PinholeChange& one) { return one.kind == kind; }));
    }
};

const char* const kPeer = "203.0.113.30";
const char* const kServer = "198.51.100.20";

TEST(Planner, OpensWhatIsAgreedAndSeedsIt) {
    Plans p;
    p.agree(p.call(), describe(kPeer, 56000, kServer));
    p.apply(p.call());
    EXPECT_EQ(p.count(PinholeChange::Kind::add), 2U);
    ASSERT_EQ(p.plan.seeds.size(), 2U);
    EXPECT_EQ(p.plan.seeds[0].remote, testing::endpoint(kPeer, 56000));
    EXPECT_EQ(p.plan.seeds[1].remote, testing::endpoint(kPeer, 56001));
    EXPECT_EQ(p.plan.seeds[1].inside, testing::endpoint("10.1.2.3", 5351));
    p.apply(p.call());
    EXPECT_TRUE(p.plan.changes.empty() && p.plan.seeds.empty() && p.plan.events.empty()) << "nothing new";
}

TEST(Planner, ClosesWhatNobodyNeedsAnyMore) {
    Plans p;
    p.agree(p.call(), describe(kPeer, 56000, kServer));
    p.apply(p.call());
    p.call().dialogs[0].state = Dialog::State::ended;
    p.apply(p.call(), CloseReason::bye);
    EXPECT_EQ(p.count(PinholeChange::Kind::remove), 2U);
    EXPECT_EQ(p.pinholes.size(), 0U);
    EXPECT_TRUE(p.call().open.empty());
}

TEST(Planner, OpensToAnyRemoteWhenThePeerDoesNotKnowItsAddress) {
    struct Row {
        const char* in_sdp;
        const char* signalling;
        bool any;
    };
    for (const Row& row : {Row{"192.168.1.5", kServer, true}, Row{"192.168.1.5", "192.168.1.1", false},
                           Row{kPeer, kServer, false}, Row{"10.1.2.3", kServer, true}}) {
        Plans p;
        p.agree(p.call(), describe(row.in_sdp, 4000, row.signalling));
        p.apply(p.call());
        ASSERT_EQ(p.plan.changes.size(), 2U);
        EXPECT_EQ(p.plan.changes[0].key.any_remote, row.any) << row.in_sdp;
        EXPECT_EQ(p.plan.seeds.empty(), row.any);
    }
}

TEST(Planner, PinsToAnInsideHostOnlyIfItTakesPartAtTheOtherEnd) {
    for (const Party acts_for : {Party::caller, Party::callee}) {
        for (const char* const host : {"10.1.2.3", "10.1.2.9"}) {
            Plans p;
            p.agree(p.call(), describe(host, 4000, kServer));
            (void)p.call().dialogs[0].agent(address(host), acts_for);
            p.apply(p.call());
            ASSERT_EQ(p.plan.changes.size(), 2U);
            EXPECT_EQ(p.plan.changes[0].key.any_remote, acts_for == Party::caller) << host;
        }
    }
}

TEST(Planner, WithdrawsWithoutOpening) {
    Plans p;
    p.agree(p.call(), describe(kPeer, 56000, kServer));
    p.planner.withdraw(p.call(), CloseReason::expired, at(0), p.plan);
    EXPECT_TRUE(p.plan.changes.empty());
}

TEST(Planner, ForgetsAnExpiredPinholeOnceForAllItsCalls) {
    Plans p;
    for (const std::uint64_t key : {7U, 8U}) {
        p.agree(p.call(key), describe(kPeer, 56000, kServer));
        p.apply(p.call(key));
    }
    EXPECT_EQ(p.count(PinholeChange::Kind::add), 0U) << "the second call shares them";
    p.plan.clear();
    const PinholeKey key = p.call().open[0].key;
    p.planner.expired(key, p.plan);
    EXPECT_EQ(p.count(PinholeChange::Kind::forget), 1U);
    EXPECT_EQ(p.plan.events.size(), 2U);
    EXPECT_EQ(p.call(7).open.size(), 1U);
    EXPECT_EQ(p.call(8).open.size(), 1U);
}

TEST(Planner, RefusesAboveTheLimitAndSaysSo) {
    Plans p;
    p.limits.pinholes = 1;
    p.agree(p.call(), describe(kPeer, 56000, kServer));
    p.apply(p.call());
    EXPECT_EQ(p.count(PinholeChange::Kind::add), 1U);
    EXPECT_EQ(std::get<RefuseEvent>(p.plan.events.back()).reason, RefuseReason::too_many_pinholes);
}

TEST(Planner, TellsTheKernelOfAHold) {
    Plans p;
    p.agree(p.call(), describe(kPeer, 56000, kServer));
    p.apply(p.call());
    Description held = describe("10.1.2.3", 5350, "10.1.2.3");
    held.streams[0].direction = MediaDirection::sendonly;
    const OfferId id{Party::caller, Method::invite, 2};
    p.negotiation(p.call()).on_offer(id, true, held);
    p.apply(p.call());
    EXPECT_TRUE(p.plan.changes.empty()) << "not before the answer";
    p.negotiation(p.call()).on_answer(id, false, describe(kPeer, 56000, kServer), true);
    p.apply(p.call());
    EXPECT_EQ(p.count(PinholeChange::Kind::refresh), 2U);
    EXPECT_EQ(p.plan.changes[0].timeout, p.limits.hold);
}

TEST(Planner, SeedsAnewWhenOnlyTheRemotePortMoves) {
    Plans p;
    p.agree(p.call(), describe(kPeer, 56000, kServer));
    p.apply(p.call());
    const OfferId id{Party::callee, Method::invite, 1};
    p.negotiation(p.call()).on_offer(id, false, describe(kPeer, 57000, kServer));
    p.negotiation(p.call()).on_answer(id, true, describe("10.1.2.3", 5350, "10.1.2.3"), true);
    p.apply(p.call());
    EXPECT_TRUE(p.plan.changes.empty());
    ASSERT_EQ(p.plan.seeds.size(), 2U);
    EXPECT_EQ(p.plan.seeds[0].remote.port, 57000);
}

TEST(Planner, SaysWithTheRemovalWhichFlowWasSeeded) {
    Plans p;
    p.agree(p.call(), describe(kPeer, 56000, kServer));
    p.apply(p.call());
    p.call().dialogs[0].state = Dialog::State::ended;
    p.apply(p.call(), CloseReason::bye);
    ASSERT_EQ(p.plan.changes.size(), 2U);
    for (const PinholeChange& change : p.plan.changes) {
        EXPECT_EQ(change.kind, PinholeChange::Kind::remove);
        EXPECT_EQ(change.remote_port, change.key.inside.port == 5350 ? 56000 : 56001);
    }
}

// As for two messages in one segment: seeds come after the changes, and would outlive what they were for.
TEST(Planner, SeedsNothingForWhatClosesInTheSamePlan) {
    Plans p;
    p.agree(p.call(), describe(kPeer, 56000, kServer));
    p.plan.clear();
    p.planner.apply(p.call(), CloseReason::replaced, at(0), {}, p.plan);
    p.call().dialogs[0].state = Dialog::State::ended;
    p.planner.apply(p.call(), CloseReason::bye, at(0), {}, p.plan);
    EXPECT_EQ(p.count(PinholeChange::Kind::add), 2U);
    EXPECT_EQ(p.count(PinholeChange::Kind::remove), 2U);
    EXPECT_TRUE(p.plan.seeds.empty());
}

/// As many streams as there are, in one slot, as the parts of a multipart body make them.
Description many(const std::string& network, int count, std::uint16_t port, const char* delivered_by) {
    Description description;
    description.delivered_by = address(delivered_by);
    for (int i = 0; i < count; ++i) {
        const std::string host = network + (network.back() == '.' ? std::to_string(i + 1) : "");
        Stream stream = describe(host.c_str(), port, delivered_by).streams[0];
        stream.port = static_cast<std::uint16_t>(port + 16 * i);
        stream.port_count = 4;
        description.streams.push_back(stream);
    }
    return description;
}

// 64 streams with four port pairs each, answered in 15 branches with 64 streams each.
TEST(Planner, CostsTheSameHoweverMuchWasSent) {
    for (const char* const remote : {"203.0.113.30", "203.0.113.", "192.168.77."}) {
        Plans p;
        Call& call = p.call();
        call.dialogs.resize(15);
        for (Dialog& dialog : call.dialogs) {
            OfferAnswer& negotiation = dialog.agent(address("10.1.2.3"), Party::caller)->negotiation;
            const OfferId id{Party::caller, Method::invite, 1};
            negotiation.on_offer(id, true, many("10.1.2.3", 64, 20000, "10.1.2.3"));
            negotiation.on_answer(id, false, many(remote, 64, 30000, kServer), true);
        }
        p.apply(call);
        EXPECT_LE(p.planner.steps_taken(), 4096U) << remote;
        EXPECT_GT(call.open.size(), 0U) << remote;
        EXPECT_LE(call.open.size(), p.limits.pinholes_per_call) << remote;
        EXPECT_EQ(std::get<RefuseEvent>(p.plan.events.front()).reason, RefuseReason::too_many_pinholes) << remote;
        const std::size_t open = call.open.size();
        p.apply(call);
        EXPECT_TRUE(p.plan.changes.empty()) << "what is left out does not vary";
        EXPECT_EQ(call.open.size(), open);
    }
}

// ICE with two media, eight candidates of the host and thirteen of the peer at each, in three branches.
TEST(Planner, FindsRoomForAForkedCallWithCandidates) {
    Plans p;
    p.limits.pinholes_per_call = 4096;
    Call& call = p.call();
    call.dialogs.resize(3);
    int branch = 0;
    for (Dialog& dialog : call.dialogs) {
        Description local;
        Description remote;
        for (const std::uint8_t slot : {std::uint8_t{0}, std::uint8_t{1}}) {
            for (int i = 0; i < 8 + 13; ++i) {
                Description& side = i < 8 ? local : remote;
                const std::string peer = "203.0.113." + std::to_string(20 * branch + i);
                Stream stream = describe(i < 8 ? "10.1.2.3" : peer.c_str(), 6000, kServer).streams[0];
                stream.port = static_cast<std::uint16_t>(6000 + 100 * slot + 2 * i);
                stream.slot = slot;
                stream.candidate = true;
                side.streams.push_back(stream);
            }
        }
        ++branch;
        OfferAnswer& negotiation = dialog.agent(address("10.1.2.3"), Party::caller)->negotiation;
        const OfferId id{Party::caller, Method::invite, 1};
        negotiation.on_offer(id, true, local);
        negotiation.on_answer(id, false, remote, true);
    }
    p.apply(call);
    EXPECT_EQ(call.open.size(), 3U * 2 * 8 * 13);
    EXPECT_LE(p.planner.steps_taken(), 4096U) << "as many as there are with the default limit";
}

// A call that has filled its room opens what it has room for, and says that it is not all.
TEST(Planner, OpensWhatFitsOfACallThatAnnouncesTooMuch) {
    Plans p;
    Call& call = p.call();
    call.dialogs.resize(15);
    std::uint16_t branch = 0;
    for (Dialog& dialog : call.dialogs) {
        OfferAnswer& negotiation = dialog.agent(address("10.1.2.3"), Party::caller)->negotiation;
        const OfferId id{Party::caller, Method::invite, 1};
        Description local = describe("10.1.2.3", 20000, "10.1.2.3");
        const Stream one = local.streams[0];
        while (local.streams.size() < 40) local.streams.push_back(one);  // of one line, say the parts of a body
        const auto port = static_cast<std::uint16_t>(30000 + 2 * branch);
        negotiation.on_offer(id, true, local);
        negotiation.on_answer(id, false, describe(("203.0.113." + std::to_string(++branch)).c_str(), port, kServer),
                              true);
    }
    p.apply(call);
    // 15 branches with 41 streams each: of each, 34 or 35 are kept, and the answer is among them.
    EXPECT_EQ(call.open.size(), 15U * 2);
    EXPECT_EQ(std::get<RefuseEvent>(p.plan.events.front()).reason, RefuseReason::too_many_pinholes);
    EXPECT_FALSE(call.keep_streams(511)) << "512 are kept";
    p.apply(call);
    EXPECT_TRUE(p.plan.changes.empty() && p.plan.events.empty()) << "it has been said";
    p.limits.pinholes_per_call = 4096;
    Call& larger = p.call(8);
    OfferAnswer& negotiation = p.negotiation(larger);
    negotiation.on_offer({Party::caller, Method::invite, 1}, true, many("10.1.2.3", 600, 20000, "10.1.2.3"));
    p.apply(larger);
    EXPECT_TRUE(larger.keep_streams(600) && !larger.keep_streams(599)) << "more where more pinholes are allowed";
}

}  // namespace
}  // namespace messenger::alg
