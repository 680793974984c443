// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/config/config.h"

#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace messenger::daemon {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;

constexpr std::string_view kInside = "[network]\ninside = [\"10.0.0.0/8\"]\n";

[[nodiscard]] ConfigResult with_inside(std::string_view rest) {
    return parse_config(std::string(kInside) + std::string(rest));
}

[[nodiscard]] std::vector<std::string> texts(const ConfigResult& result) {
    std::vector<std::string> out;
    for (const ConfigError& error : result.errors) out.push_back(error.to_string("f.toml"));
    return out;
}

TEST(Config, NeedsOnlyTheInside) {
    const auto result = parse_config(kInside);
    ASSERT_TRUE(result.config) << testing::PrintToString(texts(result));
    EXPECT_TRUE(result.errors.empty());
    EXPECT_EQ(result.config->network.inside.size(), 1U);
    EXPECT_EQ(result.config->network.inside[0].to_string(), "10.0.0.0/8");
    EXPECT_EQ(result.config->sip.ports, std::vector<std::uint16_t>{5060});
    EXPECT_EQ(result.config->passage.mode, Passage::admit);
    EXPECT_EQ(result.config->limits.call, hours(12));
}

TEST(Config, TakesAnInterfaceForTheInside) {
    const auto result = parse_config("[network]\ninside_interfaces = [\"lan0\", \"br-lan.7\"]\n");
    ASSERT_TRUE(result.config) << testing::PrintToString(texts(result));
    EXPECT_THAT(result.config->network.inside_interfaces, ElementsAre("lan0", "br-lan.7"));
}

TEST(Config, RefusesToStartWithoutAnInside) {
    for (const auto* text : {"", "[network]\n", "[network]\ninside = []\n"}) {
        const auto result = parse_config(text);
        EXPECT_FALSE(result.config);
        ASSERT_EQ(result.errors.size(), 1U) << text;
        EXPECT_THAT(result.errors[0].text, testing::HasSubstr("nothing is inside"));
    }
}

TEST(Config, RefusesAnInsideThatLeavesNobodyOutside) {
    for (const char* inside : {"\"0.0.0.0/0\"", "\"10.0.0.0/8\", \"::/0\"", "\"0.0.0.0/1\", \"128.0.0.0/1\"",
                               "\"::/1\", \"c000::/2\", \"8000::/2\""}) {
        const auto result = parse_config(std::string("[network]\ninside = [") + inside + "]\n");
        EXPECT_THAT(texts(result),
                    ElementsAre(testing::AllOf(testing::StartsWith("f.toml:2: network.inside has all of"),
                                               testing::HasSubstr("nobody is outside"))))
            << inside;
    }
    for (const char* inside : {"\"0.0.0.0/1\"", "\"0.0.0.0/1\", \"128.0.0.0/2\", \"192.0.0.0/3\"", "\"2000::/3\"",
                               "\"0.0.0.0/1\", \"8000::/1\""}) {
        EXPECT_TRUE(parse_config(std::string("[network]\ninside = [") + inside + "]\n").config) << inside;
    }
}

