// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/net/address.h"

#include <gtest/gtest.h>

namespace messenger::alg {
namespace {

TEST(IpAddress, ReadsWhatItPrints) {
    for (const std::string_view text : {"0.0.0.0", "10.1.2.3", "255.255.255.255", "::", "::1", "2001:db8::1",
                                        "2001:db8:0:1:1:1:1:1", "fe80::1:0:0:1", "1:2:3:4:5:6:7:8", "1::", "::8"}) {
        const auto address = IpAddress::parse(text);
        ASSERT_TRUE(address) << text;
        EXPECT_EQ(address->to_string(), text);
    }
}

TEST(IpAddress, RefusesWhatCouldBeReadInTwoWays) {
    for (const std::string_view text : {"",
                                        "1",
                                        "1.2.3",
                                        "1.2.3.4.5",
                                        "01.2.3.4",
                                        "1.2.3.256",
                                        "1.2.3.4 ",
                                        " 1.2.3.4",
                                        "1.2.3.",
                                        ".1.2.3",
                                        "0x1.2.3.4",
                                        ":",
                                        ":::",
                                        "1:2:3:4:5:6:7",
                                        "1:2:3:4:5:6:7:8:9",
                                        "1::2::3",
                                        "12345::",
                                        "::g",
                                        "1:2:3:4:5:6:7:",
                                        "fe80::1%eth0",
                                        "[::1",
                                        "[1.2.3.4]",
                                        "1:2:3:4:5:6:7::8",
                                        "1.2.3.4::",
                                        "::1.2.3",
                                        "example.com"}) {
        EXPECT_FALSE(IpAddress::parse(text)) << text;
    }
}

TEST(IpAddress, TakesAMappedAddressForItsIpv4Form) {
    EXPECT_EQ(IpAddress::parse("::ffff:10.1.2.3"), IpAddress::parse("10.1.2.3"));
    EXPECT_EQ(IpAddress::parse("[::ffff:a01:203]")->to_string(), "10.1.2.3");
    EXPECT_FALSE(IpAddress::parse("::fffe:10.1.2.3")->is_v4());
}

TEST(IpAddress, KnowsTheSpecialRanges) {
    const auto at = [](std::string_view text) { return *IpAddress::parse(text); };
    for (const auto* text : {"10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.9.9", "100.64.0.1", "100.127.0.1",
                             "169.254.1.1", "fd00::1", "fe80::1"}) {
        EXPECT_TRUE(at(text).is_private()) << text;
    }
    for (const auto* text : {"11.0.0.1", "172.15.0.1", "172.32.0.1", "192.169.0.1", "100.128.0.1", "2001:db8::1"}) {
        EXPECT_FALSE(at(text).is_private()) << text;
    }
    EXPECT_TRUE(at("224.0.0.1").is_multicast());
    EXPECT_TRUE(at("ff02::1").is_multicast());
    EXPECT_FALSE(at("223.255.255.255").is_multicast());
    EXPECT_TRUE(at("127.8.8.8").is_loopback());
    EXPECT_TRUE(at("::1").is_loopback());
    EXPECT_FALSE(at("::2").is_loopback());
    EXPECT_TRUE(at("0.0.0.0").is_unspecified());
    EXPECT_TRUE(at("::").is_unspecified());
    EXPECT_TRUE(at("255.255.255.255").is_broadcast());
}

TEST(Prefix, HoldsItsOwnAddressesAndNoOthers) {
    struct Row {
        const char* prefix;
        const char* inside;
        const char* outside;
    };
    for (const Row& row : {Row{"10.0.0.0/8", "10.255.255.255", "11.0.0.0"}, Row{"10.1.2.0/23", "10.1.3.9", "10.1.4.0"},
                           Row{"10.1.2.3", "10.1.2.3", "10.1.2.4"}, Row{"0.0.0.0/0", "9.9.9.9", "::1"},
                           Row{"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::"}}) {
        const auto prefix = Prefix::parse(row.prefix);
        ASSERT_TRUE(prefix) << row.prefix;
        EXPECT_TRUE(prefix->contains(*IpAddress::parse(row.inside))) << row.prefix;
        EXPECT_FALSE(prefix->contains(*IpAddress::parse(row.outside))) << row.prefix;
    }
}

TEST(Prefix, RefusesHostBitsAndBadLengths) {
    for (const auto* text :
         {"10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/a", "2001:db8::1/64", "::/129", "/8"}) {
        EXPECT_FALSE(Prefix::parse(text)) << text;
    }
}

}  // namespace
}  // namespace messenger::alg
