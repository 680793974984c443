// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/dialog.h"

#include <gtest/gtest.h>

#include "tests/support/packet_builder.h"

namespace messenger::alg {
namespace {

using testing::address;
using testing::endpoint;

TEST(Dialog, ReducesATagToANumberThatIsNeverZero) {
    EXPECT_EQ(make_tag(""), 0U);
    EXPECT_NE(make_tag("a"), 0U);
    EXPECT_NE(make_tag("a"), make_tag("b"));
}

TEST(Dialog, HasOneKeyWhicheverTagComesFirst) {
    EXPECT_EQ(dialog_key(1, 2), dialog_key(2, 1));
    EXPECT_NE(dialog_key(1, 2), dialog_key(1, 3));
}

TEST(Dialog, KnowsABranchInRequestAndResponse) {
    const auto request = make_branch("SIP/2.0/UDP 10.1.2.3:5060;branch=z9hG4bK1;rport");
    EXPECT_EQ(request, make_branch("SIP/2.0/UDP 10.1.2.3:5060;received=10.1.2.3;rport=5060;branch=z9hG4bK1"));
    EXPECT_NE(request, make_branch("SIP/2.0/UDP 10.1.2.3:5060;branch=z9hG4bK2;rport"));
    EXPECT_NE(request, make_branch("SIP/2.0/UDP 10.1.2.4:5060;branch=z9hG4bK1;rport"));
    EXPECT_NE(request, make_branch("SIP/2.0/UDP 10.1.2.3:5062;branch=z9hG4bK1;rport"));
}

TEST(Dialog, KnowsABranchOfAClientThatSendsNone) {
    const auto request = make_branch("SIP/2.0/TCP 10.1.2.3:7100");
    EXPECT_NE(request, 0U);
    EXPECT_EQ(request, make_branch("SIP/2.0/TCP 10.1.2.3:7100;received=192.0.2.10;ms-received-port=1624"));
    EXPECT_EQ(make_branch("nonsense"), 0U);
    EXPECT_EQ(make_branch(""), 0U);
}

TEST(Dialog, HasOneAgentForEachHostAndParty) {
    Dialog dialog;
    Agent* agent = dialog.agent(address("10.1.2.3"), Party::caller);
    ASSERT_NE(agent, nullptr);
    EXPECT_EQ(dialog.agent(address("10.1.2.3"), Party::caller)->acts_for, Party::caller);
    EXPECT_EQ(dialog.agent(address("10.1.2.3"), Party::callee)->acts_for, Party::callee);
    EXPECT_EQ(dialog.agents.size(), 2U);
    EXPECT_TRUE(dialog.has_host(address("10.1.2.3")));
    EXPECT_FALSE(dialog.has_host(address("10.1.2.4")));
}

TEST(Dialog, BoundsItsAgentsAndPeers) {
    Dialog dialog;
    for (std::uint32_t i = 1; i < 100; ++i) {
        (void)dialog.agent(IpAddress::v4(i), Party::caller);
        dialog.add_peer(IpAddress::v4(1000 + i));
    }
    EXPECT_EQ(dialog.agent(IpAddress::v4(99), Party::caller), nullptr);
    EXPECT_NE(dialog.agent(IpAddress::v4(1), Party::caller), nullptr);
    EXPECT_EQ(dialog.agents.size(), 8U);
    EXPECT_EQ(dialog.peers.size(), 32U);
}

TEST(Dialog, KeepsRoomForSignallingPeersWhateverAddressesMediaHave) {
    Dialog dialog;
    for (std::uint32_t i = 1; i < 100; ++i) dialog.add_media_peer(IpAddress::v4(i));
    EXPECT_EQ(dialog.peers.size(), 16U);
    for (std::uint32_t i = 0; i < 16; ++i) dialog.add_peer(IpAddress::v4(1000 + i));
    (void)dialog.agent(address("10.1.2.3"), Party::caller);
    EXPECT_TRUE(dialog.knows(IpAddress::v4(1))) << "of the media";
    EXPECT_TRUE(dialog.knows(IpAddress::v4(1015))) << "the last of those who send requests";
}

TEST(Dialog, KnowsItsAgentsAndPeersOnly) {
    Dialog dialog;
    (void)dialog.agent(address("10.1.2.3"), Party::caller);
    dialog.add_peer(address("198.51.100.20"));
    dialog.add_peer(address("0.0.0.0"));
    const auto between = [](const char* from, const char* to) {
        return FlowTuple{endpoint(from, 5060), endpoint(to, 5060), Transport::udp};
    };
    EXPECT_TRUE(dialog.knows(between("10.1.2.3", "198.51.100.20")));
    EXPECT_TRUE(dialog.knows(between("198.51.100.20", "10.1.2.3")));
    EXPECT_FALSE(dialog.knows(between("198.51.100.99", "10.1.2.3")));
    EXPECT_FALSE(dialog.knows(between("0.0.0.0", "10.1.2.3")));
    EXPECT_TRUE(Dialog{}.knows(between("198.51.100.99", "10.1.2.3"))) << "from before a restart: the tags decide";
}

}  // namespace
}  // namespace messenger::alg