TEST(Config, ReadsEveryKindOfValue) {
    const auto result = with_inside(R"(
relays = ["10.1.2.3", "2001:db8::/48"]
protected_ports = [8080, 3389, 8080]
media_ports = "30000-40000"
[sip]
ports = [5060, 5070]
early_media = "offer"
[passage]
mode = "mark"
mark = 0x20
mark_mask = 0x30
[nat]
interfaces = ["wan0", "ppp0"]
address = ["wan0=203.0.113.1"]
advertised_address = ["wan0=198.51.100.1", "ppp0=198.51.100.2"]
media_ports = "20000-20009"
keep_numbers = false
reserved_ports = [51820, "4500-4502", 4501]
no_rewrite = ["192.0.2.0/24"]
hold_time = "500ms"
hold_bytes = 8192
hold_packets = 16
mss_room = 64
[marks]
base_bit = 8
[queue]
signalling = "300-303"
admit = 310
length = 1024
fallback = "drop"
on_overload = "drop"
[policy]
malformed = "drop"
[tls]
media = "static-range"
servers = ["198.51.100.0/24", "2001:db8::20"]
port = 5062
media_ports = "30000-30003"
silence = "7m"
[limits]
calls = 7
calls_per_host = 7
messages_per_second = 0
[timeouts]
first_packet = "45s"
media_silence = "1500s"
hold = "1h"
call = "1d"
[log]
level = "debug"
[control]
socket = "/run/x.sock"
group = "voice"
)");
    ASSERT_TRUE(result.config) << testing::PrintToString(texts(result));
    const Config& config = *result.config;
    EXPECT_FALSE(config.network.relays.any);
    EXPECT_TRUE(config.network.relays.to_set().contains(*alg::IpAddress::parse("2001:db8::9")));
    EXPECT_FALSE(config.network.relays.to_set().contains(*alg::IpAddress::parse("10.1.2.4")));
    EXPECT_THAT(config.network.protected_ports, ElementsAre(8080, 3389));
    EXPECT_EQ(config.network.media_ports, (NumberRange{30000, 40000}));
    EXPECT_THAT(config.sip.ports, ElementsAre(5060, 5070));
    EXPECT_EQ(config.sip.early_media, EarlyMedia::offer);
    EXPECT_EQ(config.passage.mode, Passage::mark);
    EXPECT_EQ(config.passage.mark, 0x20U);
    EXPECT_EQ(config.passage.mark_mask, 0x30U);
    EXPECT_THAT(config.nat.interfaces, ElementsAre("wan0", "ppp0"));
    EXPECT_EQ(config.nat.address.of("wan0"), alg::IpAddress::parse("203.0.113.1"));
    EXPECT_EQ(config.nat.address.of("ppp0"), std::nullopt);
    EXPECT_EQ(config.nat.advertised_address.of("ppp0"), alg::IpAddress::parse("198.51.100.2"));
    EXPECT_EQ(config.nat.media_ports, (NumberRange{20000, 20009}));
    EXPECT_FALSE(config.nat.keep_numbers);
    EXPECT_THAT(config.nat.reserved_ports.to_ports(), ElementsAre(4500, 4501, 4502, 51820));
    EXPECT_EQ(format_value(config, "nat", "reserved_ports"), "[51820, \"4500-4502\", 4501]");
    EXPECT_THAT(config.nat.no_rewrite, ElementsAre(*alg::Prefix::parse("192.0.2.0/24")));
    EXPECT_EQ(config.limits.hold_time, milliseconds(500));
    EXPECT_EQ(config.limits.held_bytes, 8192U);
    EXPECT_EQ(config.limits.held_segments, 16U);
    EXPECT_EQ(config.limits.held_in_all, 256U) << "a quarter of the queue";
    EXPECT_EQ(config.limits.mss_room, 64U);
    EXPECT_EQ(config.marks.base_bit, 8U);
    EXPECT_EQ(config.queue.signalling, (NumberRange{300, 303}));
    EXPECT_EQ(config.queue.admit, 310U);
    EXPECT_EQ(config.queue.length, 1024U);
    EXPECT_EQ(config.queue.fallback, Fallback::drop);
    EXPECT_EQ(config.queue.on_overload, Fallback::drop);
    EXPECT_EQ(config.policy.malformed, Malformed::drop);
    EXPECT_EQ(config.tls.media, TlsMedia::static_range);
    EXPECT_THAT(config.tls.servers,
                ElementsAre(*alg::Prefix::parse("198.51.100.0/24"), *alg::Prefix::parse("2001:db8::20")));
    EXPECT_EQ(config.tls.port, 5062U);
    EXPECT_EQ(config.tls.media_ports, (NumberRange{30000, 30003}));
    EXPECT_EQ(config.tls.silence, minutes(7));
    EXPECT_EQ(config.limits.calls, 7U);
    EXPECT_EQ(config.limits.messages_per_second, 0U);
    EXPECT_EQ(config.limits.first_packet, seconds(45));
    EXPECT_EQ(config.limits.media_silence, seconds(1500));
    EXPECT_EQ(config.limits.hold, hours(1));
    EXPECT_EQ(config.limits.call, hours(24));
    EXPECT_EQ(config.log.level, LogLevel::debug);
    EXPECT_EQ(config.control.socket, "/run/x.sock");
    EXPECT_EQ(config.control.group, "voice");
}

