// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/journal/media_watch.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "daemon/translate.h"
#include "tests/support/packet_builder.h"

namespace messenger::daemon {
namespace {

using namespace std::chrono_literals;
using testing::endpoint;

/// The counters that the packet path would have made.
class CountingRuleset final : public nft::Ruleset {
   public:
    void count(nft::SetId set, const alg::Endpoint& inside, std::uint64_t packets) {
        auto& counter = counters[{set, nft::Key::endpoint(nft::Protocol::udp, to_nft(inside))}];
        counter.packets += packets;
        counter.bytes += packets * 200;
    }
    nft::Expected<nft::CommitReport> commit(const nft::Transaction& transaction) override {
        for (const nft::Operation& operation : transaction.operations()) {
            EXPECT_EQ(operation.verb, nft::Verb::remove);
            counters.erase({operation.set, operation.element.key});
        }
        return nft::CommitReport{};
    }
    nft::Expected<std::vector<nft::StoredElement>> list(nft::SetId /*set*/) override {
        ADD_FAILURE() << "takes longer the more is open";
        return std::vector<nft::StoredElement>();
    }
    nft::Expected<std::optional<nft::StoredElement>> find(nft::SetId set, const nft::Key& key) override {
        ++questions;
        spent += cost;
        const auto at = counters.find({set, key});
        return at == counters.end() ? std::nullopt : std::optional(stored(key, at->second));
    }
    nft::Expected<void> find_each(std::span<const nft::Place> places, const OnFound& on_found) override {
        most_at_once = std::max(most_at_once, places.size());
        for (std::size_t i = 0; i < places.size(); ++i) {
            if (const auto found = *find(places[i].set, places[i].key)) on_found(i, *found);
        }
        return {};
    }

    std::map<std::pair<nft::SetId, nft::Key>, nft::Counter> counters;
    int questions = 0;  ///< places that were looked at
    std::size_t most_at_once = 0;
    alg::Duration cost = 1us;             ///< of a question
    inline static alg::Duration spent{};  ///< by all rulesets of this kind

   private:
    static nft::StoredElement stored(const nft::Key& key, const nft::Counter& counter) {
        nft::StoredElement element;
        element.element.key = key;
        element.counter = counter;
        return element;
    }
};

class RecordingObserver final : public OneWayObserver {
   public:
    void on_one_way(const CallRecord& /*call*/, const PinholeRecord& /*pinhole*/, const OneWay& one_way) override {
        reports.push_back(one_way);
    }
    void on_both_ways(const CallRecord& /*call*/, const PinholeRecord& /*pinhole*/) override { ++over; }
    std::vector<OneWay> reports;
    int over = 0;
};

class MediaWatchTest : public ::testing::Test {
   protected:
    void open(CallRecord& call, std::uint16_t port, alg::PortRole role = alg::PortRole::rtp) {
        PinholeRecord pinhole;
        pinhole.key = {alg::Transport::udp, false, endpoint("10.1.2.3", port), *alg::IpAddress::parse("203.0.113.9")};
        pinhole.purpose = {alg::MediaKind::audio, role};
        call.pinholes.push_back(pinhole);
        watch_.on_open(call, call.pinholes.size() - 1);
    }
    /// One pinhole for each call, through which one packet has come in.
    void open_all(std::vector<CallRecord>& calls) {
        for (CallRecord& call : calls) {
            open(call, next_port_);
            in(next_port_, 1);
            next_port_ = static_cast<std::uint16_t>(next_port_ + 2);
        }
    }
    void close(CallRecord& call, std::size_t number) {
        call.pinholes.at(number).open = false;
        watch_.on_close(call, number);
    }
    /// Time goes on; what is due is done.
    void pass(alg::Duration time) {
        const alg::TimePoint end = now_ + time;
        watch_.plan_look(now_);
        while (watch_.next_look() && *watch_.next_look() <= end) {
            now_ = *watch_.next_look();
            watch_.look(engine_, observer_, now_);
            watch_.plan_look(now_);
        }
        now_ = end;
    }
    void in(std::uint16_t port, std::uint64_t packets) {
        kernel_.count(nft::SetId::received4, endpoint("10.1.2.3", port), packets);
    }
    void out(std::uint16_t port, std::uint64_t packets) {
        kernel_.count(nft::SetId::sent4, endpoint("10.1.2.3", port), packets);
    }

