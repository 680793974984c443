// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/warden/verdict_check.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>

#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "daemon/queue/verdict_batch.h"
#include "tests/support/packet_builder.h"

namespace messenger::daemon {
namespace {

using Bytes = std::vector<std::byte>;
using testing::endpoint;

constexpr std::uint16_t kSignalling = 200;
constexpr std::uint16_t kAdmit = 210;

/// A gateway that hides 10.1.2.0/24 behind an address of its own.
Config hiding() {
    Config config;
    config.network.inside = {*alg::Prefix::parse("10.1.2.0/24")};
    config.nat.interfaces = {"wan"};
    return config;
}

bool passes(const Bytes& bytes, const Config& config = hiding()) {
    VerdictCheck check;
    check.update(config, {});
    return check.holds_only_verdicts(bytes);
}

Bytes one(const Verdict& verdict) {
    VerdictBatch verdicts(4096);
    EXPECT_TRUE(verdicts.add(verdict, 1));
    return {verdicts.bytes().begin(), verdicts.bytes().end()};
}

Bytes replaced(const Bytes& packet, std::uint16_t queue = kSignalling) {
    return one({queue, 3, Verdict::Action::accept, std::nullopt, packet});
}

Bytes from_server(std::uint16_t to_port = 5060, const char* to = "10.1.2.3") {
    return testing::udp_packet(endpoint("203.0.113.30", 5060), endpoint(to, to_port), "SIP/2.0 200 OK");
}

Bytes batch(std::uint16_t queue = kSignalling) {
    VerdictBatch verdicts(4096);
    EXPECT_TRUE(verdicts.add({queue, 1, Verdict::Action::accept, std::nullopt, {}}, 1));
    EXPECT_TRUE(verdicts.add({queue, 2, Verdict::Action::drop, std::nullopt, {}}, 2));
    EXPECT_TRUE(verdicts.add({queue, 3, Verdict::Action::accept, 0x20000000, from_server()}, 3));
    return {verdicts.bytes().begin(), verdicts.bytes().end()};
}

TEST(VerdictCheck, LetsThroughWhatTheBatchWrites) {
    EXPECT_TRUE(passes(batch()));
    EXPECT_TRUE(passes(one({kAdmit, 1, Verdict::Action::accept, std::nullopt, {}})));
    EXPECT_TRUE(passes(one({kAdmit, 1, Verdict::Action::drop, std::nullopt, {}})));
    EXPECT_FALSE(passes(batch(201))) << "somebody else's queue";
    Config marking = hiding();
    marking.passage.mode = Passage::mark;
    EXPECT_FALSE(passes(one({kAdmit, 1, Verdict::Action::accept, std::nullopt, {}}), marking)) << "not ours then";
}

TEST(VerdictCheck, LetsFirstPacketsGoOnOnlyAsTheyCame) {
    EXPECT_FALSE(passes(replaced(from_server(), kAdmit)));
    EXPECT_FALSE(passes(one({kAdmit, 1, Verdict::Action::accept, 0x20000000, {}})));
    Config several = hiding();
    several.queue.signalling = {200, 209};
    EXPECT_TRUE(passes(replaced(from_server(), 209), several));
}

TEST(VerdictCheck, LetsNothingChangeThatIsDropped) {
    EXPECT_FALSE(passes(one({kSignalling, 1, Verdict::Action::drop, 0x20000000, {}})));
    EXPECT_FALSE(passes(one({kSignalling, 1, Verdict::Action::drop, std::nullopt, from_server()})));
}

TEST(VerdictCheck, LetsBytesChangeOnlyWhereMessagesDo) {
    Config routing = hiding();
    routing.nat.interfaces.clear();
    const Bytes segment = testing::tcp_packet(endpoint("203.0.113.30", 5060), endpoint("10.1.2.3", 33'000), {}, "SIP");
    EXPECT_TRUE(passes(replaced(segment)));
    EXPECT_FALSE(passes(replaced(segment), routing));
    routing.policy.compression = alg::Compression::decline;
    EXPECT_TRUE(passes(replaced(segment), routing));
    EXPECT_FALSE(passes(replaced(from_server()), routing)) << "datagrams only for NAT";
    const Bytes later =
        testing::udp_packet(endpoint("2001:db8::30", 5060), endpoint("2001:db8:1::3", 5060), "SIP/2.0 200 OK");
    EXPECT_FALSE(passes(replaced(later))) << "nor IPv6";

    VerdictCheck check;
    check.update(routing, {});
    routing.policy.compression = alg::Compression::opaque;
    check.update(routing, {});
    EXPECT_TRUE(check.holds_only_verdicts(replaced(segment))) << "it may come again";
}

TEST(VerdictCheck, LetsAPacketBecomeOnlyWhatMightHaveBeenQueued) {
    EXPECT_TRUE(passes(replaced(from_server(33'000)))) << "where it has sent from";
    EXPECT_FALSE(passes(replaced(from_server(161)))) << "a service of an inside host";
    const auto between = [](alg::Endpoint from, alg::Endpoint to) {
        return replaced(testing::udp_packet(from, to, "SIP/2.0 200 OK"));
    };
    EXPECT_TRUE(passes(between(endpoint("10.1.2.3", 33'000), endpoint("203.0.113.30", 5060))));
    EXPECT_TRUE(passes(between(endpoint("203.0.113.30", 40'000), endpoint("10.1.2.3", 7100)))) << "a Contact";
    EXPECT_TRUE(passes(between(endpoint("10.1.2.3", 7100), endpoint("203.0.113.30", 40'000))));
    EXPECT_FALSE(passes(between(endpoint("203.0.113.30", 40'000), endpoint("198.51.100.7", 7100)))) << "nobody inside";
    EXPECT_FALSE(passes(between(endpoint("10.1.2.3", 161), endpoint("203.0.113.30", 7100))));
    Config odd = hiding();
    odd.sip.ports = {161};
    EXPECT_TRUE(passes(replaced(from_server(161)), odd)) << "where SIP is spoken";

    Bytes cut = from_server();
    cut.resize(27);
    EXPECT_FALSE(passes(replaced(cut)));
    EXPECT_FALSE(passes(replaced(testing::to_bytes("a packet's bytes"))));
}

TEST(VerdictCheck, LetsWhatWasInsideGoOn) {
    VerdictCheck check;
    check.update(hiding(), {});
    Config narrower = hiding();
    narrower.network.inside = {*alg::Prefix::parse("10.1.2.11/32")};
    check.update(narrower, {});
    const auto to = [](const char* host, std::uint16_t port) {
        return replaced(testing::udp_packet(endpoint("203.0.113.30", 40'000), endpoint(host, port), "SIP/2.0 200 OK"));
    };
    EXPECT_TRUE(check.holds_only_verdicts(to("10.1.2.3", 7100))) << "a connection that was edited before";
    EXPECT_FALSE(check.holds_only_verdicts(to("10.1.2.3", 161)));
    EXPECT_FALSE(passes(to("10.1.2.3", 7100), narrower)) << "not to a host that has never been inside";
}

TEST(VerdictCheck, DropsThePacketOfAVerdictThatMayNotBeGivenAndGivesTheOthers) {
    VerdictCheck check;
    check.update(hiding(), {});
    const Verdict good{kSignalling, 1, Verdict::Action::accept, std::nullopt, {}};
    const Bytes service = from_server(161);
    const Verdict bad{kSignalling, 2, Verdict::Action::accept, 0x20000000, service};
    const Verdict of_others{201, 3, Verdict::Action::accept, std::nullopt, {}};
    const Verdict last{kAdmit, 4, Verdict::Action::drop, std::nullopt, {}};
    VerdictBatch sent(65'536);
    for (const Verdict& verdict : {good, bad, of_others, last}) EXPECT_TRUE(sent.add(verdict, verdict.packet_id));
    VerdictBatch expected(65'536);
    for (const Verdict& verdict : {good, Verdict{kSignalling, 2, Verdict::Action::drop, std::nullopt, {}}, last}) {
        EXPECT_TRUE(expected.add(verdict, verdict.packet_id));
    }
    const auto mended = check.mend(sent.bytes());
    EXPECT_EQ(mended.turned_down, 2);
    EXPECT_EQ(mended.bytes, Bytes(expected.bytes().begin(), expected.bytes().end()));
    EXPECT_TRUE(check.holds_only_verdicts(mended.bytes));

    Bytes cut(sent.bytes().begin(), sent.bytes().end());
    cut.resize(one(good).size() + 10);
    EXPECT_EQ(check.mend(cut).bytes, one(good)) << "what comes before is given";
}

TEST(VerdictCheck, TurnsDownOtherMessagesOfTheQueue) {
    for (unsigned type = 0; type < 256; ++type) {
        if (type == NFQNL_MSG_VERDICT) continue;
        Bytes other = batch();
        other[offsetof(nlmsghdr, nlmsg_type)] = static_cast<std::byte>(type);
        EXPECT_FALSE(passes(other)) << "message type " << type;
    }
}

TEST(VerdictCheck, TurnsDownOtherFates) {
    constexpr std::size_t kVerdict = sizeof(nlmsghdr) + 4 + sizeof(nlattr);  // big-endian
    for (const unsigned fate : {unsigned{NF_STOLEN}, unsigned{NF_QUEUE}, unsigned{NF_REPEAT}, unsigned{NF_STOP}, 77U}) {
        Bytes other = batch();
        other[kVerdict + 3] = static_cast<std::byte>(fate);
        EXPECT_FALSE(passes(other)) << fate;
    }
    Bytes other_queue = batch();
    other_queue[kVerdict + 1] = std::byte{1};
    EXPECT_FALSE(passes(other_queue)) << "the upper half is a queue, or an errno";
}

TEST(VerdictCheck, TurnsDownOtherAttributes) {
    for (const std::uint16_t type : {NFQA_CT, NFQA_EXP, NFQA_VLAN}) {
        Bytes other = batch();
        const nlattr attribute{sizeof(nlattr), type};
        const auto* bytes = reinterpret_cast<const std::byte*>(&attribute);
        other.insert(other.end(), bytes, bytes + sizeof(attribute));
        nlmsghdr first{};
        std::memcpy(&first, other.data(), sizeof(first));
        other.erase(other.begin() + first.nlmsg_len, other.end() - static_cast<std::ptrdiff_t>(sizeof(attribute)));
        first.nlmsg_len += static_cast<std::uint32_t>(sizeof(attribute));
        std::memcpy(other.data(), &first, sizeof(first));
        EXPECT_FALSE(passes(other)) << type;
    }
}

TEST(VerdictCheck, TurnsDownWhatIsCut) {
    const Bytes whole = batch();
    std::size_t good = 0;
    for (std::size_t size = 1; size < whole.size(); ++size) {
        good += passes(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))) ? 1U : 0U;
    }
    EXPECT_EQ(good, 2U) << "after the first and after the second verdict";
}

}  // namespace
}  // namespace messenger::daemon
