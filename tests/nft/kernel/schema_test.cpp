// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/schema.h"

#include <regex>

#include "tests/nft/kernel/lab.h"

namespace messenger::nft::testing {
namespace {

using namespace std::chrono_literals;

using SchemaTest = KernelTest;

SchemaState verified(Schema& schema) {
    auto state = schema.verify();
    EXPECT_TRUE(ok(state));
    return state ? *state : SchemaState{};
}

TEST_F(SchemaTest, IsIntactAfterEveryKindOfInstall) {
    for (const bool admit : {false, true}) {
        for (const bool mark : {false, true}) {
            SchemaOptions chosen = options();
            if (admit) chosen.admit_queue = 5070;
            if (mark) chosen.passage_mark = PassageMark{0x1100, 0xff00};
            chosen.signalling_queue = {5060, 4};
            for (const bool nat : {false, true}) {
                if (nat) {
                    chosen.nat_interfaces = {"wan0", "interface123456"};
                    chosen.nat_exempt = {{*Address::parse("198.51.100.0"), 24}, {*Address::parse("2001:db8::"), 32}};
                }
                install(chosen);
                const SchemaState state = verified(schema());
                EXPECT_EQ(state.kind, SchemaState::Kind::intact) << state.detail;
            }
        }
    }
}

TEST_F(SchemaTest, KnowsATableThatItWouldMakeLikewise) {
    SchemaOptions chosen = options();
    chosen.admit_queue = 5070;
    const auto alike = [&] {
        const auto answer = schema().is_alike();
        EXPECT_TRUE(ok(answer));
        return answer && *answer;
    };
    install(chosen);
    EXPECT_TRUE(alike());
    run_command("nft insert rule inet messenger_alg media accept");
    EXPECT_FALSE(alike()) << "somebody has changed it";
    install(chosen);
    const SchemaOptions before = chosen;
    chosen.media_silence = 77s;
    Schema other(open_socket(), chosen);
    EXPECT_FALSE(*other.is_alike()) << "the same shape with other numbers";
    Schema same(open_socket(), before);
    EXPECT_TRUE(*same.is_alike());
    ASSERT_TRUE(ok(schema().remove()));
    EXPECT_FALSE(alike()) << "there is none";
}

TEST_F(SchemaTest, SaysWhatOthersHaveChanged) {
    struct Row {
        const char* command;
        SchemaState::Kind kind;
        const char* detail;
    };
    SchemaOptions chosen = options();
    chosen.admit_queue = 5070;
    chosen.nat_interfaces = {"wan"};
    for (const Row& row : {
             Row{"nft flush ruleset", SchemaState::Kind::missing, "table inet messenger_alg is not there"},
             Row{"nft flush chain inet messenger_alg udp4", SchemaState::Kind::damaged,
                 "chain udp4 has 0 rules instead of 4"},
             Row{"nft insert rule inet messenger_alg media accept", SchemaState::Kind::damaged,
                 "chain media has 7 rules instead of 6"},
             Row{"nft delete chain inet messenger_alg admit", SchemaState::Kind::damaged, "chain admit is missing"},
             Row{"nft add chain inet messenger_alg theirs", SchemaState::Kind::damaged, "chain theirs is not ours"},
             Row{"nft chain inet messenger_alg forward '{ policy drop; }'", SchemaState::Kind::damaged,
                 "chain forward has another type, hook, priority or policy"},
             Row{"nft 'flush chain inet messenger_alg srcnat; delete map inet messenger_alg snat4; "
                 "add map inet messenger_alg snat4 { type ifname . ipv4_addr . inet_proto . inet_service : ipv4_addr; "
                 "flags timeout; size 262144; }; "
                 "add rule inet messenger_alg srcnat snat ip to oifname . ip saddr . meta l4proto . th sport map "
                 "@snat4'",
                 SchemaState::Kind::damaged, "set snat4 has another key, target, size or flags"},
             Row{"nft -f - <<< 'flush chain inet messenger_alg first_packet'", SchemaState::Kind::damaged,
                 "chain first_packet has 0 rules instead of 1"},
         }) {
        install(chosen);
        run_command("bash -c \"" + std::string(row.command) + "\"");
        const SchemaState state = verified(schema());
        EXPECT_EQ(state.kind, row.kind) << row.command;
        EXPECT_EQ(state.detail, row.detail) << row.command;
    }
}

TEST_F(SchemaTest, LooksAtItsOwnTableOnly) {
    install(options());
    run_nft(
        "table inet other {\n set pinholes4 { type ipv4_addr; }\n chain media { accept; }\n }\n"
        "table ip messenger_alg {\n chain media { accept; }\n }");
    EXPECT_EQ(verified(schema()).kind, SchemaState::Kind::intact);
}

TEST_F(SchemaTest, InstallsInPlaceOfWhatIsThereTogetherWithElements) {
    install(options());
    run_command("nft add rule inet messenger_alg media accept");
    run_nft("table inet operator {\n chain forward { type filter hook forward priority 0; policy drop; }\n }");
    const Key key = Key::endpoint(Protocol::udp, at("10.1.2.3", 5350));
    Transaction elements;
    elements.add(SetId::open4, {key, 60s, Comment("kept")});
    ASSERT_TRUE(ok(schema().install(elements)));
    EXPECT_EQ(verified(schema()).kind, SchemaState::Kind::intact);
    const auto stored = *ruleset().find(SetId::open4, key);
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->element.comment.text(), "kept");
    EXPECT_NE(run_command("nft list ruleset").find("table inet operator"), std::string::npos);
}

TEST_F(SchemaTest, TakesARefreshForAnAdditionInANewTable) {
    const Key key = Key::endpoint(Protocol::udp, at("10.1.2.3", 5350));
    Transaction elements;
    elements.refresh(SetId::open4, {key, 60s, Comment("again")});
    install(options(), elements);
    EXPECT_TRUE(*ruleset().find(SetId::open4, key));
}

TEST_F(SchemaTest, LeavesTheOldTableWhenTheNewOneIsRefused) {
    install(options());
    Schema second(open_socket(), [] {
        SchemaOptions small = options();
        small.set_size = 1;
        return small;
    }());
    Transaction too_many;
    for (const std::uint16_t port : std::array<std::uint16_t, 2>{1, 2}) {
        too_many.add(SetId::open4, {Key::endpoint(Protocol::udp, at("10.1.2.3", port)), 60s, {}});
    }
    auto installed = second.install(too_many);
    ASSERT_FALSE(installed);
    EXPECT_EQ(installed.error().failure, Failure::set_full);
    EXPECT_EQ(verified(schema()).kind, SchemaState::Kind::intact);
}

TEST_F(SchemaTest, RemovesTheTableAndDoesNotMindIfItIsGone) {
    install(options());
    EXPECT_TRUE(ok(schema().remove()));
    EXPECT_EQ(run_command("nft list ruleset"), "");
    EXPECT_TRUE(ok(schema().remove()));
}

// The comments in schema_rules.cpp promise these lines to operators.
TEST_F(SchemaTest, ReadsAsItIsDocumented) {
    SchemaOptions chosen = options();
    chosen.admit_queue = 5070;
    chosen.passage_mark = PassageMark{0x1100, 0xff00};
    chosen.nat_interfaces = {"ppp0"};
    chosen.nat_exempt = {{*Address::parse("198.51.100.0"), 24}};
    const auto features = probe_features();
    ASSERT_TRUE(ok(features));
    chosen.sees_ipsec = features->ipsec_route;
    chosen.tls = TlsWatch{{{*Address::parse("198.51.100.0"), 24}, {*Address::parse("2001:db8::"), 33}}, 5061, 10min};
    chosen.other_label = 100;
    install(chosen);
    const std::string table = run_command("nft list table inet messenger_alg");
    for (
        const char* line :
        {"type filter hook prerouting priority raw - 1; policy accept;",
         "type filter hook forward priority -20; policy accept;",
         "type filter hook forward priority filter - 10; policy accept;",
         "type ipv6_addr . ipv6_addr . inet_proto . inet_service",
         "flags dynamic,timeout",
         "meta l4proto != tcp meta l4proto != udp return",
         "ip saddr . ip daddr . meta l4proto . th sport . th dport @admitted4 update @admitted4 { ip saddr . ip daddr "
         ". "
         "meta l4proto . th sport . th dport timeout 20s } return",
         "tcp flags fin,rst ip saddr . ip daddr . meta l4proto . tcp sport . tcp dport @admitted4 goto first_packet",
         "ip6 daddr . ip6 saddr . meta l4proto . th sport @pinholes6 goto first_packet",
         "ip daddr . meta l4proto . th dport @open4 goto first_packet",
         "ct mark & 0x40000000 == 0x40000000 return",
         "meta l4proto . th dport @sip_ports goto to_daemon",
         "ip daddr . meta l4proto . th dport @sip_endpoints4 goto to_daemon",
         "ct mark & 0x20000000 == 0x20000000 meta mark set meta mark | 0x20000000",
         "meta mark & 0x20000000 == 0x20000000 ct mark set ct mark | 0x20000000",
         "update @heard4 { ip saddr timeout 1m }",
         "update @heard6 { ip6 saddr timeout 1m }",
         "meta mark set meta mark & 0x9fffffff",
         "tcp flags ! fin,syn,rst return",
         "meta l4proto tcp goto admit_tcp",
         "ct mark & 0x10000000 == 0x10000000 goto media",
         "ct label 100 return",
         "meta l4proto tcp ct mark 0x00000000/4 ct label set 100",
         "udp sport < 1024 ct mark 0x00000000/4 ct label set 100 return",
         "ip saddr . ip daddr . meta l4proto . udp sport . udp dport @others4 return",
         "ct state established ct mark 0x00000000/4 add @others6 { ip6 saddr . ip6 daddr . meta l4proto . udp sport . "
         "udp dport timeout 5s }",
         "ct state established ct mark 0x00000000/4 ct direction reply add @admitted4 { ct reply ip saddr . ct reply "
         "ip daddr . meta l4proto . ct reply proto-src . ct reply proto-dst timeout 20s }",
         "ct state established ct mark 0x00000000/4 ct direction original add @admitted6 { ct original ip6 saddr . ct "
         "original ip6 daddr . meta l4proto . ct original proto-src . ct original proto-dst timeout 20s }",
         "ct state new delete @admitted4 { ct original ip saddr . ct original ip daddr . meta l4proto . ct original "
         "proto-src . ct original proto-dst }",
         "udp dport < 1024 return",
         "meta nfproto ipv4 meta l4proto udp jump udp4",
         "meta nfproto ipv4 meta l4proto tcp ct state ! established jump tcp4",
         "meta nfproto ipv6 meta l4proto tcp jump media_tcp6",
         "ip saddr . ip daddr . meta l4proto . udp dport @pinholes4 update @pinholes4 { ip saddr . ip daddr . meta "
         "l4proto . udp dport timeout 2m } goto inbound",
         "ip6 saddr . meta l4proto . tcp sport @open6 update @open6 { ip6 saddr . meta l4proto . tcp sport timeout 2h "
         "} "
         "goto outbound",
         "ct direction reply ip daddr . ip saddr . meta l4proto . udp sport @pinholes4 update @pinholes4 { ip daddr . "
         "ip saddr . meta l4proto . udp sport timeout 2m } update @sent4 { ip saddr . meta l4proto . udp sport timeout "
         "2m } meta mark set",
         "ip6 saddr . ip6 daddr . meta l4proto . tcp dport @pinholes6 update @pinholes6 { ip6 saddr . ip6 daddr . meta "
         "l4proto . tcp dport timeout 2h } update @received6 { ip6 daddr . meta l4proto . tcp dport timeout 2h }",
         "update @received4 { ip daddr . meta l4proto . udp dport timeout 2m }",
         "ct mark set ct mark | 0x10000000",
         "counter packets 0 bytes 0 drop"}) {
        EXPECT_NE(table.find(line), std::string::npos) << line << "\n" << table;
    }
    for (const char* line :
         {"type nat hook prerouting priority dstnat - 5; policy accept;",
          "type nat hook postrouting priority srcnat - 5; policy accept;",
          "type filter hook forward priority filter - 5; policy accept;",
          "type ipv4_addr . ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service",
          "ip saddr . ip daddr . meta l4proto . th dport @outside4 goto first_packet",
          "ip daddr . meta l4proto . th dport @outside_open4 goto first_packet",
          "dnat ip to ip saddr . ip daddr . meta l4proto . th dport map @dnat4",
          "dnat ip to ip daddr . meta l4proto . th dport map @dnat_open4", "ip daddr 198.51.100.0/24 return",
          chosen.sees_ipsec ? "rt ipsec exists return" : "chain srcnat",
          "snat ip to oifname . ip saddr . meta l4proto . th sport map @snat4",
          "ct mark & 0x10000000 == 0x00000000 meta mark 0x80000000/1 ct mark set ct mark | 0x80000000",
          "meta mark != 0x00000000/3 meta mark set meta mark & 0x1fffffff", "meta mark 0x00000000/3 return",
          "meta mark 0x80000000/1 meta mark set meta mark & 0x7fffffff return",
          "meta l4proto tcp ct mark 0x80000000/1 goto unattended",
          "meta l4proto @handover counter packets 0 bytes 0 drop",
          "meta l4proto tcp counter packets 0 bytes 0 reject with tcp reset"}) {
        EXPECT_NE(table.find(line), std::string::npos) << line << "\n" << table;
    }
    for (const char* line :
         {"ip daddr . ip saddr . meta l4proto . tcp dport . tcp sport @tls_clients4 tcp flags fin,rst ct state ! "
          "invalid "
          "delete @tls_clients4 { ip daddr . ip saddr . meta l4proto . tcp dport . tcp sport } goto to_daemon",
          "ip6 saddr . ip6 daddr . meta l4proto . tcp sport . tcp dport @tls_clients6 update @tls_clients6 { ip6 saddr "
          ". "
          "ip6 daddr . meta l4proto . tcp sport . tcp dport timeout 10m } accept",
          "ip saddr 198.51.100.0/24 tcp sport 5061 goto to_daemon",
          "ip daddr 198.51.100.0/24 tcp dport 5061 goto to_daemon",
          "ip6 daddr 2001:db8::/33 tcp dport 5061 goto to_daemon"}) {
        EXPECT_NE(table.find(line), std::string::npos) << line << "\n" << table;
    }
    EXPECT_EQ(table.find("@nh"), std::string::npos) << table;
    EXPECT_TRUE(std::regex_search(table, std::regex("meta mark set meta mark & 0xffff11ff \\| 0x00001100|"
                                                    "meta mark set meta mark & 0xffff00ff \\^ 0x00001100")))
        << table;
}

}  // namespace
}  // namespace messenger::nft::testing