TEST(Config, ReadsAnyRelayAndASingleQueue) {
    const auto result =
        with_inside("relays = \"any\"\n[queue]\nsignalling = 7\n[timeouts]\nfirst_packet = \"1500ms\"\n");
    ASSERT_TRUE(result.config) << testing::PrintToString(texts(result));
    EXPECT_TRUE(result.config->network.relays.to_set().contains(*alg::IpAddress::parse("192.0.2.1")));
    EXPECT_EQ(result.config->queue.signalling, (NumberRange{7, 7}));
    EXPECT_EQ(result.config->limits.first_packet, milliseconds(1500));
}

TEST(Config, ReadsEveryFormOfAnOutsideAddress) {
    const auto read = [](const std::string& value) {
        const auto result = with_inside("[nat]\ninterfaces = [\"wan0\"]\naddress = " + value + '\n');
        EXPECT_TRUE(result.config) << testing::PrintToString(texts(result));
        return std::pair(result.config->nat.address.of("wan0"), *format_value(*result.config, "nat", "address"));
    };
    const auto given = alg::IpAddress::parse("203.0.113.1");
    using testing::Pair;
    EXPECT_THAT(read("\"auto\""), Pair(std::nullopt, "\"auto\""));
    EXPECT_THAT(read("\"203.0.113.1\""), Pair(given, "\"203.0.113.1\""));
    EXPECT_THAT(read("[\"wan0=203.0.113.1\"]"), Pair(given, "[\"wan0=203.0.113.1\"]"));
    EXPECT_THAT(read("[]"), Pair(std::nullopt, "\"auto\""));
}

struct Complaint {
    const char* name;
    const char* text;  // behind kInside, which has two lines
    std::size_t line;
    const char* part;  // of what is said
};

class ConfigComplaint : public testing::TestWithParam<Complaint> {};

TEST_P(ConfigComplaint, NamesTheLineAndWhatWouldBeRight) {
    const auto result = with_inside(GetParam().text);
    EXPECT_FALSE(result.config);
    ASSERT_EQ(result.errors.size(), 1U) << testing::PrintToString(texts(result));
    EXPECT_EQ(result.errors[0].line, GetParam().line) << result.errors[0].text;
    EXPECT_THAT(result.errors[0].text, testing::HasSubstr(GetParam().part));
}

