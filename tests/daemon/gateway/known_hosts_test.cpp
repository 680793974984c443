// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/known_hosts.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <vector>

#include "daemon/translate.h"
#include "tests/support/packet_builder.h"

namespace messenger::daemon {
namespace {

using nft::Key;
using nft::SetId;
using testing::address;

/// The warden's answers: yes about the hosts that are told it, and about those it has said yes about since.
class Warden {
   public:
    [[nodiscard]] KnownHosts client(std::size_t most = HeardHosts::kMostHosts) {
        return {[this](std::span<const nft::Place> places) {
                    ++questions;
                    std::vector<bool> answers;
                    for (const nft::Place& place : places) answers.push_back(heard.contains(*host_at(place)));
                    return answers;
                },
                [this] { ++forgotten; }, alg::HashKey{1, 2}, most};
    }

    std::set<alg::IpAddress> heard;
    int questions = 0;
    int forgotten = 0;
};

TEST(KnownHosts, AreThoseThatTheWardenSays) {
    Warden warden;
    warden.heard = {address("10.1.2.3"), address("2001:db8::3")};
    KnownHosts hosts = warden.client();
    const std::array asked{address("10.1.2.3"), address("10.1.2.4"), address("2001:db8::3")};
    EXPECT_EQ(hosts.learn(asked), (std::vector{address("10.1.2.3"), address("2001:db8::3")}));
    EXPECT_EQ(warden.questions, 1) << "one question for all";
    EXPECT_TRUE(hosts.knows(address("10.1.2.3")));
    EXPECT_FALSE(hosts.knows(address("10.1.2.4")));
    warden.heard.insert(address("10.1.2.4"));
    EXPECT_EQ(hosts.learn(asked), std::vector{address("10.1.2.4")}) << "only what is new";
}

TEST(KnownHosts, AreRecalledByWhatIsOpenToThem) {
    Warden warden;
    warden.heard = {address("10.1.2.3")};
    KnownHosts hosts = warden.client();
    const std::array places{
        nft::Place{SetId::open4, Key::endpoint(nft::Protocol::udp, to_nft(testing::endpoint("10.1.2.3", 5350)))},
        nft::Place{SetId::open4, Key::endpoint(nft::Protocol::udp, to_nft(testing::endpoint("10.1.2.4", 5350)))}};
    hosts.recall(places);
    EXPECT_TRUE(hosts.knows(address("10.1.2.3")));
    EXPECT_FALSE(hosts.knows(address("10.1.2.4")));
}

TEST(KnownHosts, AreForgottenByBothSides) {
    Warden warden;
    warden.heard = {address("10.1.2.3"), address("10.1.2.4")};
    KnownHosts hosts = warden.client(2);
    EXPECT_EQ(hosts.learn(std::array{address("10.1.2.3")}).size(), 1U);
    EXPECT_FALSE(hosts.is_full());
    EXPECT_EQ(hosts.learn(std::array{address("10.1.2.4")}).size(), 1U);
    EXPECT_TRUE(hosts.is_full());
    hosts.forget();
    EXPECT_EQ(warden.forgotten, 1);
    EXPECT_FALSE(hosts.knows(address("10.1.2.3")));
    EXPECT_FALSE(hosts.is_full());
}

}  // namespace
}  // namespace messenger::daemon
