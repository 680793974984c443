// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/doctor/trial_wishes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/doctor/trial_plan.h"

namespace messenger::daemon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

[[nodiscard]] alg::IpAddress ip(const char* text) {
    return *alg::IpAddress::parse(text);
}

[[nodiscard]] LiveHost make_host() {
    return {{{1, "lo"}, {2, "lan0"}, {3, "wan0"}, {4, "vpn0"}},
            {{"lo", ip("127.0.0.1"), *alg::Prefix::parse("127.0.0.0/8")},
             {"lan0", ip("10.1.2.1"), *alg::Prefix::parse("10.1.2.0/24")},
             {"wan0", ip("203.0.113.2"), *alg::Prefix::parse("203.0.113.0/24")}}};
}

class TrialWishesTest : public ::testing::Test {
   protected:
    TrialWishesTest() { config_.network.inside = {*alg::Prefix::parse("10.1.0.0/16")}; }
    [[nodiscard]] std::vector<std::string> check() const { return check_wishes(make_host(), config_, wishes_); }
    Config config_;
    TrialWishes wishes_;
};

TEST_F(TrialWishesTest, NothingIsWrongWithHostsOfEitherSide) {
    EXPECT_THAT(check(), IsEmpty());
    wishes_ = {"lan0", "wan0", ip("10.1.2.7"), ip("203.0.113.30"), ip("203.0.113.30")};
    EXPECT_THAT(check(), IsEmpty());
    wishes_.inside = ip("10.1.3.255");
    EXPECT_THAT(check(), IsEmpty()) << "of which network it may be the last, behind another router, is not known";
}

TEST_F(TrialWishesTest, WhoCallsIsInside) {
    wishes_.inside = ip("10.9.9.9");
    EXPECT_THAT(check(), ElementsAre(HasSubstr("--inside 10.9.9.9 is in no network of network.inside")));
    config_.network.inside = {};
    config_.network.inside_interfaces = {"lan0"};
    wishes_.inside = ip("10.1.2.7");
    EXPECT_THAT(check(), IsEmpty());
    wishes_.inside = ip("10.1.3.7");
    EXPECT_THAT(check(), ElementsAre(HasSubstr("--inside 10.1.3.7 is in no network")));
}

TEST_F(TrialWishesTest, ServerAndPeerAreOutside) {
    wishes_.server = ip("10.1.9.9");
    wishes_.peer = ip("10.1.9.8");
    EXPECT_THAT(check(), ElementsAre(HasSubstr("--server 10.1.9.9 is an inside host"),
                                     HasSubstr("--peer 10.1.9.8 is an inside host")));
}

TEST_F(TrialWishesTest, AHostHasTheAddressOfAHost) {
    const std::vector<std::pair<const char*, const char*>> cases{
        {"203.0.113.2", "is this gateway's own address, of wan0"},
        {"10.1.2.1", "own address, of lan0"},
        {"203.0.113.0", "is the address of the network 203.0.113.0/24"},
        {"203.0.113.255", "is the broadcast address of 203.0.113.0/24"},
        {"224.0.1.75", "multicast"},
        {"ff02::1", "multicast"},
        {"0.0.0.0", "the address of no host"},
        {"255.255.255.255", "the address of no host"},
        {"127.0.0.9", "loopback"},
        {"fe80::7", "link-local"}};
    for (const auto& [address, why] : cases) {
        wishes_ = {};
        wishes_.server = ip(address);
        EXPECT_THAT(check(), ElementsAre(HasSubstr(why))) << address;
    }
    wishes_ = {};
    wishes_.inside = ip("10.1.255.255");
    EXPECT_THAT(check(), ElementsAre(HasSubstr("broadcast address of 10.1.0.0/16")));
}

