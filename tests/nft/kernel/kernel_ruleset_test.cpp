// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/kernel_ruleset.h"

#include <algorithm>
#include <map>
#include <regex>
#include <string>
#include <thread>

#include "tests/nft/kernel/lab.h"

namespace messenger::nft::testing {
namespace {

using namespace std::chrono_literals;

using KernelRulesetTest = KernelTest;

Key pinhole(std::uint16_t port) {
    return Key::pinhole(Address::v4(0xcb00711e), Protocol::udp, at("10.1.2.3", port));
}

/// Everything nft sees of the table, but for what changes by itself.
std::string nft_view() {
    const std::string text = run_command("nft list table inet messenger_alg");
    return std::regex_replace(text, std::regex(" expires [0-9dhms]+"), "");
}

std::vector<std::string> keys_of(Ruleset& ruleset, SetId set) {
    auto listed = ruleset.list(set);
    EXPECT_TRUE(ok(listed));
    std::vector<std::string> keys;
    for (const auto& stored : *listed) keys.push_back(stored.element.key.to_string(set));
    std::sort(keys.begin(), keys.end());
    return keys;
}

TEST_F(KernelRulesetTest, CommitsWhatNftMakesOfTheSameText) {
    Transaction before;
    before.add(SetId::pinholes4, {pinhole(1000), 60s, Comment("goes")});
    before.add(SetId::pinholes4, {pinhole(1001), 60s, Comment("is refreshed")});
    before.add(SetId::sip_ports, {Key::port(Protocol::udp, 5060), {}, {}});
    Transaction change;
    change.remove(SetId::pinholes4, pinhole(1000));
    change.refresh(SetId::pinholes4, {pinhole(1001), 90s, Comment("was refreshed")});
    change.add(SetId::pinholes4, {pinhole(1002), 59500ms, Comment("a \"quoted\" name\n")});
    change.create(SetId::pinholes6, {Key::pinhole(*Address::parse("2001:db8::1"), Protocol::tcp, at("fd01::3", 1503)),
                                     24h, Comment(std::string(200, 'x'))});
    change.add(SetId::open4, {Key::endpoint(Protocol::udp, at("10.1.2.3", 7)), 1ms * 3600000, {}});
    change.add(SetId::open6, {Key::endpoint(Protocol::tcp, at("fd01::3", 65535)), 61s, Comment("open")});
    change.add(SetId::admitted4, {Key::tuple({Protocol::udp, at("203.0.113.30", 9), at("10.1.2.3", 5350)}), 20s, {}});
    change.add(SetId::admitted6, {Key::tuple({Protocol::tcp, at("2001:db8::1", 9), at("fd01::3", 5350)}), 20s, {}});
    change.add(SetId::sip_endpoints4, {Key::endpoint(Protocol::tcp, at("10.1.2.3", 12000)), 1h, Comment("contact")});
    change.flush(SetId::sip_ports);
    change.add(SetId::sip_ports, {Key::port(Protocol::tcp, 5061), {}, {}});

    install(options(), before);
    commit(change);
    const std::string ours = nft_view();
    EXPECT_NE(ours.find("203.0.113.30 . 10.1.2.3 . udp . 1002 timeout 59s500ms comment \"a ?quoted? name?\""),
              std::string::npos)
        << ours;

    ASSERT_TRUE(ok(schema().install(before)));
    run_nft(change.to_nft());
    EXPECT_EQ(nft_view(), ours);
}

TEST_F(KernelRulesetTest, ReadsBackWhatItWrote) {
    install(options());
    Transaction change;
    change.add(SetId::pinholes4, {pinhole(1000), 60s, Comment("call 1 <-> bob, audio")});
    commit(change);
    auto stored = ruleset().find(SetId::pinholes4, pinhole(1000));
    ASSERT_TRUE(ok(stored));
    ASSERT_TRUE(*stored);
    EXPECT_EQ((*stored)->element.key, pinhole(1000));
    EXPECT_EQ((*stored)->element.timeout, 60s);
    EXPECT_EQ((*stored)->element.comment.text(), "call 1 <-> bob, audio");
    EXPECT_GT((*stored)->expires, 50s);
    EXPECT_LE((*stored)->expires, 60s);
    EXPECT_FALSE((*stored)->counter);
    auto absent = ruleset().find(SetId::pinholes4, pinhole(1001));
    ASSERT_TRUE(ok(absent));
    EXPECT_FALSE(*absent);
}

TEST_F(KernelRulesetTest, LooksIntoManyPlacesAtOnce) {
    install(options());
    Transaction change;
    std::vector<Place> places;
    for (std::uint16_t port = 1000; port < 1400; ++port) {
        const bool there = port % 3 == 0;
        if (there) change.add(SetId::pinholes4, {pinhole(port), 60s, Comment(std::to_string(port))});
        places.push_back({SetId::pinholes4, pinhole(port)});
    }
    places.push_back({SetId::outside4, pinhole(1000)});  // a set that is not there without NAT
    commit(change);
    std::map<std::size_t, std::string> found;
    const auto take = [&](std::size_t index, const StoredElement& one) {
        EXPECT_TRUE(found.emplace(index, one.element.comment.text()).second) << "each once";
    };
    ASSERT_TRUE(ok(ruleset().find_each(places, take)));
    std::map<std::size_t, std::string> there;
    for (std::uint16_t port = 1000; port < 1400; ++port) {
        if (port % 3 == 0) there.emplace(port - 1000U, std::to_string(port));
    }
    EXPECT_EQ(found, there);
    EXPECT_TRUE(ok(ruleset().find_each({}, take)));
}

TEST_F(KernelRulesetTest, KeepsTheRestWhenRemovedElementsHaveTimedOut) {
    install(options());
    Transaction before;
    for (const std::uint16_t port : std::array<std::uint16_t, 3>{1000, 1001, 1002})
        before.add(SetId::pinholes4, {pinhole(port), 30ms, {}});
    before.add(SetId::pinholes4, {pinhole(1003), 60s, {}});
    commit(before);
    std::this_thread::sleep_for(60ms);

    Transaction change;
    change.remove(SetId::pinholes4, pinhole(1000));
    change.add(SetId::pinholes4, {pinhole(2000), 60s, {}});
    change.refresh(SetId::pinholes4, {pinhole(1001), 60s, Comment("again")});
    change.remove(SetId::pinholes4, pinhole(1003));
    change.remove(SetId::open4, Key::endpoint(Protocol::udp, at("10.1.2.3", 1)));
    auto report = ruleset().commit(change);
    ASSERT_TRUE(ok(report));
    EXPECT_EQ(report->already_gone, 3U);
    EXPECT_EQ(report->attempts, 2U);
    EXPECT_EQ(keys_of(ruleset(), SetId::pinholes4), (std::vector<std::string>{"203.0.113.30 . 10.1.2.3 . udp . 1001",
                                                                              "203.0.113.30 . 10.1.2.3 . udp . 2000"}));
}

TEST_F(KernelRulesetTest, TakesARemovalOfNothingElseForDone) {
    install(options());
    Transaction change;
    change.remove(SetId::pinholes4, pinhole(1000));
    auto report = ruleset().commit(change);
    ASSERT_TRUE(ok(report));
    EXPECT_EQ(report->already_gone, 1U);
    EXPECT_EQ(report->attempts, 1U);
}

TEST_F(KernelRulesetTest, DiscardsWhatIsThereAndWhatIsNotWithOneAttempt) {
    install(options());
    for (const bool destroys : {true, false}) {
        KernelRuleset any_kernel(open_socket(), destroys);
        Transaction first;
        first.add(SetId::pinholes4, {pinhole(1000), 60s, Comment("goes")});
        first.add(SetId::pinholes4, {pinhole(1002), 60s, Comment("stays")});
        commit(first);
        Transaction change;
        change.discard(SetId::pinholes4, pinhole(1000));
        change.discard(SetId::pinholes4, pinhole(1001));
        auto report = any_kernel.commit(change);
        ASSERT_TRUE(ok(report)) << destroys;
        EXPECT_EQ(report->attempts, 1U) << destroys;
        EXPECT_EQ(keys_of(ruleset(), SetId::pinholes4),
                  std::vector<std::string>{"203.0.113.30 . 10.1.2.3 . udp . 1002"});
    }
}

TEST_F(KernelRulesetTest, AFullSetKeepsNothingFromBeingDiscardedBesideTheRest) {
    SchemaOptions small = options();
    small.set_size = 2;
    install(small);
    Transaction full;
    for (const std::uint16_t port : std::array<std::uint16_t, 2>{1000, 1001})
        full.add(SetId::pinholes4, {pinhole(port), 60s, {}});
    commit(full);
    for (const bool destroys : {true, false}) {
        KernelRuleset any_kernel(open_socket(), destroys);
        Transaction change;
        change.discard(SetId::pinholes4, pinhole(1002));
        change.offer(SetId::pinholes4, {pinhole(1003), 60s, {}});
        change.add(SetId::open4, {Key::endpoint(Protocol::udp, at("10.1.2.3", destroys ? 7 : 9)), 60s, {}});
        auto report = any_kernel.commit(change);
        ASSERT_TRUE(ok(report)) << destroys;
        EXPECT_EQ(report->no_room, destroys ? 1U : 2U);
        EXPECT_EQ(keys_of(ruleset(), SetId::pinholes4).size(), 2U);
    }
    EXPECT_EQ(keys_of(ruleset(), SetId::open4).size(), 2U);
}

TEST_F(KernelRulesetTest, LeavesOutACreateOfWhatIsThere) {
    install(options());
    Transaction first;
    first.add(SetId::pinholes4, {pinhole(1000), 60s, Comment("first")});
    commit(first);
    Transaction second;
    second.create(SetId::pinholes4, {pinhole(1000), 90s, Comment("second")});
    second.create(SetId::pinholes4, {pinhole(1001), 90s, Comment("second")});
    auto report = ruleset().commit(second);
    ASSERT_TRUE(ok(report));
    EXPECT_EQ(report->already_there, 1U);
    EXPECT_EQ((*ruleset().find(SetId::pinholes4, pinhole(1000)))->element.comment.text(), "first");
    EXPECT_TRUE(*ruleset().find(SetId::pinholes4, pinhole(1001)));
}

TEST_F(KernelRulesetTest, RefreshGivesANewTimeoutAndComment) {
    install(options());
    Transaction first;
    first.add(SetId::pinholes4, {pinhole(1000), 60s, Comment("first")});
    commit(first);
    Transaction second;
    second.refresh(SetId::pinholes4, {pinhole(1000), 600s, Comment("second")});
    commit(second);
    const auto stored = *ruleset().find(SetId::pinholes4, pinhole(1000));
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->element.timeout, 600s);
    EXPECT_GT(stored->expires, 500s);
    EXPECT_EQ(stored->element.comment.text(), "second");
}

// As when a host offers the same port in call after call, faster than they are read.
TEST_F(KernelRulesetTest, ChangesOneElementAsOftenAsItLikesInOneTransaction) {
    install(options());
    for (const bool removes : {false, true}) {
        Transaction change;
        for (int i = 1; i <= 500; ++i) {
            if (removes) change.remove(SetId::pinholes4, pinhole(1000));
            change.refresh(SetId::pinholes4, {pinhole(1000), std::chrono::seconds(i), Comment(std::to_string(i))});
        }
        commit(change);
        auto stored = ruleset().find(SetId::pinholes4, pinhole(1000));
        ASSERT_TRUE(ok(stored));
        ASSERT_TRUE(*stored);
        EXPECT_EQ((*stored)->element.timeout, 500s);
        EXPECT_EQ((*stored)->element.comment.text(), "500");
    }
    Transaction change;
    for (int i = 1; i <= 500; ++i) {
        change.refresh(SetId::pinholes4, {pinhole(1000), 60s, {}});
        change.remove(SetId::pinholes4, pinhole(1000));
    }
    commit(change);
    EXPECT_TRUE(keys_of(ruleset(), SetId::pinholes4).empty());
}

TEST_F(KernelRulesetTest, TellsAMissingTableFromAMissingElement) {
    install(options());
    run_command("nft delete table inet messenger_alg");
    Transaction add;
    add.add(SetId::pinholes4, {pinhole(1000), 60s, {}});
    Transaction remove;
    remove.remove(SetId::pinholes4, pinhole(1000));
    Transaction refresh;
    refresh.refresh(SetId::pinholes4, {pinhole(1000), 60s, {}});
    Transaction discard;
    discard.discard(SetId::pinholes4, pinhole(1000));
    for (const Transaction* change : {&add, &remove, &refresh, &discard}) {
        auto report = ruleset().commit(*change);
        ASSERT_FALSE(report) << change->to_nft();
        EXPECT_EQ(report.error().failure, Failure::schema_gone) << change->to_nft();
    }
    auto listed = ruleset().list(SetId::pinholes4);
    ASSERT_FALSE(listed);
    EXPECT_EQ(listed.error().failure, Failure::schema_gone);
    auto found = ruleset().find(SetId::pinholes4, pinhole(1000));
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().failure, Failure::schema_gone);
}

