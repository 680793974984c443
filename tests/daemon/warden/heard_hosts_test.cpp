// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/warden/heard_hosts.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "daemon/translate.h"
#include "tests/support/fake_ruleset.h"
#include "tests/support/packet_builder.h"

namespace messenger::daemon {
namespace {

using nft::Key;
using nft::SetId;
using testing::FakeRuleset;

nft::Place source(const char* host) {
    const nft::Address address = to_nft(testing::address(host));
    return {nft::heard(address.family()), Key::address(address)};
}
void put(FakeRuleset& kernel, const nft::Place& place) {
    kernel.elements[{place.set, place.key}] = {place.key, {}, {}, {}};
}

TEST(HeardHosts, AreThoseThatThePacketPathHasHeard) {
    FakeRuleset kernel;
    HeardHosts hosts(kernel);
    put(kernel, source("10.1.2.3"));
    put(kernel, source("2001:db8::3"));
    const std::vector<nft::Place> places{source("10.1.2.3"), source("10.1.2.4"), source("2001:db8::3")};
    EXPECT_EQ(hosts.look(places), (std::vector<bool>{true, false, true}));
    EXPECT_TRUE(hosts.contains(testing::address("10.1.2.3")));
    EXPECT_FALSE(hosts.contains(testing::address("10.1.2.4")));
    EXPECT_TRUE(hosts.contains(testing::address("2001:db8::3")));
}

TEST(HeardHosts, AreRememberedWhenTheKernelHasForgotten) {
    FakeRuleset kernel;
    HeardHosts hosts(kernel);
    const std::vector<nft::Place> one{source("10.1.2.3")};
    put(kernel, one[0]);
    EXPECT_EQ(hosts.look(one), std::vector<bool>{true});
    kernel.elements.clear();
    EXPECT_EQ(hosts.look(one), std::vector<bool>{true});
    hosts.forget_all();
    EXPECT_FALSE(hosts.contains(testing::address("10.1.2.3")));
    EXPECT_EQ(hosts.look(one), std::vector<bool>{false});
}

TEST(HeardHosts, AreAlsoThoseThatSomethingIsOpenTo) {
    FakeRuleset kernel;
    HeardHosts hosts(kernel);
    const nft::Address remote = to_nft(testing::address("203.0.113.30"));
    const std::vector<nft::Place> places{
        {SetId::pinholes4, Key::pinhole(remote, nft::Protocol::udp, to_nft(testing::endpoint("10.1.2.3", 5350)))},
        {SetId::open4, Key::endpoint(nft::Protocol::udp, to_nft(testing::endpoint("10.1.2.4", 5350)))},
        {SetId::callbacks4, Key::pinhole(remote, nft::Protocol::tcp, to_nft(testing::endpoint("10.1.2.5", 7100)))},
        {SetId::received4, Key::endpoint(nft::Protocol::udp, to_nft(testing::endpoint("10.1.2.6", 5350)))},
        {SetId::sip_endpoints4, Key::endpoint(nft::Protocol::udp, to_nft(testing::endpoint("10.1.2.7", 5350)))},
    };
    for (const nft::Place& place : places) put(kernel, place);
    EXPECT_EQ(hosts.look(places), (std::vector<bool>{true, true, true, false, false}))
        << "of what is there, only what nobody gets without having spoken";
    EXPECT_FALSE(hosts.contains(testing::address("203.0.113.30")));
}

TEST(HeardHosts, AreNoMoreThanCanBeRemembered) {
    FakeRuleset kernel;
    HeardHosts hosts(kernel, 2);
    std::vector<nft::Place> places;
    for (const char* host : {"10.1.2.3", "10.1.2.4", "10.1.2.5"}) {
        places.push_back(source(host));
        put(kernel, places.back());
    }
    EXPECT_EQ(hosts.look(places), (std::vector<bool>{true, true, false}));
    hosts.forget_all();
    EXPECT_EQ(hosts.look(std::span(places).last(1)), std::vector<bool>{true});
}

}  // namespace
}  // namespace messenger::daemon
