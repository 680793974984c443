// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/pinhole_sync.h"

#include <array>
#include <set>
#include <vector>

#include "daemon/translate.h"
#include "tests/daemon/gateway/pipeline_fixture.h"

namespace messenger::daemon {
namespace {

using PinholeSyncTest = PipelineTest;

TEST_F(PinholeSyncTest, RemovesAPinholeThatAPacketBroughtBackAfterItWasClosed) {
    establish();
    EXPECT_FALSE(run());
    const auto elements = kernel_.elements;
    queue(sip("BYE sip:b@x SIP/2.0", "2 BYE", "b", ""), true);
    EXPECT_FALSE(run());
    ASSERT_TRUE(sync_.closed().has_new());
    kernel_.elements = elements;  // what an update does whose lookup came before the removal
    EXPECT_TRUE(sync_.look_at_closed(engine_));
    EXPECT_EQ(kernel_.count(nft::SetId::pinholes4), 0U);
    EXPECT_TRUE(sync_.closed().has_new()) << "once more, for the packet that comes in between";
    EXPECT_TRUE(sync_.look_at_closed(engine_));
    EXPECT_FALSE(sync_.closed().has_new());
    EXPECT_EQ(sync_.counters().swept, 2U);

    kernel_.elements = elements;  // by a packet that was held up for longer
    EXPECT_TRUE(sync_.look_late_at_closed(engine_));
    EXPECT_EQ(kernel_.count(nft::SetId::pinholes4), 2U) << "not before it has been closed for a while";
    ASSERT_TRUE(sync_.closed().has_looked_at());
    EXPECT_TRUE(sync_.look_late_at_closed(engine_));
    EXPECT_EQ(kernel_.count(nft::SetId::pinholes4), 0U);
    EXPECT_TRUE(sync_.look_at_closed(engine_));
    while (sync_.closed().has_looked_at()) EXPECT_TRUE(sync_.look_late_at_closed(engine_));
    EXPECT_EQ(sync_.counters().swept, 4U);
}

TEST_F(PinholeSyncTest, TakesOverWhatItsPredecessorLeftSoThatAByeStillCloses) {
    establish();
    EXPECT_FALSE(run());
    alg::Engine next(policy(), alg::Limits{}, {3, 4});
    for (const auto& [at, element] : kernel_.elements) {
        const auto pinhole = pinhole_at(at.first, at.second);
        const auto note = parse_comment(element.comment.text());
        ASSERT_TRUE(pinhole && note);
        next.restore(*pinhole, note->purpose, note->label(), element.timeout, alg::TimePoint(std::chrono::seconds(2)));
    }
    EXPECT_EQ(next.pinholes().size(), 2U);
    Pipeline restarted(next, sync_, events_, options_);
    queue(sip("BYE sip:b@x SIP/2.0", "2 BYE", "b", ""), true);
    queued_[0].payload = packets_[0];
    EXPECT_FALSE(restarted.on_batch(queued_, sink_, alg::TimePoint(std::chrono::seconds(3))));
    EXPECT_EQ(kernel_.count(nft::SetId::pinholes4), 0U);
}

/// Turns down every element whose key is among these.
class Refusing final : public nft::RequestCheck::Judge {
   public:
    [[nodiscard]] bool may_add(nft::SetId /*set*/, const nft::Element& element) const override {
        return !refused.contains(element.key);
    }
    [[nodiscard]] bool may_seed(const nft::FlowEntry& /*entry*/) const override { return true; }