TEST_F(KernelRulesetTest, NamesTheOperationThatFindsTheSetFullAndDoesNothing) {
    SchemaOptions small = options();
    small.set_size = 2;
    install(small);
    Transaction change;
    for (const std::uint16_t port : std::array<std::uint16_t, 3>{1000, 1001, 1002})
        change.add(SetId::pinholes4, {pinhole(port), 60s, {}});
    auto report = ruleset().commit(change);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().failure, Failure::set_full);
    EXPECT_EQ(report.error().index, 2U);
    EXPECT_NE(report.error().message().find("udp . 1002"), std::string::npos) << report.error().message();
    EXPECT_TRUE(keys_of(ruleset(), SetId::pinholes4).empty());
}

TEST_F(KernelRulesetTest, AnEmptyTransactionDoesNotNeedTheTable) {
    KernelRuleset without_table(open_socket());
    EXPECT_TRUE(ok(without_table.commit(Transaction{})));
}

TEST_F(KernelRulesetTest, ListsAllThatStayWhileOthersExpire) {
    install(options());
    constexpr std::uint32_t kMany = 40'000;
    constexpr std::uint32_t kStaying = kMany / 10 * 9;
    std::vector<Key> staying;
    Transaction change;
    for (std::uint32_t i = 0; i < kMany; ++i) {
        const Key key = Key::pinhole(Address::v4(0xc6120000 + i / 20000), Protocol::udp,
                                     at("10.1.2.3", static_cast<std::uint16_t>(1024 + i % 20000)));
        // The expiring ones go in a dozen of the kernel's rounds, most of them while it lists the others.
        const auto timeout = i % 10 == 0 ? 2s + std::chrono::milliseconds(i / 10 % 4000) : 600s;
        change.add(SetId::pinholes4, {key, timeout, Comment("call with a comment of usual length, audio rtp")});
        if (i % 10 != 0) staying.push_back(key);
    }
    commit(change);
    std::sort(staying.begin(), staying.end());
    std::size_t listed = kMany;
    for (int rounds = 0; rounds < 30 && listed > kStaying; ++rounds) {
        const auto listing = ruleset().list(SetId::pinholes4);
        ASSERT_TRUE(ok(listing));
        listed = listing->size();
        std::vector<Key> told;
        for (const StoredElement& stored : *listing) {
            if (stored.element.timeout == 600s) told.push_back(stored.element.key);
        }
        EXPECT_TRUE(std::is_sorted(told.begin(), told.end()));
        EXPECT_EQ(told, staying) << "in round " << rounds << " of " << listed;
    }
    EXPECT_EQ(listed, kStaying);
}

