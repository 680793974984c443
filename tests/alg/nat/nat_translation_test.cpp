// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/nat/nat_translation.h"

#include <gtest/gtest.h>

#include "tests/support/packet_builder.h"

namespace messenger::alg {
namespace {

using testing::address;
using testing::endpoint;

const IpAddress kOutside = *IpAddress::parse("192.0.2.10");

/// Alice has the inside endpoint 10.1.2.3:5350, outside 40000. Bob is at 10.1.2.4:5060, outside 40060.
struct Office {
    Office() {
        policy.inside.add(*Prefix::parse("10.0.0.0/8"));
        EXPECT_TRUE(bindings.restore({Transport::udp, endpoint("10.1.2.3", 5350), kOutside}, 40000, 1, std::nullopt));
        EXPECT_TRUE(bindings.restore({Transport::udp, endpoint("10.1.2.4", 5060), kOutside}, 40060, 1, std::nullopt));
    }
    [[nodiscard]] OutboundTranslation from(const IpAddress& sender, bool t120_refused = false) {
        return {bindings, policy, path, sender, t120_refused};
    }

    Policy policy;
    Limits limits;
    BindingTable bindings{policy, limits, HashKey{1, 2}};
    NatPath path{kOutside, kOutside};
    IpAddress alice = address("10.1.2.3");
};

TEST(OutboundTranslation, IsForTheSendersOwnEndpoints) {
    Office office;
    const auto translation = office.from(office.alice);
    EXPECT_EQ(translation.endpoint(Transport::udp, endpoint("10.1.2.3", 5350)), endpoint("192.0.2.10", 40000));
    EXPECT_EQ(translation.endpoint(Transport::udp, endpoint("10.1.2.3", 7000)), endpoint("192.0.2.10", 7000));
    EXPECT_EQ(translation.endpoint(Transport::udp, endpoint("10.1.2.4", 5060)), std::nullopt);
    EXPECT_EQ(translation.endpoint(Transport::udp, endpoint("203.0.113.30", 5060)), std::nullopt);
    EXPECT_EQ(translation.address(address("10.1.2.3")), kOutside);
    EXPECT_EQ(translation.address(address("10.1.2.4")), std::nullopt);
}

TEST(OutboundTranslation, RelaysSpeakForOtherInsideHosts) {
    Office office;
    office.policy.relays.add(*Prefix::parse("10.1.2.3/32"));
    const auto translation = office.from(office.alice);
    EXPECT_EQ(translation.endpoint(Transport::udp, endpoint("10.1.2.4", 5060)), endpoint("192.0.2.10", 40060));
    EXPECT_EQ(translation.endpoint(Transport::udp, endpoint("203.0.113.30", 5060)), std::nullopt);
}

TEST(OutboundTranslation, RequestsForOtherInsideHostsNameThemAsTheOutsideKnowsThem) {
    Office office;
    const auto translation = office.from(office.alice);
    EXPECT_EQ(translation.target(Transport::udp, endpoint("10.1.2.4", 5060)), endpoint("192.0.2.10", 40060));
    EXPECT_EQ(translation.target(Transport::tcp, endpoint("10.1.2.4", 5060)), std::nullopt) << "not bound";
    EXPECT_EQ(translation.target(Transport::udp, endpoint("10.1.2.5", 5060)), std::nullopt);
    EXPECT_EQ(translation.target(Transport::udp, endpoint("203.0.113.30", 5060)), std::nullopt);
}

TEST(OutboundTranslation, AdvertisesAnotherAddress) {
    Office office;
    office.path.advertised = address("198.51.100.7");
    const auto translation = office.from(office.alice);
    EXPECT_EQ(translation.endpoint(Transport::udp, endpoint("10.1.2.3", 5350)), endpoint("198.51.100.7", 40000));
    EXPECT_EQ(translation.target(Transport::udp, endpoint("10.1.2.4", 5060)), endpoint("198.51.100.7", 40060));
    EXPECT_EQ(translation.address(address("10.1.2.3")), address("198.51.100.7"));
}

TEST(OutboundTranslation, TurnsT120DownWithPort0) {
    Office office;
    const Endpoint t120 = endpoint("10.1.2.3", 1503);
    EXPECT_EQ(office.from(office.alice).endpoint(Transport::tcp, t120), endpoint("192.0.2.10", 1503));
    EXPECT_EQ(office.from(office.alice, true).endpoint(Transport::tcp, t120), endpoint("192.0.2.10", 0));
    office.policy.reserved_ports = {1503};
    EXPECT_EQ(office.from(office.alice).endpoint(Transport::tcp, t120), endpoint("192.0.2.10", 0));
}

TEST(InboundTranslation, TurnsBackWhatNamesABinding) {
    Office office;
    office.path.advertised = address("198.51.100.7");
    const InboundTranslation translation(office.bindings, office.path, std::nullopt);
    EXPECT_EQ(translation.endpoint(Transport::udp, endpoint("198.51.100.7", 40060)), endpoint("10.1.2.4", 5060));
    EXPECT_EQ(translation.target(Transport::udp, endpoint("198.51.100.7", 40060)), endpoint("10.1.2.4", 5060));
    EXPECT_EQ(translation.endpoint(Transport::udp, endpoint("198.51.100.7", 40062)), std::nullopt);
    EXPECT_EQ(translation.endpoint(Transport::udp, endpoint("192.0.2.10", 40060)), std::nullopt) << "not advertised";
    EXPECT_EQ(translation.address(address("198.51.100.7")), std::nullopt) << "of which inside host?";
}

}  // namespace
}  // namespace messenger::alg