    CountingRuleset kernel_;
    nft::Conntrack conntrack_{std::move(*nft::NetlinkSocket::open())};
    alg::Engine engine_{alg::Policy{}, alg::Limits{}, {1, 2}};
    MediaWatch watch_{kernel_, conntrack_, {5s, true, [] { return alg::TimePoint(CountingRuleset::spent); }}};
    RecordingObserver observer_;
    CallRecord call_;
    alg::TimePoint now_{100s};
    std::uint16_t next_port_ = 20000;
};

TEST_F(MediaWatchTest, SleepsWhileNothingIsOpen) {
    pass(1h);
    EXPECT_FALSE(watch_.next_look());
    EXPECT_EQ(kernel_.questions, 0);
    open(call_, 40000);
    pass(10s);
    EXPECT_GT(kernel_.questions, 10);
    close(call_, 0);
    pass(1s);
    EXPECT_FALSE(watch_.next_look());
}

TEST_F(MediaWatchTest, CountsWhatPassedWhileThePinholeWasOpen) {
    open(call_, 40000);
    in(40000, 5);
    pass(1s);
    EXPECT_EQ(call_.pinholes[0].traffic, (nft::Traffic{{5, 1000}, {0, 0}}));
    in(40000, 5);
    out(40000, 3);
    close(call_, 0);
    pass(100ms);
    EXPECT_EQ(call_.pinholes[0].traffic, (nft::Traffic{{10, 2000}, {3, 600}}));
    EXPECT_TRUE(kernel_.counters.empty()) << "the next call with this port begins at zero";
}

TEST_F(MediaWatchTest, CountsOnWhenTheKernelBeganAnew) {
    open(call_, 40000);
    in(40000, 50);
    pass(1s);
    kernel_.counters.clear();
    in(40000, 7);
    pass(1s);
    EXPECT_EQ(call_.pinholes[0].traffic.inbound.packets, 57U);
}

TEST_F(MediaWatchTest, LeavesACounterThatAnotherCallStillNeeds) {
    CallRecord other;
    open(call_, 40000);
    open(other, 40000);
    in(40000, 5);
    close(call_, 0);
    pass(1s);
    EXPECT_EQ(kernel_.counters.size(), 1U);
    EXPECT_EQ(other.pinholes[0].traffic.inbound.packets, 5U);
    in(40000, 5);
    pass(2s);
    EXPECT_EQ(call_.pinholes[0].traffic.inbound.packets, 5U);
    EXPECT_EQ(other.pinholes[0].traffic.inbound.packets, 10U);
}

TEST_F(MediaWatchTest, NeverLooksLongHoweverManyAreOpen) {
    std::vector<CallRecord> calls(1000);
    open_all(calls);
    pass(2s);
    EXPECT_LE(kernel_.most_at_once, 256U);
    for (const CallRecord& call : calls) EXPECT_EQ(call.pinholes[0].traffic.inbound.packets, 1U);
    const int once_each = 2000;
    EXPECT_GE(kernel_.questions, once_each);
    EXPECT_LE(kernel_.questions, 2 * once_each) << "one round a second at most";
}

TEST_F(MediaWatchTest, TakesItsTimeWhenLooksAreDearButNotLongerThanCountersLive) {
    std::vector<CallRecord> calls(1000);
    open_all(calls);
    kernel_.cost = 100us;
    pass(1s);
    EXPECT_EQ(kernel_.questions, 256) << "a hundredth of the time: the next step is due after 2.56 s";
    pass(2500ms);
    EXPECT_EQ(kernel_.questions, 256);
    pass(100ms);
    EXPECT_EQ(kernel_.questions, 512);
    kernel_.cost = 1s;
    pass(65s);
    EXPECT_GE(kernel_.questions, 2000);
    EXPECT_EQ(calls[999].pinholes[0].traffic.inbound.packets, 1U);
}

TEST_F(MediaWatchTest, LooksOnlyAtThoseThatEndHoweverManyAreOpen) {
    std::vector<CallRecord> calls(1000);
    open_all(calls);
    for (int i = 100; i < 400; ++i) close(calls[static_cast<std::size_t>(i)], 0);
    pass(100ms);
    EXPECT_EQ(kernel_.questions, 600);
    EXPECT_EQ(kernel_.counters.size(), 700U) << "of those that ended they are removed";
    EXPECT_EQ(calls[399].pinholes[0].traffic.inbound.packets, 1U);
    EXPECT_EQ(calls[400].pinholes[0].traffic.inbound.packets, 0U);
}

TEST_F(MediaWatchTest, FindsOneWayAudioAmongMany) {
    std::vector<CallRecord> calls(1000);
    open_all(calls);
    for (int i = 0; i < 10; ++i) {
        for (const CallRecord& call : calls) {
            const std::uint16_t port = call.pinholes[0].key.inside.port;
            in(port, 50);
            if (port % 100 != 0) out(port, 50);
        }
        pass(1s);
    }
    EXPECT_EQ(observer_.reports.size(), 20U);
}

TEST_F(MediaWatchTest, ReadsAnewForWhoAsksUnlessItTookLong) {
    std::vector<CallRecord> calls(1000);
    open_all(calls);
    watch_.refresh(now_);
    EXPECT_EQ(calls[999].pinholes[0].traffic.inbound.packets, 1U);
    std::vector<CallRecord> more(10'000);
    open_all(more);
    kernel_.questions = 0;
    watch_.refresh(now_ + 1s);
    EXPECT_EQ(kernel_.questions, 0);
    watch_.refresh(more[9999], now_ + 1s);
    EXPECT_EQ(more[9999].pinholes[0].traffic.inbound.packets, 1U) << "of one that is named";
    pass(4s);
    EXPECT_EQ(more[9998].pinholes[0].traffic.inbound.packets, 1U);
}

TEST_F(MediaWatchTest, ReportsAudioThatFlowsOneWay) {
    open(call_, 40000);
    for (int i = 0; i < 8; ++i) {
        out(40000, 50);
        pass(1s);
    }
    ASSERT_EQ(observer_.reports.size(), 1U);
    EXPECT_EQ(observer_.reports[0].silent, SilentSide::peer);
    EXPECT_EQ(observer_.reports[0].cause, SilenceCause::nothing_sent);
    EXPECT_EQ(watch_.one_way_now(), 1U);
    in(40000, 1);
    out(40000, 50);
    pass(1s);
    EXPECT_EQ(observer_.over, 1);
    EXPECT_EQ(watch_.one_way_now(), 0U);
    EXPECT_EQ(watch_.counters().one_way, 1U);
}

TEST_F(MediaWatchTest, TellsTheMutedByTheirRtcp) {
    open(call_, 40000);
    open(call_, 40001, alg::PortRole::rtcp);
    for (int i = 0; i < 8; ++i) {
        in(40000, 50);
        out(40001, 1);
        pass(1s);
    }
    ASSERT_EQ(observer_.reports.size(), 1U);
    EXPECT_EQ(observer_.reports[0].silent, SilentSide::inside);
    EXPECT_EQ(observer_.reports[0].cause, SilenceCause::muted);
}

TEST_F(MediaWatchTest, NoLongerCountsAStreamThatClosedOneWay) {
    open(call_, 40000);
    for (int i = 0; i < 8; ++i) {
        out(40000, 50);
        pass(1s);
    }
    EXPECT_EQ(watch_.one_way_now(), 1U);
    close(call_, 0);
    pass(1s);
    EXPECT_EQ(watch_.one_way_now(), 0U);
}

TEST_F(MediaWatchTest, LetsGoOfACallThatIsForgotten) {
    {
        CallRecord gone;
        open(gone, 40000);
        close(gone, 0);
        watch_.forget(gone);
    }
    in(40000, 5);
    pass(1s);
    EXPECT_FALSE(watch_.next_look());
}

}  // namespace
}  // namespace messenger::daemon