TEST_F(TrialWishesTest, InterfacesExist) {
    wishes_.inside_interface = "nope";
    wishes_.outside_interface = "lo";
    EXPECT_THAT(check(), ElementsAre(HasSubstr("--inside-interface nope: this host has no such interface"),
                                     HasSubstr("--outside-interface lo: it leads to no other host")));
    wishes_.inside_interface = wishes_.outside_interface = "wan0";
    EXPECT_THAT(check(), ElementsAre(HasSubstr("are both wan0")));
}

TEST_F(TrialWishesTest, AllHostsOfATrialAreOfOneFamily) {
    wishes_.inside = ip("10.1.2.7");
    wishes_.peer = ip("2001:db8::1");
    EXPECT_THAT(check(), ElementsAre("--inside 10.1.2.7 and --peer 2001:db8::1 are not of one address family"));
}

TEST_F(TrialWishesTest, AServerThatIsNotTriedIsToldOf) {
    wishes_.outside_interface = "wan0";
    wishes_.server = ip("2001:db8::1");
    const TrialPlan plan = plan_trials(make_host(), config_, wishes_);
    EXPECT_EQ(plan.trials.size(), 1U);
    EXPECT_THAT(plan.problems, ElementsAre(HasSubstr("--server 2001:db8::1: no call over IPv6 could be tried")));
}

TEST_F(TrialWishesTest, AnInterfaceBehindWhichNobodyIsKnownNeedsAHost) {
    wishes_.inside_interface = "vpn0";
    wishes_.outside_interface = "wan0";
    EXPECT_THAT(plan_trials(make_host(), config_, wishes_).problems,
                ElementsAre(HasSubstr("vpn0 has no address in network.inside")));
    wishes_.inside = ip("10.1.9.9");
    EXPECT_EQ(plan_trials(make_host(), config_, wishes_).trials.size(), 1U);
}

TEST_F(TrialWishesTest, WhatIsInTheWayOfBothFamiliesIsToldOnce) {
    config_.network.inside.push_back(*alg::Prefix::parse("2001:db8:1::/64"));
    wishes_.outside_interface = "lan0";
    const std::string both = "lan0 is inside and outside at once; what passes there twice is not tried";
    const LiveHost v4 = make_host();
    EXPECT_THAT(plan_trials(v4, config_, wishes_).problems, ElementsAre("IPv4: " + both));
    std::vector<InterfaceAddress> addresses = v4.addresses();
    addresses.push_back({"lan0", ip("2001:db8:1::1"), *alg::Prefix::parse("2001:db8:1::/64")});
    EXPECT_THAT(plan_trials({v4.links(), addresses}, config_, wishes_).problems, ElementsAre(both));
}

TEST_F(TrialWishesTest, AWayOutIsMissedWhereIpv6IsAskedForOrAllThatThereIs) {
    const LiveHost host({{1, "lo"}, {2, "lan0"}, {3, "wan0"}},
                        {{"lan0", ip("2001:db8:1::1"), *alg::Prefix::parse("2001:db8:1::/64")}});
    config_.network.inside = {*alg::Prefix::parse("2001:db8:1::/64")};
    EXPECT_THAT(plan_trials(host, config_, wishes_).problems,
                ElementsAre(HasSubstr("IPv6: there is no default route")));
    wishes_.inside = ip("2001:db8:1::7");
    EXPECT_THAT(plan_trials(host, config_, wishes_).problems,
                ElementsAre(HasSubstr("IPv6: there is no default route"), HasSubstr("--inside 2001:db8:1::7")));
}

TEST_F(TrialWishesTest, LoopbackIsNoInterfaceOfInsideHosts) {
    config_.network.inside = {*alg::Prefix::parse("10.0.0.0/8")};
    const LiveHost host({{1, "lo"}, {2, "lan0"}, {3, "wan0"}},
                        {{"lo", ip("10.255.0.1"), *alg::Prefix::parse("10.255.0.1/32")},
                         {"lan0", ip("10.1.2.1"), *alg::Prefix::parse("10.1.2.0/24")}});
    EXPECT_THAT(host.inside_interfaces(config_), ElementsAre("lan0"));
}

}  // namespace
}  // namespace messenger::daemon
