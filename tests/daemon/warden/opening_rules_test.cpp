// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/warden/opening_rules.h"

#include <array>
#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "daemon/translate.h"
#include "tests/support/fake_ruleset.h"
#include "tests/support/packet_builder.h"

namespace messenger::daemon {
namespace {

using namespace std::chrono_literals;
using nft::Key;
using nft::Protocol;
using nft::SetId;

Config config() {
    Config config;
    config.network.inside = {*alg::Prefix::parse("10.1.2.0/24")};
    config.network.media_ports = {2000, 49'999};
    config.tls.media = TlsMedia::static_range;
    config.tls.servers = {*alg::Prefix::parse("198.51.100.20/32")};
    return config;
}

/// 10.1.2.3 has spoken; so have the gateway and a host that is not inside, to no avail.
const HeardHosts& heard() {
    static testing::FakeRuleset kernel;
    static HeardHosts hosts(kernel);
    std::vector<nft::Place> places;
    for (const char* host : {"10.1.2.3", "10.1.3.3", "10.1.2.1"}) {
        places.push_back({SetId::heard4, Key::address(to_nft(testing::address(host)))});
        kernel.elements[{places.back().set, places.back().key}] = {};
    }
    static_cast<void>(hosts.look(places));
    return hosts;
}

/// The gateway is 10.1.2.1 inside and 192.0.2.1 outside.
OpeningRules rules(const Config& chosen = config()) {
    const std::array own{InterfaceAddress{"lan", testing::address("10.1.2.1"), *alg::Prefix::parse("10.1.2.0/24")},
                         InterfaceAddress{"wan", testing::address("192.0.2.1"), *alg::Prefix::parse("192.0.2.0/24")}};
    return {chosen, own, &heard()};
}

nft::Endpoint at(const char* host, std::uint16_t port) {
    return to_nft(testing::endpoint(host, port));
}

nft::Element element(const Key& key,
                     const std::string& comment = "audio rtp call=0123456789abcdef dialog=fedcba9876543210 id=x",
                     std::optional<nft::Endpoint> target = {}) {
    return {key, 90s, nft::Comment(comment), target};
}

Key pinhole(const char* host, std::uint16_t port, Protocol protocol = Protocol::udp) {
    return Key::pinhole(at("203.0.113.30", 0).address, protocol, at(host, port));
}

TEST(OpeningRules, HoldsPinholesToTheRulesOfThePlan) {
    EXPECT_TRUE(rules().may_add(SetId::pinholes4, element(pinhole("10.1.2.3", 5350))));
    EXPECT_FALSE(rules().may_add(SetId::pinholes4, element(pinhole("10.1.3.3", 5350)))) << "not inside";
    EXPECT_FALSE(rules().may_add(SetId::pinholes4, element(pinhole("10.1.2.1", 5350)))) << "the gateway";
    EXPECT_FALSE(rules().may_add(SetId::pinholes4, element(pinhole("10.1.2.3", 3389)))) << "protected";
    EXPECT_FALSE(rules().may_add(SetId::pinholes4, element(pinhole("10.1.2.3", 50'001)))) << "out of range";
    EXPECT_FALSE(rules().may_add(SetId::pinholes4, element(pinhole("10.1.2.3", 5350), "somebody's")))
        << "it does not say what for";
    EXPECT_FALSE(rules().may_add(SetId::open4, element(Key::endpoint(Protocol::udp, at("10.1.2.3", 22)))));
    EXPECT_FALSE(rules().may_add(SetId::pinholes4, element(pinhole("10.1.2.3", 5350, Protocol::tcp))));
}

TEST(OpeningRules, OpenNothingToAHostThatHasNotSpoken) {
    constexpr const char* kSilent = "10.1.2.4";
    EXPECT_FALSE(rules().may_add(SetId::pinholes4, element(pinhole(kSilent, 5350))));
    EXPECT_FALSE(rules().may_add(SetId::open4, element(Key::endpoint(Protocol::udp, at(kSilent, 5350)))));
    EXPECT_FALSE(rules().may_add(SetId::callbacks4, element(pinhole(kSilent, 7100, Protocol::tcp), "callback")));
    const nft::FlowTuple flow{Protocol::udp, at("203.0.113.30", 9000), at(kSilent, 5350)};
    EXPECT_FALSE(rules().may_seed({flow, 1U << config().marks.base_bit, 60s, std::nullopt}));
    EXPECT_FALSE(rules().may_seed({flow, 0, 60s, std::nullopt})) << "as signalling";

    Config with_relay = config();
    with_relay.network.relays.prefixes = {*alg::Prefix::parse("10.1.2.9/32")};
    EXPECT_TRUE(rules(with_relay).may_add(SetId::pinholes4, element(pinhole(kSilent, 5350))))
        << "a relay speaks for others";
}

TEST(OpeningRules, LetsNothingStayForEver) {
    nft::Element endless = element(pinhole("10.1.2.3", 5350));
    endless.timeout = 0ms;
    EXPECT_FALSE(rules().may_add(SetId::pinholes4, endless));
    endless.timeout = std::chrono::hours(24 * 365);
    EXPECT_FALSE(rules().may_add(SetId::pinholes4, endless));
    EXPECT_TRUE(rules().may_add(SetId::sip_ports, {Key::port(Protocol::tcp, 5060), 0ms, {}, {}}));
    EXPECT_FALSE(rules().may_add(SetId::sip_ports, {Key::port(Protocol::tcp, 443), 0ms, {}, {}}))
        << "what goes to the queue is for the configuration to say";
}

TEST(OpeningRules, LetsServersCallBackOnlyWhereSipMayListen) {
    EXPECT_TRUE(rules().may_add(SetId::callbacks4, element(pinhole("10.1.2.3", 7100, Protocol::tcp), "callback")));
    EXPECT_TRUE(
        rules().may_add(SetId::callbacks4, element(pinhole("192.0.2.1", 7100, Protocol::tcp), "callback to=x")));
    EXPECT_FALSE(rules().may_add(SetId::callbacks4, element(pinhole("10.1.2.3", 445, Protocol::tcp), "callback")));
    EXPECT_FALSE(rules().may_add(SetId::callbacks4, element(pinhole("10.1.3.3", 7100, Protocol::tcp), "callback")));
    EXPECT_TRUE(rules().may_add(SetId::sip_endpoints4, element(Key::endpoint(Protocol::tcp, at("10.1.2.3", 7100)))));
    EXPECT_FALSE(rules().may_add(SetId::sip_endpoints4, element(Key::endpoint(Protocol::tcp, at("198.51.100.7", 443)))))
        << "nobody else's traffic goes to the queue";
}

TEST(OpeningRules, TranslatesBetweenTheGatewaysAddressesAndInsideHosts) {
    const Key outside = pinhole("192.0.2.1", 40'000);
    EXPECT_TRUE(rules().may_add(SetId::outside4, element(outside)));
    EXPECT_FALSE(rules().may_add(SetId::outside4, element(pinhole("10.1.2.3", 40'000))));
    EXPECT_TRUE(rules().may_add(SetId::dnat4, element(outside, "audio", at("10.1.2.3", 5350))));
    EXPECT_FALSE(rules().may_add(SetId::dnat4, element(outside, "audio", at("10.1.2.3", 22))));
    EXPECT_FALSE(rules().may_add(SetId::dnat4, element(outside, "audio", at("10.9.9.9", 5350))));
    const Key binding = Key::binding("wan", Protocol::udp, at("10.1.2.3", 5350));
    EXPECT_TRUE(rules().may_add(SetId::snat4, element(binding, "binding", at("192.0.2.1", 40'000))));
    EXPECT_FALSE(rules().may_add(SetId::snat4, element(binding, "binding", at("203.0.113.5", 40'000))));
    Config pool = config();
    pool.nat.address.all = testing::address("203.0.113.5");
    EXPECT_TRUE(rules(pool).may_add(SetId::snat4, element(binding, "binding", at("203.0.113.5", 40'000))));
}

TEST(OpeningRules, GivesNoInsideHostAReservedPortOfTheGateway) {
    for (const std::uint16_t port : std::array<std::uint16_t, 2>{500, 51'820}) {
        const Key pinned = pinhole("192.0.2.1", port);
        const Key any = Key::endpoint(Protocol::udp, at("192.0.2.1", port));
        EXPECT_FALSE(rules().may_add(SetId::outside4, element(pinned)));
        EXPECT_FALSE(rules().may_add(SetId::outside_open4, element(any)));
        EXPECT_FALSE(rules().may_add(SetId::callbacks4, element(pinned, "callback to=x")));
        EXPECT_FALSE(rules().may_add(SetId::dnat4, element(pinned, "audio", at("10.1.2.3", 5350))));
        EXPECT_FALSE(rules().may_add(SetId::dnat_open4, element(any, "audio", at("10.1.2.3", 5350))));
        const Key binding = Key::binding("wan", Protocol::udp, at("10.1.2.3", 5350));
        EXPECT_FALSE(rules().may_add(SetId::snat4, element(binding, "binding", at("192.0.2.1", port))));
        const nft::FlowTuple flow{Protocol::udp, at("203.0.113.30", 9000), at("10.1.2.3", 5350)};
        EXPECT_FALSE(rules().may_seed({flow, 1U << config().marks.base_bit, 60s, at("192.0.2.1", port)}));
    }
    const Key any = Key::endpoint(Protocol::udp, at("192.0.2.1", 51'822));
    EXPECT_TRUE(rules().may_add(SetId::dnat_open4, element(any, "audio", at("10.1.2.3", 5350))));
}

TEST(OpeningRules, KnowsConnectionsOfTlsClientsToTheirServers) {
    const auto client = [](const char* from, const char* to, std::uint16_t port) {
        return element(Key::tuple({Protocol::tcp, at(from, 33'000), at(to, port)}), "");
    };
    EXPECT_TRUE(rules().may_add(SetId::tls_clients4, client("10.1.2.3", "198.51.100.20", 5061)));
    EXPECT_FALSE(rules().may_add(SetId::tls_clients4, client("10.1.2.3", "198.51.100.20", 443)));
    EXPECT_FALSE(rules().may_add(SetId::tls_clients4, client("10.1.2.3", "203.0.113.9", 5061)));
    EXPECT_TRUE(rules().may_add(SetId::admitted4, client("203.0.113.9", "10.1.2.3", 5350)));
    EXPECT_FALSE(rules().may_add(SetId::admitted4, client("203.0.113.9", "198.51.100.7", 5350)));
}

TEST(OpeningRules, LeavesThePacketPathItsOwnSets) {
    EXPECT_FALSE(rules().may_add(SetId::received4, element(Key::endpoint(Protocol::udp, at("10.1.2.3", 5350)))));
    EXPECT_FALSE(rules().may_add(SetId::sent4, element(Key::endpoint(Protocol::udp, at("10.1.2.3", 5350)))));
    EXPECT_FALSE(rules().may_add(SetId::heard4, element(Key::address(at("10.1.2.4", 0).address))));
}

TEST(OpeningRules, MakesOnlySuchFlowsKnown) {
    const auto seed = [](const char* host, std::uint16_t port, std::uint32_t mark) {
        return nft::FlowEntry{{Protocol::udp, at("203.0.113.30", 9000), at(host, port)}, mark, 60s, std::nullopt};
    };
    const std::uint32_t pinhole = 1U << config().marks.base_bit;
    EXPECT_TRUE(rules().may_seed(seed("10.1.2.3", 5350, pinhole)));
    EXPECT_FALSE(rules().may_seed(seed("10.1.2.3", 22, pinhole)));
    EXPECT_FALSE(rules().may_seed(seed("10.1.3.3", 5350, pinhole)));
    EXPECT_FALSE(rules().may_seed(seed("10.1.2.3", 5350, pinhole << 1U))) << "SIP is for the verdict to say";
    EXPECT_TRUE(rules().may_seed(seed("10.1.2.3", 5060, 0))) << "signalling";
    EXPECT_FALSE(rules().may_seed(seed("10.1.2.3", 445, 0)));
    const auto connection = [&](std::uint16_t port) {
        nft::FlowEntry entry = seed("10.1.2.3", port, pinhole);
        entry.original.protocol = Protocol::tcp;
        return rules().may_seed(entry);
    };
    EXPECT_TRUE(connection(1503));
    EXPECT_TRUE(connection(6891));
    EXPECT_FALSE(connection(5350)) << "of TCP only what Messenger uses";
    nft::FlowEntry hidden = seed("10.1.2.3", 5350, pinhole);
    hidden.outside = at("192.0.2.1", 40'000);
    EXPECT_TRUE(rules().may_seed(hidden));
    hidden.outside = at("203.0.113.5", 40'000);
    EXPECT_FALSE(rules().may_seed(hidden));
    hidden.outside.reset();
    hidden.timeout = std::chrono::hours(24 * 365);
    EXPECT_FALSE(rules().may_seed(hidden));
}

}  // namespace
}  // namespace messenger::daemon