TEST_F(KernelRulesetTest, CommitsAHundredThousandElementsAtOnce) {
    install(options());
    constexpr std::uint32_t kMany = 100000;
    const auto key = [](std::uint32_t i) {
        return Key::pinhole(Address::v4(0xc6120000 + i / 50000), Protocol::udp,
                            {Address::v4(0x0a010203), static_cast<std::uint16_t>(1024 + i % 50000)});
    };
    Transaction change;
    for (std::uint32_t i = 0; i < kMany; ++i) {
        change.add(SetId::pinholes4, {key(i), 600s, Comment("call with a comment of usual length, audio rtp")});
    }
    commit(change);
    auto listed = ruleset().list(SetId::pinholes4);
    ASSERT_TRUE(ok(listed));
    EXPECT_EQ(listed->size(), kMany);

    // Every removal of the second round fails, and every one of these is read and left out.
    change.clear();
    for (std::uint32_t i = 0; i < kMany; ++i) change.remove(SetId::pinholes4, key(i));
    commit(change);
    change.add(SetId::pinholes4, {key(0), 600s, {}});
    auto report = ruleset().commit(change);
    ASSERT_TRUE(ok(report));
    EXPECT_EQ(report->already_gone, kMany);
    EXPECT_EQ(keys_of(ruleset(), SetId::pinholes4).size(), 1U);
}

}  // namespace
}  // namespace messenger::nft::testing
