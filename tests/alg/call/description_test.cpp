// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/description.h"

#include <gmock/gmock.h>

#include "tests/support/packet_builder.h"
#include "tests/support/sip_text.h"

namespace messenger::alg {
namespace {

using testing::address;
using ::testing::ElementsAre;

Description describe(std::string_view text) {
    SdpView view;
    EXPECT_TRUE(view.parse(text, Limits{}));
    Description description;
    add_streams(view, Limits{}, description);
    return description;
}

std::vector<std::pair<std::uint16_t, PortRole>> ports(const std::string& media, bool mux = false) {
    std::vector<std::pair<std::uint16_t, PortRole>> all;
    const Description description = describe(testing::sdp("10.1.2.3", media));
    for (const StreamPort& port : stream_ports(description.streams.at(0), mux)) all.emplace_back(port.port, port.role);
    return all;
}

TEST(Description, FindsThePortsOfAStream) {
    using P = std::pair<std::uint16_t, PortRole>;
    EXPECT_THAT(ports("m=audio 5350 RTP/AVP 0"), ElementsAre(P(5350, PortRole::rtp), P(5351, PortRole::rtcp)));
    EXPECT_THAT(ports("m=audio 5350 RTP/AVP 0", true), ElementsAre(P(5350, PortRole::rtp)));
    EXPECT_THAT(ports("m=audio 5351 RTP/AVP 0"),
                ElementsAre(P(5351, PortRole::rtp), P(5352, PortRole::rtcp), P(5350, PortRole::rtp)));
    EXPECT_THAT(ports("m=audio 5351 RTP/AVP 0\na=rtcp:6000"),
                ElementsAre(P(5351, PortRole::rtp), P(6000, PortRole::rtcp)));
    EXPECT_THAT(ports("m=audio 5350/2 RTP/AVP 0"), ElementsAre(P(5350, PortRole::rtp), P(5352, PortRole::rtp),
                                                               P(5351, PortRole::rtcp), P(5353, PortRole::rtcp)));
    EXPECT_THAT(ports("m=image 6000 udptl t38"), ElementsAre(P(6000, PortRole::udp)));
    EXPECT_THAT(ports("m=application 1503 tcp msdata"), ElementsAre(P(1503, PortRole::t120)));
    EXPECT_THAT(ports("m=audio 65535 RTP/AVP 0\na=rtcp:65535"), ElementsAre(P(65535, PortRole::rtp)));
    EXPECT_THAT(ports("m=audio 65534/4 RTP/AVP 0"), ElementsAre(P(65534, PortRole::rtp), P(65535, PortRole::rtcp)));
}

TEST(Description, KeepsSlotsOfLinesThatOpenNothing) {
    const Description description =
        describe(testing::sdp("10.1.2.3", "m=message 5060 sip null\nm=audio 0 RTP/AVP 0\nm=video 5352 RTP/AVP 34"));
    ASSERT_EQ(description.streams.size(), 2U);
    EXPECT_EQ(description.find(0), nullptr);
    EXPECT_EQ(description.find(1)->port, 0);
    EXPECT_EQ(description.find(2)->port, 5352);
}

TEST(Description, OpensNoTcpForTheCandidatesOfALine) {
    const std::string candidates =
        "\na=candidate:1 1 UDP 2130706431 10.1.2.3 5352 typ host\na=candidate:1 2 UDP 2130706430 10.1.2.3 5353 typ "
        "host";
    const Description both = describe(testing::sdp("10.1.2.3", "m=audio 5350 TCP/RTP/AVP 0" + candidates));
    ASSERT_EQ(both.streams.size(), 3U);
    EXPECT_EQ(both.streams[0].obstacle, RefuseReason::tcp_media);
    EXPECT_EQ(both.streams[1].role, PortRole::rtp);
    EXPECT_EQ(both.streams[2].role, PortRole::rtcp);
    EXPECT_EQ(describe(testing::sdp("10.1.2.3", "m=application 1503 tcp msdata" + candidates)).streams.size(), 1U);
}

TEST(Description, SaysWhatIsInTheWay) {
    struct Row {
        std::string address;
        std::string media;
        std::optional<RefuseReason> obstacle;
    };
    const std::vector<Row> rows{
        {"10.1.2.3", "m=audio 5350 RTP/AVP 0", std::nullopt},
        {"phone.example.com", "m=audio 5350 RTP/AVP 0", RefuseReason::host_name},
        {"233.252.0.1/127", "m=audio 5350 RTP/AVP 0", RefuseReason::multicast},
        {"10.1.2.3", "m=audio 5350/5 RTP/AVP 0", RefuseReason::too_many_ports},
        {"10.1.2.3", "m=audio 5350 FOO/BAR 0", RefuseReason::unknown_transport},
        {"10.1.2.3", "m=message 2855 TCP/MSRP *", RefuseReason::tcp_media},
        {"10.1.2.3", "m=application 1504 tcp msdata", RefuseReason::tcp_media},
    };
    for (const Row& row : rows) {
        EXPECT_EQ(describe(testing::sdp(row.address, row.media)).streams.at(0).obstacle, row.obstacle) << row.media;
    }
}

TEST(Description, BelievesOnlyTheHostItselfAndRelays) {
    Policy policy;
    policy.inside.add(*Prefix::parse("10.0.0.0/8"));
    policy.relays.add(*Prefix::parse("10.1.2.2"));
    policy.protected_addresses = {address("10.0.0.1")};
    struct Row {
        const char* announced;
        const char* sender;
        std::optional<RefuseReason> reason;
    };
    const std::vector<Row> rows{
        {"10.1.2.3", "10.1.2.3", std::nullopt},
        {"10.1.2.4", "10.1.2.3", RefuseReason::not_sender_address},
        {"10.1.2.4", "10.1.2.2", std::nullopt},
        {"203.0.113.30", "10.1.2.2", RefuseReason::not_inside_address},
        {"127.0.0.1", "10.1.2.2", RefuseReason::forbidden_address},
        {"10.0.0.1", "10.0.0.1", RefuseReason::forbidden_address},
        {"255.255.255.255", "10.1.2.2", RefuseReason::forbidden_address},
        {"ff15::1", "10.1.2.2", RefuseReason::forbidden_address},
    };
    for (const Row& row : rows) {
        EXPECT_EQ(address_obstacle(address(row.announced), address(row.sender), policy), row.reason) << row.announced;
    }
}

TEST(Description, HoldsPortsToTheirRules) {
    Policy policy;
    policy.media_ports = {10000, 20000};
    policy.protected_ports = {10500, 11000};
    EXPECT_EQ(port_obstacle(1023, PortRole::rtp, policy), RefuseReason::low_port);
    EXPECT_EQ(port_obstacle(9999, PortRole::rtp, policy), RefuseReason::port_out_of_range);
    EXPECT_EQ(port_obstacle(10000, PortRole::rtp, policy), std::nullopt);
    EXPECT_EQ(port_obstacle(20000, PortRole::rtp, policy), std::nullopt);
    EXPECT_EQ(port_obstacle(20001, PortRole::rtcp, policy), RefuseReason::port_out_of_range);
    EXPECT_EQ(port_obstacle(11000, PortRole::udp, policy), RefuseReason::protected_port);
    EXPECT_EQ(port_obstacle(1503, PortRole::t120, policy), std::nullopt);
    EXPECT_EQ(port_obstacle(10000, PortRole::t120, policy), RefuseReason::tcp_media);
    EXPECT_EQ(port_obstacle(1503, PortRole::udp, policy), RefuseReason::port_out_of_range);
    EXPECT_EQ(port_obstacle(6890, PortRole::file, policy), RefuseReason::no_file_port);
    EXPECT_EQ(port_obstacle(6891, PortRole::file, policy), std::nullopt);
    EXPECT_EQ(port_obstacle(6901, PortRole::file, policy), std::nullopt);
    EXPECT_EQ(port_obstacle(6902, PortRole::file, policy), RefuseReason::no_file_port);
}

TEST(Description, PermitsNoSharingThatAReservedPortWouldHaveToCarry) {
    Policy policy;
    const Limits limits;
    BindingTable bindings(policy, limits, {});
    ASSERT_TRUE(bindings.claim(Transport::tcp, endpoint("192.0.2.10", 1503), address("203.0.113.30"),
                               endpoint("10.1.2.4", 1503)));
    policy.reserved_ports = {1503};
    const std::string text = testing::sdp("10.1.2.3", "m=application 1503 tcp msdata");
    std::vector<RefuseReason> reasons;
    const auto note = [&](const Stream&, RefuseReason reason, std::uint16_t) { reasons.push_back(reason); };
    Description routed = describe(text);
    permit(routed, address("10.1.2.3"), policy, bindings, note);
    EXPECT_TRUE(routed.streams.at(0).permitted) << "without NAT the port is the host's own";
    Description hidden = describe(text);
    hidden.behind = address("192.0.2.10");
    permit(hidden, address("10.1.2.3"), policy, bindings, note);
    EXPECT_FALSE(hidden.streams.at(0).permitted);
    EXPECT_THAT(reasons, ElementsAre(RefuseReason::outside_port_reserved));
    Description sharing = describe(testing::sdp("10.1.2.4", "m=application 1503 tcp msdata"));
    sharing.behind = address("192.0.2.10");
    permit(sharing, address("10.1.2.4"), policy, bindings, note);
    EXPECT_TRUE(sharing.streams.at(0).permitted) << "it had the port before";
}

TEST(Description, PermitsAHeldStreamWithoutAnAddress) {
    Policy policy;
    Description description = describe(testing::sdp("0.0.0.0", "m=audio 5350 RTP/AVP 0"));
    const Limits limits;
    permit(description, address("10.1.2.3"), policy, BindingTable(policy, limits, {}),
           [](const Stream&, RefuseReason, std::uint16_t) { FAIL() << "a hold is nothing to refuse"; });
    EXPECT_TRUE(description.streams.at(0).permitted);
}

std::vector<int> slots(const Description& description) {
    std::vector<int> all;
    for (const Stream& stream : description.streams) all.push_back(stream.slot);
    return all;
}

TEST(Description, KeepsWhatCanOpenByTheNumberOfItsLine) {
    const std::string lines =
        "m=audio 1000 RTP/AVP 0\nm=video 0 RTP/AVP 34\nm=image 5352 udptl t38\nm=audio 5354 TCP/RTP/AVP 0\nm=audio "
        "5356 "
        "RTP/AVP 0";
    Description local = describe(testing::sdp("10.1.2.3", lines));
    Policy policy;
    policy.inside.add(*Prefix::parse("10.0.0.0/8"));
    const Limits limits;
    permit(local, address("10.1.2.3"), policy, BindingTable(policy, limits, {}),
           [](const Stream&, RefuseReason, std::uint16_t) {});
    local.keep_permitted();
    EXPECT_THAT(slots(local), ElementsAre(2, 4));
    Description remote = describe(testing::sdp("203.0.113.30", lines));
    remote.keep_remote_ends();
    EXPECT_THAT(slots(remote), ElementsAre(0, 2, 4)) << "a peer may listen where an inside host may not";
    EXPECT_FALSE(local.bare || remote.bare);
    remote.keep(2);
    EXPECT_THAT(slots(remote), ElementsAre(0, 2));
    remote.keep(0);
    EXPECT_TRUE(remote.bare);
}

TEST(Description, IsNotEmptyWhenItRefusesEverything) {
    Description refusing = describe(testing::sdp("203.0.113.30", "m=audio 0 RTP/AVP 0"));
    refusing.keep_remote_ends();
    EXPECT_TRUE(refusing.streams.empty());
    EXPECT_FALSE(refusing.empty());
    Description nothing;
    nothing.keep_remote_ends();
    nothing.keep_permitted();
    nothing.keep(0);
    EXPECT_TRUE(nothing.empty());
}

}  // namespace
}  // namespace messenger::alg