INSTANTIATE_TEST_SUITE_P(
    Single, ConfigComplaint,
    testing::Values(
        Complaint{"unknown_key", "inside_interface = [\"lan0\"]\n", 3, "did you mean inside_interfaces?"},
        Complaint{"stranger", "bandwidth = 3\n", 3, "[network] knows inside, inside_interfaces, relays"},
        Complaint{"wrong_section", "early_media = \"offer\"\n", 3, "it belongs in [sip]"},
        Complaint{"unknown_section", "[pasage]\n", 3, "did you mean [passage]?"},
        Complaint{"section_of_nobody", "[bandwidth]\n", 3, "the sections are [network], [sip]"},
        Complaint{"text_for_list", "relays = \"10.0.0.1\"\n", 3, "or \"any\""},
        Complaint{"number_for_list", "relays = 5\n", 3, "a whole number does not fit; expected a list of networks"},
        Complaint{"host_bits", "relays = [\"10.0.0.1/8\"]\n", 3, "no host bits set"},
        Complaint{"number_in_list", "relays = [5]\n", 3, "a whole number in the list"},
        Complaint{"line_of_the_item", "relays = [\n \"10.0.0.1\",\n \"nonsense\"]\n", 5, "\"nonsense\" is no network"},
        Complaint{"long_interface", "inside_interfaces = [\"abcdefghijklmnop\"]\n", 3, "1 to 15 characters"},
        Complaint{"port_zero", "protected_ports = [0]\n", 3, "from 1 to 65535"},
        Complaint{"port_wraps", "protected_ports = [65536]\n", 3, "65536 is out of range"},
        Complaint{"negative", "protected_ports = [-1]\n", 3, "-1 is out of range"},
        Complaint{"text_for_port", "protected_ports = [\"80\"]\n", 3, "a text in quotes in the list"},
        Complaint{"backward_range", "media_ports = \"5000-4000\"\n", 3, "ends before it begins"},
        Complaint{"low_range", "media_ports = \"80-4000\"\n", 3, "from 1024 to 65535"},
        Complaint{"open_range", "media_ports = \"5000-\"\n", 3, "no such range"},
        Complaint{"bool_for_range", "media_ports = true\n", 3, "true or false does not fit"},
        Complaint{"unknown_word", "[sip]\nearly_media = \"always\"\n", 4, "one of \"answer\", \"offer\""},
        Complaint{"number_for_word", "[sip]\nearly_media = 1\n", 4, "one of \"answer\", \"offer\""},
        Complaint{"no_sip_port", "[sip]\nports = []\n", 4, "no call would be seen"},
        Complaint{"fraction", "[limits]\ncalls = 1.5\n", 4, "a number with a fraction does not fit"},
        Complaint{"too_many", "[limits]\ncalls = 1000001\n", 4, "from 1 to 1000000"},
        Complaint{"number_for_duration", "[timeouts]\ncall = 60\n", 4, "a duration such as \"90s\""},
        Complaint{"no_unit", "[timeouts]\ncall = \"60\"\n", 4, "is no duration"},
        Complaint{"unknown_unit", "[timeouts]\ncall = \"60w\"\n", 4, "is no duration"},
        Complaint{"no_number", "[timeouts]\ncall = \"s\"\n", 4, "is no duration"},
        Complaint{"duration_wraps", "[timeouts]\ncall = \"4294967296d\"\n", 4, "is no duration"},
        Complaint{"duration_too_long", "[timeouts]\ncall = \"4294967295d\"\n", 4, "is out of range"},
        Complaint{"duration_too_short", "[timeouts]\ncall = \"1ms\"\n", 4, "from 1m to 7d"},
        Complaint{"mark_outside_mask", "[passage]\nmark = 3\nmark_mask = 1\n", 4, "the mask must cover the mark"},
        Complaint{"mark_zero", "[passage]\nmode = \"mark\"\nmark = 0\n", 5, "which every packet carries"},
        Complaint{"marks_overlap", "[passage]\nmode = \"mark\"\n[marks]\nbase_bit = 0\n", 6, "overlaps the four bits"},
        Complaint{"base_bit", "[marks]\nbase_bit = 29\n", 4, "from 0 to 28"},
        Complaint{"nat_inside", "inside_interfaces = [\"lan0\"]\n[nat]\ninterfaces = [\"lan0\"]\n", 5, "are outside"},
        Complaint{"nat_one_for_two", "[nat]\naddress = \"192.0.2.1\"\ninterfaces = [\"a\", \"b\"]\n", 4,
                  "a list such as [\"a=192.0.2.1\"]"},
        Complaint{"nat_stranger", "[nat]\naddress = [\"wan0=192.0.2.1\"]\n", 4, "wan0, which is not in"},
        Complaint{"nat_two_of_one", "[nat]\ninterfaces = [\"a\"]\naddress = [\"a=192.0.2.1\", \"a=192.0.2.2\"]\n", 5,
                  "two addresses for a"},
        Complaint{"nat_ipv6", "[nat]\naddress = \"2001:db8::1\"\n", 4, "no such address; expected \"auto\", an IPv4"},
        Complaint{"nat_multicast", "[nat]\naddress = \"224.0.0.1\"\n", 4, "no such address"},
        Complaint{"nat_number", "[nat]\naddress = 5\n", 4, "a whole number does not fit; expected \"auto\""},
        Complaint{"nat_no_name", "[nat]\naddress = [\"=192.0.2.1\"]\n", 4, "is no interface with its IPv4 address"},
        Complaint{"nat_no_address", "[nat]\naddress = [\"wan0\"]\n", 4, "is no interface with its IPv4 address"},
        Complaint{"nat_no_pair", "[nat]\nmedia_ports = \"40001-40002\"\n", 4, "no even number with the odd one"},
        Complaint{"nat_all_reserved", "[nat]\nmedia_ports = \"40000-40009\"\nreserved_ports = [\"40001-40008\"]\n", 5,
                  "leaves no even number with the odd one"},
        Complaint{"tls_without_servers", "[tls]\nmedia = \"static-range\"\n", 4, "but tls.servers is empty"},
        Complaint{"tls_word", "[tls]\nmedia = \"open\"\n", 4, "one of \"off\", \"static-range\""},
        Complaint{"tls_on_a_sip_port", "[tls]\nmedia = \"static-range\"\nservers = [\"198.51.100.20\"]\nport = 5060\n",
                  6, "one of sip.ports, where SIP is read"},
        Complaint{"tls_everything",
                  "[tls]\nmedia = \"static-range\"\nservers = [\"198.51.100.20\"]\nmedia_ports = \"1024-65535\"\n", 6,
                  "more than 64 ports"},
        Complaint{"tls_out_of_range",
                  "media_ports = \"40000-50000\"\n[tls]\nmedia = \"static-range\"\nservers = [\"198.51.100.20\"]\n", 3,
                  "not within network.media_ports"},
        Complaint{"text_for_bool", "[nat]\nkeep_numbers = \"yes\"\n", 4, "expected true or false"},
        Complaint{"reserved_range", "[nat]\nreserved_ports = [1194, \"40100-40000\"]\n", 4, "ends before it begins"},
        Complaint{"reserved_other", "[nat]\nreserved_ports = [true]\n", 4, "true or false in the list"},
        Complaint{"bindings", "[limits]\nbindings = 10\n", 4, "limits.bindings_per_host is above limits.bindings"},
        Complaint{"queue_twice", "[queue]\nsignalling = \"200-220\"\n", 4, "need a queue of their own"},
        Complaint{"queues", "[queue]\nsignalling = \"300-364\"\n", 4, "more than 64 queues"},
        Complaint{"host_above_all", "[limits]\ncalls = 10\n", 4, "limits.calls_per_host is above limits.calls"},
        Complaint{"burst", "[limits]\nmessage_burst = 5\n", 4, "limits.messages_per_second is above"},
        Complaint{"hold", "[timeouts]\nhold = \"1m\"\n", 4, "timeouts.media_silence is above timeouts.hold"},
        Complaint{"ringing_short", "[timeouts]\nringing = \"1m\"\n", 4, "timeouts.invite is above timeouts.ringing"},
        Complaint{"ringing_long", "[timeouts]\ncall = \"40m\"\nringing = \"50m\"\n", 5,
                  "timeouts.ringing is above timeouts.call"},
        Complaint{"invite", "[timeouts]\ninvite = \"50m\"\ncall = \"40m\"\n", 4,
                  "timeouts.invite is above timeouts.call"},
        Complaint{"relative_socket", "[control]\nsocket = \"x\"\n", 4, "begin with a slash"},
        Complaint{"section_as_value", "[network.x]\n", 3, "network.x is not known"},
        Complaint{"syntax", "relays = [\n", 3, "array"}),
    [](const testing::TestParamInfo<Complaint>& row) { return std::string(row.param.name); });

