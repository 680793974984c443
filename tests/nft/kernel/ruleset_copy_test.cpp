// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/ruleset_copy.h"

#include <linux/netfilter.h>

#include "nft/packet_trace.h"
#include "tests/nft/kernel/lab.h"

namespace messenger::nft::testing {
namespace {

class RulesetCopyTest : public KernelTest {
   protected:
    /// As nft prints it, without what counts.
    static std::string listing() { return run_command("nft -s list ruleset"); }
    RulesetCopy read() {
        auto socket = open_socket();
        auto copy = RulesetCopy::read(socket);
        EXPECT_TRUE(ok(copy));
        return *std::move(copy);
    }
    /// What another namespace prints after the copy, and what was refused.
    std::string listing_of_copy(const RulesetCopy& copy, std::vector<RulesetCopy::Refusal>* refused = nullptr) {
        return NetNamespace().run([&] {
            auto socket = open_socket();
            auto result = copy.load(socket);
            EXPECT_TRUE(ok(result));
            if (refused != nullptr) {
                *refused = *result;
            } else {
                for (const auto& refusal : *result) ADD_FAILURE() << to_string(refusal.table) << ": " << refusal.reason;
            }
            return listing();
        });
    }
};

TEST_F(RulesetCopyTest, CopiesWhatNftCanSay) {
    run_nft(R"(
        table inet filter {
            set blocked { type ipv4_addr; flags interval; elements = { 192.0.2.0/24, 198.51.100.7 }; }
            set seen { type ipv4_addr . inet_service; flags dynamic,timeout; timeout 1h; }
            map where { type inet_service : verdict; elements = { 80 : jump web, 443 : accept }; }
            counter phones { }
            chain web { tcp flags syn limit rate 5/second accept comment "a web, slowly"; }
            chain forward {
                type filter hook forward priority filter; policy drop;
                ct state vmap { established : accept, related : accept, invalid : drop }
                ip saddr @blocked drop
                iifname { "lan*", "wan0" } tcp dport vmap @where
                udp dport 5060-5061 counter name "phones" update @seen { ip saddr . udp dport } accept
                meta mark & 0xff00 == 0x1200 reject with icmpx type admin-prohibited
                ip daddr 10.0.0.0/8 jump { udp dport 53 accept; }
            }
        }
        table ip nat { chain post { type nat hook postrouting priority srcnat; oifname "wan0" masquerade random; }; }
        table ip6 raw { chain pre { type filter hook prerouting priority raw; policy accept; notrack; }; }
    )");
    const std::string original = listing();
    const std::string copied = listing_of_copy(read());
    // A chain within a rule becomes one of its name.
    const auto without_inner = [](const std::string& text) { return text.substr(0, text.find("ip daddr 10.0.0.0/8")); };
    EXPECT_EQ(without_inner(copied), without_inner(original));
    EXPECT_NE(copied.find("udp dport 53 accept"), std::string::npos);
    EXPECT_NE(copied.find("masquerade random"), std::string::npos);
    EXPECT_NE(copied.find("notrack"), std::string::npos);
}

TEST_F(RulesetCopyTest, CopiesWhatIptablesCanSay) {
    run_command(
        "iptables-nft -P FORWARD DROP && iptables-nft -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT "
        "&& "
        "iptables-nft -A FORWARD -p udp -m multiport --dports 5060,5061 -j ACCEPT && "
        "iptables-nft -A FORWARD -p tcp -j REJECT --reject-with tcp-reset && "
        "iptables-nft -t nat -A POSTROUTING -o wan0 -j MASQUERADE && iptables-nft -t mangle -A FORWARD -p tcp --syn -j "
        "TCPMSS --clamp-mss-to-pmtu");
    const RulesetCopy copy = read();
    const auto save = [] { return run_command("iptables-nft-save | grep -v '^#' | sed 's/\\[.*//'"); };
    const std::string original = save();
    const std::string copied = NetNamespace().run([&] {
        auto socket = open_socket();
        const auto refused = copy.load(socket);
        EXPECT_TRUE(ok(refused));
        for (const auto& refusal : *refused) ADD_FAILURE() << to_string(refusal.table) << ": " << refusal.reason;
        return save();
    });
    EXPECT_EQ(copied, original);
    EXPECT_NE(copied.find("--dports 5060,5061"), std::string::npos);
    EXPECT_TRUE(copy.is_base_chain({NFPROTO_IPV4, "filter"}, "FORWARD"));
    EXPECT_FALSE(copy.is_base_chain({NFPROTO_IPV6, "filter"}, "FORWARD"));
}

TEST_F(RulesetCopyTest, LeavesOurOwnTableOut) {
    install(options());
    run_nft("table inet filter { chain other { accept; }; }");
    const RulesetCopy copy = read();
    EXPECT_EQ(copy.tables(), (std::vector<TableName>{{NFPROTO_INET, "filter"}}));
    ASSERT_EQ(copy.rules().size(), 1U);
    EXPECT_EQ(copy.rules().front().chain, "other");
    EXPECT_TRUE(copy.has_chain("other"));
    EXPECT_FALSE(copy.has_chain("media"));
}

TEST_F(RulesetCopyTest, CopiesThousandsOfElementsAndRules) {
    std::string text = "table inet big { set many { type ipv4_addr; elements = { ";
    for (int i = 0; i < 5000; ++i) text += "10.1." + std::to_string(i / 250) + '.' + std::to_string(i % 250) + ", ";
    text += "10.9.9.9 }; }; chain c { ip saddr @many accept; ";
    for (int i = 1; i < 1000; ++i) text += "udp dport " + std::to_string(i) + " drop; ";
    run_nft(text + "}; }");
    const std::string original = listing();
    EXPECT_EQ(listing_of_copy(read()), original);
}

TEST_F(RulesetCopyTest, SaysWhichTableItCannotCopyAndCopiesTheOthers) {
    run_nft(
        "table inet filter { chain first { accept; }; }\n"
        "table inet other { chain in { type filter hook input priority 0; policy drop; }; }");
    const RulesetCopy copy = read();
    NetNamespace().run([&] {
        // Something that is in the way: no chain can have two hooks.
        run_nft("table inet other { chain in { type filter hook output priority 0; policy accept; }; }");
        auto socket = open_socket();
        const auto refused = copy.load(socket);
        ASSERT_TRUE(ok(refused));
        ASSERT_EQ(refused->size(), 1U);
        EXPECT_EQ(to_string(refused->front().table), "inet other");
        EXPECT_EQ(refused->front().reason.find("chain in: "), 0U) << refused->front().reason;
        EXPECT_NE(listing().find("chain first"), std::string::npos);
        EXPECT_EQ(listing().find("hook input"), std::string::npos);
    });
}

TEST_F(RulesetCopyTest, AnEmptyRulesetIsCopiedToNothing) {
    const RulesetCopy copy = read();
    EXPECT_TRUE(copy.tables().empty());
    EXPECT_EQ(listing_of_copy(copy), "");
}

using PacketTraceTest = LabTest;

TEST_F(PacketTraceTest, NamesTheRuleThatDropsAPacket) {
    run_nft(R"(
        table inet trace { chain pre { type filter hook prerouting priority -500; udp dport 4000-4002 meta nftrace set 1; }; }
        table inet filter {
            chain inner { udp dport 4001 counter drop; }
            chain forward { type filter hook forward priority filter; policy drop; udp dport 4000 accept; jump inner; }
        })");
    const std::string handles = run_command("nft -a list chain inet filter inner");
    auto trace = PacketTrace::open(open_socket());
    ASSERT_TRUE(ok(trace));
    auto sender = udp_inside(at("10.1.2.3", 3999));
    const auto drops = [&](std::uint16_t port) {
        sender.send(at("203.0.113.30", port), "x");
        std::vector<TraceStep> found;
        for (int i = 0; i < 20 && found.empty(); ++i) {
            for (const TraceStep& step : trace->take()) {
                if (step.verdict == TraceStep::Verdict::drop) found.push_back(step);
            }
            run_command("sleep 0.01");
        }
        return found;
    };
    EXPECT_TRUE(drops(4000).empty());
    const auto by_rule = drops(4001);
    ASSERT_EQ(by_rule.size(), 1U);
    EXPECT_EQ(by_rule[0].place.chain, "inner");
    EXPECT_EQ(to_string(by_rule[0].place.table), "inet filter");
    EXPECT_NE(handles.find("drop # handle " + std::to_string(by_rule[0].place.handle) + "\n"), std::string::npos);
    const auto by_policy = drops(4002);
    ASSERT_EQ(by_policy.size(), 1U);
    EXPECT_EQ(by_policy[0].place.chain, "forward");
    EXPECT_EQ(by_policy[0].place.handle, 0U);
}

}  // namespace
}  // namespace messenger::nft::testing