    std::set<nft::Key> refused;
};

TEST_F(PinholeSyncTest, AsksForNothingThatTheWardenWouldTurnDown) {
    const nft::Endpoint inside = to_nft(testing::endpoint("10.1.2.3", 7100));
    const nft::Address remote = to_nft(testing::address("203.0.113.9"));
    const nft::Endpoint outside = to_nft(testing::endpoint("192.0.2.1", 3478));
    const nft::Key inside_form = nft::Key::pinhole(remote, nft::Protocol::udp, inside);
    const nft::Key outside_form = nft::Key::pinhole(remote, nft::Protocol::udp, outside);
    const auto open = [&](const nft::Key& refused) {
        Refusing rules;
        rules.refused = {refused};
        PinholeSync sync(kernel_, schema_, conntrack_, {{}, false, {}, {}, {}, true});
        sync.set_rules(rules);
        kernel_.elements.clear();
        alg::Plan plan;
        for (const std::uint16_t port : std::array<std::uint16_t, 2>{3478, 3480}) {  // of one who may have it, too
            alg::CallbackChange change;
            change.transport = alg::Transport::udp;
            change.inside = testing::endpoint("10.1.2.3", static_cast<std::uint16_t>(port + 7100 - 3478));
            change.remote = testing::address("203.0.113.9");
            change.outside = testing::endpoint("192.0.2.1", port);
            change.timeout = std::chrono::minutes(1);
            plan.callbacks.push_back(change);
        }
        sync.stage(plan);
        EXPECT_TRUE(sync.commit());
        EXPECT_EQ(sync.counters().turned_down, 1U);
        EXPECT_EQ(sync.counters().failures, 0U);
    };
    open(outside_form);
    EXPECT_EQ(kernel_.count(nft::SetId::callbacks4), 3U) << "its inside form stays, and both of the other";
    EXPECT_EQ(kernel_.count(nft::SetId::dnat4), 1U);
    EXPECT_EQ(kernel_.count(nft::SetId::sip_endpoints4), 2U);
    open(inside_form);
    EXPECT_EQ(kernel_.count(nft::SetId::callbacks4), 2U);
    EXPECT_EQ(kernel_.count(nft::SetId::dnat4), 1U);
    EXPECT_EQ(kernel_.count(nft::SetId::sip_endpoints4), 1U);
}

TEST_F(PinholeSyncTest, OpensToAHostOnceItIsKnownToHaveSpoken) {
    bool heard = false;
    std::size_t questions = 0;
    KnownHosts hosts(
        [&](std::span<const nft::Place> places) {
            ++questions;
            return std::vector<bool>(places.size(), heard);
        },
        [] {}, {1, 2});
    sync_.set_known_hosts(hosts);
    establish();
    EXPECT_FALSE(run()) << "no failure: the packets go on";
    EXPECT_EQ(kernel_.count(nft::SetId::pinholes4), 0U);
    EXPECT_EQ(sync_.counters().unproven, 2U);
    EXPECT_EQ(sink_.verdicts.size(), 2U);
    const auto now = alg::TimePoint(std::chrono::seconds(1));
    ASSERT_TRUE(sync_.take_over(engine_, now));
    EXPECT_EQ(kernel_.count(nft::SetId::pinholes4), 0U) << "nor by another way";

    heard = true;
    queue(sip("ACK sip:b@x SIP/2.0", "1 ACK", "b", ""), true);
    EXPECT_FALSE(run());
    EXPECT_EQ(kernel_.count(nft::SetId::pinholes4), 2U) << "what had waited";
    const std::size_t asked = questions;
    queue(sip("BYE sip:b@x SIP/2.0", "2 BYE", "b", ""), true);
    EXPECT_FALSE(run());
    EXPECT_EQ(kernel_.count(nft::SetId::pinholes4), 0U);
    EXPECT_EQ(questions, asked) << "a host that is known is not asked for again";
}

TEST_F(PinholeSyncTest, ClosesAlsoForAHostThatIsNotKnownAnyMore) {
    bool heard = true;
    KnownHosts hosts([&](std::span<const nft::Place> places) { return std::vector<bool>(places.size(), heard); }, [] {},
                     {1, 2});
    sync_.set_known_hosts(hosts);
    establish();
    EXPECT_FALSE(run());
    EXPECT_EQ(kernel_.count(nft::SetId::pinholes4), 2U);
    heard = false;
    hosts.forget();
    queue(sip("BYE sip:b@x SIP/2.0", "2 BYE", "b", ""), true);
    EXPECT_FALSE(run());
    EXPECT_EQ(kernel_.count(nft::SetId::pinholes4), 0U);
}

TEST_F(PinholeSyncTest, LooksForWhomSomethingIsOpenToNowAndThenWhenItKnowsTooMany) {
    int forgotten = 0;
    KnownHosts hosts([](std::span<const nft::Place> places) { return std::vector<bool>(places.size(), true); },
                     [&] { ++forgotten; }, {1, 2}, 1);
    sync_.set_known_hosts(hosts);
    establish();
    EXPECT_FALSE(run());
    EXPECT_EQ(forgotten, 0);
    const auto hear = [&](const char* host, int second) {
        sync_.hear(std::array{testing::address(host)}, engine_, alg::TimePoint(std::chrono::seconds(second)));
    };
    hear("10.1.2.4", 2);
    EXPECT_EQ(forgotten, 1);
    EXPECT_TRUE(hosts.knows(testing::address("10.1.2.3"))) << "something is open to it";
    EXPECT_TRUE(hosts.knows(testing::address("10.1.2.4")));
    hear("10.1.2.5", 3);
    EXPECT_EQ(forgotten, 1) << "not for each of them";
    hear("10.1.2.6", 13);
    EXPECT_EQ(forgotten, 2);
    EXPECT_FALSE(hosts.knows(testing::address("10.1.2.5"))) << "nothing is";
}

TEST_F(PinholeSyncTest, LeavesTheNextDaemonWhatTheKernelNeedNotBeAskedFor) {
    establish();
    EXPECT_FALSE(run());
    const auto now = alg::TimePoint(std::chrono::seconds(1));
    EXPECT_FALSE(sync_.leave(engine_, now)) << "with no port of SIP nothing could show that others are done";
    PinholeSync::Options options{{}, false, {}, {}, {5060}};
    PinholeSync leaving(kernel_, schema_, conntrack_, options);
    auto left = leaving.leave(engine_, now);
    ASSERT_TRUE(left);
    EXPECT_EQ(left->sets.at(nft::SetId::pinholes4).size(), 2U);
    EXPECT_TRUE(left->sets.contains(nft::SetId::callbacks4)) << "what is empty is known to be";
    EXPECT_FALSE(left->sets.contains(nft::SetId::received4)) << "the packet path's own";
    ASSERT_TRUE(leaving.take_over(engine_, now)) << "the ports of SIP, which establish() did not need";

    struct Silent final : nft::Ruleset {
        explicit Silent(FakeRuleset& kernel) : kernel(kernel) {}
        [[nodiscard]] nft::Expected<nft::CommitReport> commit(const nft::Transaction& changes) override {
            return kernel.commit(changes);
        }
        [[nodiscard]] nft::Expected<std::vector<nft::StoredElement>> list(nft::SetId set) override {
            ++listed;
            return kernel.list(set);
        }
        [[nodiscard]] nft::Expected<std::optional<nft::StoredElement>> find(nft::SetId set,
                                                                            const nft::Key& key) override {
            return kernel.find(set, key);
        }
        [[nodiscard]] nft::Expected<void> find_each(std::span<const nft::Place> places,
                                                    const OnFound& on_found) override {
            return kernel.find_each(places, on_found);
        }
        FakeRuleset& kernel;
        std::size_t listed = 0;
    };
    Silent silent(kernel_);
    alg::Engine next(policy(), alg::Limits{}, {1, 2});
    PinholeSync taking(silent, schema_, conntrack_, options);
    taking.take(*std::move(left));
    const std::size_t commits = kernel_.commits;
    EXPECT_EQ(taking.restore(next, now)->pinholes, 2U);
    ASSERT_TRUE(taking.take_over(next, now));
    EXPECT_EQ(silent.listed, 0U);
    EXPECT_EQ(kernel_.commits, commits) << "all is as it has to be";
    EXPECT_EQ(next.pinholes().size(), 2U);

    // What the next daemon does not want goes.
    alg::Engine other(policy(), alg::Limits{}, {1, 2});
    PinholeSync again(silent, schema_, conntrack_, options);
    again.take(*leaving.leave(engine_, now));
    ASSERT_TRUE(again.take_over(other, now));
    EXPECT_EQ(kernel_.count(nft::SetId::pinholes4), 0U);
}

TEST_F(PinholeSyncTest, LeavesWordOfWhatWasClosedLast) {
    PinholeSync::Options options{{}, false, {}, {}, {5060}};
    PinholeSync leaving(kernel_, schema_, conntrack_, options);
    Pipeline pipeline(engine_, leaving, events_, options_);
    establish();
    queue(sip("BYE sip:b@x SIP/2.0", "2 BYE", "b", ""), true);
    for (std::size_t i = 0; i < queued_.size(); ++i) queued_[i].payload = packets_[i];
    const auto now = alg::TimePoint(std::chrono::seconds(1));
    EXPECT_FALSE(pipeline.on_batch(queued_, sink_, now));
    auto left = leaving.leave(engine_, now);
    ASSERT_TRUE(left);
    EXPECT_EQ(left->closed.size(), 2U);
    PinholeSync taking(kernel_, schema_, conntrack_, options);
    taking.take(*std::move(left));
    EXPECT_EQ(taking.closed().all().size(), 2U) << "a packet under way may have brought one back";
}

TEST_F(PinholeSyncTest, LeavesNothingThatMayDiffer) {
    PinholeSync::Options options{{}, false, {}, {}, {5060}};
    PinholeSync leaving(kernel_, schema_, conntrack_, options);
    const auto now = alg::TimePoint(std::chrono::seconds(1));
    EXPECT_TRUE(leaving.leave(engine_, now));
    leaving.set_in_doubt(true);
    EXPECT_FALSE(leaving.leave(engine_, now));
    leaving.set_in_doubt(false);
    establish();
    EXPECT_FALSE(run());
    EXPECT_TRUE(leaving.leave(engine_, now));
    alg::Policy stricter = policy();
    stricter.protected_ports = {40000};
    leaving.set_policy(stricter);
    EXPECT_FALSE(leaving.leave(engine_, now)) << "the kernel has a pinhole that would not be opened any more";
    leaving.set_policy(engine_.policy());
    EXPECT_TRUE(leaving.leave(engine_, now));
    leaving.observe();
    EXPECT_FALSE(leaving.leave(engine_, now));
}

TEST_F(PinholeSyncTest, RecallsWhomSomethingIsOpenTo) {
    establish();
    EXPECT_FALSE(run());
    std::vector<nft::Place> asked;
    KnownHosts hosts(
        [&](std::span<const nft::Place> places) {
            asked.assign(places.begin(), places.end());
            return std::vector<bool>(places.size(), true);
        },
        [] {}, {1, 2});
    alg::Engine next(policy(), alg::Limits{}, {1, 2});
    PinholeSync taking_over(kernel_, schema_, conntrack_, {{}, false, {}, {}, {}});
    taking_over.set_known_hosts(hosts);
    ASSERT_TRUE(taking_over.restore(next, alg::TimePoint(std::chrono::seconds(1))));
    ASSERT_EQ(asked.size(), 1U) << "one place for each host";
    EXPECT_EQ(asked[0].set, nft::SetId::pinholes4);
    EXPECT_TRUE(kernel_.elements.contains({asked[0].set, asked[0].key})) << "that the kernel can find";
    EXPECT_TRUE(hosts.knows(testing::address("10.1.2.3")));
}

TEST_F(PinholeSyncTest, FindsAPinholeThatAListingLeavesOutByItsOutsideForm) {
    const auto now = alg::TimePoint(std::chrono::seconds(1));
    PinholeSync::Options options{{}, false, {}, {}, {}};
    options.nat = true;
    options.longest_call = std::chrono::hours(12);
    alg::Plan plan;
    for (const bool any : {false, true}) {
        alg::PinholeChange opened;
        opened.key = {alg::Transport::udp, any, testing::endpoint("10.1.2.3", any ? 40002 : 40000),
                      any ? alg::IpAddress{} : testing::address("203.0.113.9")};
        opened.purpose = {alg::MediaKind::audio, alg::PortRole::rtp};
        opened.timeout = std::chrono::seconds(60);
        opened.label = {7, any ? 9U : 8U, "c1"};
        opened.outside = testing::endpoint("203.0.113.1", any ? 50002 : 50000);
        plan.changes.push_back(opened);
    }
    PinholeSync before(kernel_, schema_, conntrack_, options);
    before.stage(plan);
    ASSERT_TRUE(before.commit());
    ASSERT_EQ(kernel_.elements.size(), 6U);
    for (const alg::PinholeChange& change : plan.changes) {
        const auto place = place_of(change.key);
        ASSERT_TRUE(place);
        kernel_.unlisted.insert({place->set, place->key});
    }
    alg::Engine next(policy(), alg::Limits{}, {1, 2});
    PinholeSync after(kernel_, schema_, conntrack_, options);
    EXPECT_EQ(after.restore(next, now)->pinholes, 2U);
    EXPECT_EQ(next.pinholes().size(), 2U);

    for (const auto& [set, key] : kernel_.unlisted) kernel_.drop(set, key);
    alg::Engine other(policy(), alg::Limits{}, {1, 2});
    PinholeSync later(kernel_, schema_, conntrack_, options);
    EXPECT_EQ(later.restore(other, now)->pinholes, 0U) << "what is not there is not believed";
}

TEST_F(PinholeSyncTest, WhatWasSeededForAClosedPinholeIsNotAdmittedAnyMore) {
    const alg::FlowTuple flow{testing::endpoint("203.0.113.9", 40000), testing::endpoint("10.1.2.3", 40000),
                              alg::Transport::udp};
    const alg::Endpoint outside = testing::endpoint("203.0.113.1", 50000);
    alg::FlowTuple translated = flow;
    translated.destination = outside;
    const alg::FlowTuple another{testing::endpoint("203.0.113.9", 40002), flow.destination, flow.transport};
    const auto admit = [&](const alg::FlowTuple& tuple) {
        nft::Transaction admitted;
        admitted.add(nft::SetId::admitted4, {nft::Key::tuple(to_nft(tuple)), std::chrono::seconds(20), {}, {}});
        ASSERT_TRUE(kernel_.commit(admitted));
    };
    alg::PinholeChange closed;
    closed.kind = alg::PinholeChange::Kind::remove;
    closed.key = {flow.transport, false, flow.destination, flow.source.address};
    for (const bool nat : {false, true}) {
        for (const bool admits : {true, false}) {
            PinholeSync sync(kernel_, schema_, conntrack_, {{}, admits, {}, {}, {}});
            kernel_.elements.clear();
            for (const alg::FlowTuple& tuple : {nat ? translated : flow, flow.reversed(), another}) admit(tuple);
            alg::Plan plan;
            closed.outside = nat ? std::optional(outside) : std::nullopt;
            closed.remote_port = 0;
            plan.changes = {closed};
            sync.stage(plan);
            ASSERT_TRUE(sync.commit());
            EXPECT_EQ(kernel_.count(nft::SetId::admitted4), 3U) << "of a flow that nobody has named";
            plan.changes[0].remote_port = flow.source.port;
            sync.stage(plan);
            ASSERT_TRUE(sync.commit());
            EXPECT_EQ(kernel_.count(nft::SetId::admitted4), admits ? 1U : 3U);
            EXPECT_TRUE(kernel_.elements.contains({nft::SetId::admitted4, nft::Key::tuple(to_nft(another))}));
        }
    }
}

TEST_F(PinholeSyncTest, FindsOutWhichSetLacksSomething) {
    establish();
    EXPECT_FALSE(run());
    const auto now = alg::TimePoint(std::chrono::seconds(1));
    EXPECT_EQ(*sync_.find_loss(engine_, now), std::nullopt);
    const auto at = kernel_.elements.begin()->first;
    const nft::Element ours = kernel_.elements.begin()->second;
    kernel_.drop(at.first, at.second);
    EXPECT_EQ(*sync_.find_loss(engine_, now), std::optional(nft::SetId::pinholes4));
    kernel_.elements[at] = {ours.key, ours.timeout, {}, {}};
    EXPECT_EQ(*sync_.find_loss(engine_, now), std::optional(nft::SetId::pinholes4))
        << "the packet path made it anew, without its name";
    ASSERT_TRUE(sync_.take_over(engine_, now));
    EXPECT_EQ(kernel_.elements[at].comment, ours.comment);
    EXPECT_EQ(*sync_.find_loss(engine_, now), std::nullopt);
}

TEST_F(PinholeSyncTest, PutsBackOfWhatIsRemovedWhatIsWanted) {
    establish();
    EXPECT_FALSE(run());
    const auto now = alg::TimePoint(std::chrono::seconds(1));
    const auto before = kernel_.elements;
    const auto at = before.begin()->first;
    kernel_.drop(at.first, at.second);
    const std::vector<nft::Place> removed{{at.first, at.second},
                                          {nft::SetId::open4, nft::Key::port(nft::Protocol::udp, 9)},
                                          {nft::SetId::admitted4, at.second}};
    EXPECT_EQ(*sync_.put_back(removed, engine_, now), 1U);
    EXPECT_EQ(kernel_.elements.size(), before.size());
    EXPECT_EQ(kernel_.elements[at].comment, before.at(at).comment);
    EXPECT_EQ(*sync_.put_back({}, engine_, now), 0U);
}

TEST_F(PinholeSyncTest, MakesATableThatIsThereWhatItHasToBe) {
    establish();
    EXPECT_FALSE(run());
    const nft::Key ours = kernel_.elements.begin()->first.second;
    nft::Element foreign{
        nft::Key::pinhole(nft::Address::v4(0x01020304), nft::Protocol::udp, {nft::Address::v4(0x0a010203), 22}),
        std::chrono::seconds(60),
        nft::Comment("somebody"),
        {}};
    nft::Transaction others;
    others.add(nft::SetId::pinholes4, foreign);
    others.remove(nft::SetId::pinholes4, ours);
    ASSERT_TRUE(kernel_.commit(others));
    ASSERT_TRUE(sync_.take_over(engine_, alg::TimePoint(std::chrono::seconds(1))));
    EXPECT_EQ(kernel_.count(nft::SetId::pinholes4), 2U);
    EXPECT_TRUE(kernel_.elements.contains({nft::SetId::pinholes4, ours})) << "back again";
    EXPECT_FALSE(kernel_.elements.contains({nft::SetId::pinholes4, foreign.key})) << "no call needs it";
    const std::size_t commits = kernel_.commits;
    ASSERT_TRUE(sync_.take_over(engine_, alg::TimePoint(std::chrono::seconds(1))));
    EXPECT_EQ(kernel_.commits, commits) << "nothing to do";
}

TEST_F(PinholeSyncTest, EndsWhatThePolicyDoesNotAllowAnyMore) {
    sync_.set_policy(engine_.policy());
    establish();
    EXPECT_FALSE(run());
    const auto elements = kernel_.elements;
    const auto now = alg::TimePoint(std::chrono::seconds(1));
    EXPECT_EQ(sync_.stage_end_of_forbidden(engine_, now), 0U);
    alg::Policy other = policy();
    other.protected_ports = {40000};
    engine_.set_policy(other);
    EXPECT_EQ(sync_.stage_end_of_forbidden(engine_, now), 1U);
    EXPECT_TRUE(sync_.commit());
    EXPECT_EQ(kernel_.count(nft::SetId::pinholes4), 1U) << "of RTP and RTCP";
    EXPECT_TRUE(sync_.take_over(engine_, now));
    EXPECT_EQ(kernel_.count(nft::SetId::pinholes4), 1U) << "nor does it come back";
    kernel_.elements = elements;  // by a packet
    EXPECT_TRUE(sync_.look_at_closed(engine_));
    EXPECT_EQ(kernel_.count(nft::SetId::pinholes4), 1U);
    EXPECT_EQ(sync_.counters().turned_down, 0U) << "a look at what is wanted is not a wish";
}

/// Sixty thousand may be lost at once, since nat.reserved_ports takes ranges: even with so many the test would take a
/// minute if each were compared with all.
TEST_F(PinholeSyncTest, NamesEachReservedOutsideEndOnceAndKeepsThoseThatASocketHasForAMoment) {
    constexpr std::uint32_t kEnd = 30'000;
    alg::Policy reserving = policy();
    nft::Transaction bindings;
    const nft::Address outside = nft::Address::v4(0xc0000201);
    for (std::uint32_t port = 1024; port < kEnd; ++port) {
        const auto number = static_cast<std::uint16_t>(port);
        reserving.reserved_ports.push_back(number);
        const nft::Endpoint inside{nft::Address::v4(0x0a010200), number};
        bindings.add(nft::SetId::snat4, {nft::Key::binding("wan", nft::Protocol::udp, inside), std::chrono::hours(1),
                                         nft::Comment("contact"), nft::Endpoint{outside, number}});
        if (port % 2 == 0) continue;
        // Known to two hosts.
        for (const std::uint32_t remote : std::array<std::uint32_t, 2>{0xcb007109, 0xcb00710a}) {
            const nft::Comment as("callback as=192.0.2.1:" + std::to_string(port));
            bindings.add(nft::SetId::callbacks4,
                         {nft::Key::pinhole(nft::Address::v4(remote), nft::Protocol::udp, inside),
                          std::chrono::hours(1),
                          as,
                          {}});
        }
    }
    ASSERT_TRUE(kernel_.commit(bindings));
    PinholeSync::Options options{{}, false, {}, {}, {}};
    options.nat = true;
    alg::Engine next(reserving, alg::Limits{}, {1, 2});
    PinholeSync sync(kernel_, schema_, conntrack_, options);
    const std::array<std::uint16_t, 1> passing{21235};
    const auto restored = sync.restore(next, alg::TimePoint(std::chrono::seconds(1)), passing);
    ASSERT_TRUE(restored);
    EXPECT_EQ(restored->reserved.size(), kEnd - 1024 - 1);
    ASSERT_EQ(restored->shared.size(), 1U);
    EXPECT_EQ(restored->shared.front().inside, testing::endpoint("10.1.2.0", 21235));
    EXPECT_EQ(next.callbacks().all().size(), 2U);
}

}  // namespace
}  // namespace messenger::daemon