TEST(Config, FitsTheTimeOfRingingBetweenTheTwoThatWereSet) {
    const auto longer = with_inside("[timeouts]\ninvite = \"20m\"\n");
    ASSERT_TRUE(longer.config) << testing::PrintToString(texts(longer));
    EXPECT_EQ(longer.config->limits.ringing, minutes(20));
    const auto shorter = with_inside("[timeouts]\ncall = \"10m\"\nhold = \"10m\"\n");
    ASSERT_TRUE(shorter.config) << testing::PrintToString(texts(shorter));
    EXPECT_EQ(shorter.config->limits.ringing, minutes(10));
    const auto neither = with_inside("[timeouts]\ninvite = \"5m\"\n");
    ASSERT_TRUE(neither.config);
    EXPECT_EQ(neither.config->limits.ringing, minutes(15));
}

TEST(Config, WantsASectionAndNotAValue) {
    const auto result = parse_config("sip = 5060\n");
    EXPECT_THAT(texts(result), ElementsAre(testing::HasSubstr("f.toml:1: sip is a section; write [sip]")));
}

TEST(Config, ReportsAllErrorsInTheOrderOfTheirLines) {
    const auto result =
        parse_config("[sip]\nports = \"5060\"\nearly = 1\n[network]\ninside = [\"10.0.0.0/33\", 7]\n[x]\n");
    EXPECT_THAT(texts(result),
                ElementsAre(testing::StartsWith("f.toml:2: sip.ports: "), testing::StartsWith("f.toml:3: sip.early "),
                            testing::StartsWith("f.toml:5: network.inside: \"10.0.0.0/33\""),
                            testing::StartsWith("f.toml:5: network.inside: a whole number"),
                            testing::StartsWith("f.toml:6: \"x\" is not known")));
}

