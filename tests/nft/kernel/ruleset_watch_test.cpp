// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/ruleset_watch.h"

#include <array>

#include <poll.h>

#include "tests/nft/kernel/lab.h"

namespace messenger::nft::testing {
namespace {

using namespace std::chrono_literals;

class RulesetWatchTest : public KernelTest {
   protected:
    void SetUp() override {
        KernelTest::SetUp();
        if (HasFatalFailure() || IsSkipped()) return;
        install(options());
        const std::array own{schema().portid(), ruleset().portid()};
        auto opened = RulesetWatch::open(open_socket(), own);
        ASSERT_TRUE(ok(opened));
        watch_.emplace(*std::move(opened));
    }
    RulesetWatch& watch() { return *watch_; }
    bool readable() {
        pollfd waited{watch().fd(), POLLIN, 0};
        return poll(&waited, 1, 0) > 0;
    }

   private:
    std::optional<RulesetWatch> watch_;
};

const Key kKey = Key::endpoint(Protocol::udp, {Address::v4(0x0a010203), 5350});

TEST_F(RulesetWatchTest, OurOwnChangesWakeNobody) {
    Transaction change;
    change.add(SetId::open4, {kKey, 60s, {}});
    commit(change);
    ASSERT_TRUE(ok(schema().install({})));
    EXPECT_FALSE(readable());
    EXPECT_FALSE(watch().changed());
}

TEST_F(RulesetWatchTest, ChangesToOtherTablesDoNotCount) {
    run_nft(
        "table inet other {\n set s { type ipv4_addr; }\n chain c { accept; }\n }\nadd element inet other s { "
        "192.0.2.1 }");
    run_nft("table ip messenger_alg {\n chain c { accept; }\n }");
    EXPECT_TRUE(readable());
    EXPECT_FALSE(watch().changed());
    EXPECT_FALSE(readable());
}

TEST_F(RulesetWatchTest, NoticesAFlushAndAReinstallRestoresTheElements) {
    Transaction change;
    change.add(SetId::open4, {kKey, 60s, Comment("call")});
    commit(change);
    const auto kept = *ruleset().list(SetId::open4);
    run_command("nft flush ruleset");
    EXPECT_TRUE(readable());
    EXPECT_TRUE(watch().changed());
    EXPECT_EQ(schema().verify()->kind, SchemaState::Kind::missing);

    Transaction restored;
    for (const StoredElement& stored : kept) restored.add(SetId::open4, stored.restored());
    ASSERT_TRUE(ok(schema().install(restored)));
    EXPECT_EQ(schema().verify()->kind, SchemaState::Kind::intact);
    EXPECT_FALSE(watch().changed());
    const auto stored = *ruleset().find(SetId::open4, kKey);
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->element.comment.text(), "call");
    EXPECT_LE(stored->element.timeout, 60s);
    EXPECT_GT(stored->element.timeout, 50s);
}

TEST_F(RulesetWatchTest, NoticesEveryKindOfChangeToOurTable) {
    for (const char* command :
         {"nft add rule inet messenger_alg media accept", "nft add chain inet messenger_alg theirs",
          "nft add set inet messenger_alg theirs '{ type ipv4_addr; }'",
          "nft add element inet messenger_alg open4 '{ 10.1.2.3 . udp . 1 timeout 1m }'",
          "nft flush set inet messenger_alg open4", "nft delete table inet messenger_alg"}) {
        run_command(command);
        EXPECT_TRUE(watch().changed()) << command;
        const bool adds = std::string_view(command).starts_with("nft add element");
        EXPECT_EQ(watch().take_additions(), adds ? RulesetWatch::Additions::seen : RulesetWatch::Additions::none)
            << command;
        EXPECT_FALSE(watch().changed()) << command;
    }
}

TEST_F(RulesetWatchTest, SaysWhichElementsOthersHaveRemoved) {
    Transaction change;
    change.add(SetId::open4, {kKey, 60s, Comment("call")});
    change.add(SetId::sip_ports, {Key::port(Protocol::udp, 5060), {}, {}, {}});
    commit(change);
    run_command("nft flush set inet messenger_alg open4");
    run_command("nft delete element inet messenger_alg sip_ports '{ udp . 5060 }'");
    EXPECT_TRUE(watch().changed());
    const RulesetWatch::Removals removals = watch().take_removals();
    EXPECT_FALSE(removals.unknown);
    const std::vector<Place> expected{{SetId::open4, kKey}, {SetId::sip_ports, Key::port(Protocol::udp, 5060)}};
    EXPECT_EQ(removals.elements, expected);
    EXPECT_TRUE(watch().take_removals().elements.empty());
}

TEST_F(RulesetWatchTest, ManyRemovalsAreNotKept) {
    Transaction change;
    for (std::uint16_t port = 1; port <= 2000; ++port) {
        change.add(SetId::open4, {Key::endpoint(Protocol::udp, at("10.1.2.3", port)), 60s, {}});
    }
    commit(change);
    run_command("nft flush set inet messenger_alg open4");
    EXPECT_TRUE(watch().changed());
    const RulesetWatch::Removals removals = watch().take_removals();
    EXPECT_TRUE(removals.unknown);
    EXPECT_LE(removals.elements.size(), RulesetWatch::kMostRemovals);
}

TEST_F(RulesetWatchTest, TakesLostNotificationsForAChange) {
    run_command(
        "{ echo 'table inet other { set many { type mark; elements = {'; seq -s, 150000; echo '}; }; }'; } | nft -f -");
    EXPECT_TRUE(watch().changed());
    EXPECT_EQ(watch().take_additions(), RulesetWatch::Additions::unknown);
    EXPECT_TRUE(watch().take_removals().unknown) << "nobody knows";
    EXPECT_EQ(watch().take_additions(), RulesetWatch::Additions::none);
    EXPECT_FALSE(watch().changed());
}

}  // namespace
}  // namespace messenger::nft::testing