TEST(Config, DescribesEveryMemberOfLimits) {
    // Does not compile when a member comes or goes: then the key table wants a look, and this test.
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, z1, z2, z3, z4, z5, z6,
                 z7, z8, z9, z10, z11, z12, z13] = alg::Limits{};
    constexpr std::size_t kMembers = 39;
    (void)std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, z1, z2, z3, z4, z5, z6,
                   z7, z8, z9, z10, z11, z12, z13);
    const std::set<std::string_view> of_nat{"hold_time", "hold_bytes", "hold_packets", "mss_room"};
    std::size_t keys = 0;
    for (const KeyDescription& key : describe_keys())
        keys += key.section == "limits" || key.section == "timeouts" || of_nat.contains(key.name) ? 1U : 0U;
    EXPECT_EQ(keys, kMembers - 1) << "held_in_all follows from queue.length";
}

TEST(Config, DescribesEachKeyOnceAndInItsOwnPlace) {
    std::set<std::string> names;
    for (const KeyDescription& key : describe_keys()) {
        const std::string name = std::string(key.section) + '.' + std::string(key.name);
        EXPECT_TRUE(names.insert(name).second) << name;
        EXPECT_FALSE(key.description.empty()) << name;
        EXPECT_FALSE(key.type.empty()) << name;
    }
    // Two rows that lead to one member would show here: each key is set alone, and all others must keep their values.
    const auto defaults = parse_config(kInside);
    for (const KeyDescription& key : describe_keys()) {
        if (key.section != "limits") continue;
        const std::string value = key.name == "body_bytes" ? "70000" : std::to_string(std::stoul(key.initial) - 1);
        const auto changed = with_inside("[limits]\n" + std::string(key.name) + " = " + value + '\n');
        ASSERT_TRUE(changed.config) << key.name << testing::PrintToString(texts(changed));
        for (const KeyDescription& other : describe_keys()) {
            const bool same = format_value(*changed.config, other.section, other.name) ==
                              format_value(*defaults.config, other.section, other.name);
            EXPECT_EQ(same, other.section != key.section || other.name != key.name) << key.name << ' ' << other.name;
        }
    }
}

}  // namespace
}  // namespace messenger::daemon
