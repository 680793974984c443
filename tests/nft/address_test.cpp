// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/address.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace messenger::nft {
namespace {

TEST(NftAddress, ReadsWhatItPrints) {
    for (const char* text : {"0.0.0.0", "10.1.2.3", "255.255.255.255", "::", "::1", "2001:db8::1", "fe80::1:0:0:1"}) {
        const auto address = Address::parse(text);
        ASSERT_TRUE(address) << text;
        EXPECT_EQ(address->to_string(), text);
        EXPECT_EQ(Address::from_bytes(address->bytes()), *address);
    }
}

TEST(NftAddress, RefusesWhatIsNone) {
    using namespace std::string_view_literals;
    for (const auto text : {""sv, "1.2.3"sv, "1.2.3.4.5"sv, "10.1.2.3\0"sv, "[::1]"sv, "fe80::1%eth0"sv, "name"sv}) {
        EXPECT_FALSE(Address::parse(text)) << text;
    }
}

TEST(NftAddress, TakesTheNumberInHostOrder) {
    EXPECT_EQ(Address::v4(0x0a010203).to_string(), "10.1.2.3");
}

TEST(FlowTuple, TurnsAround) {
    const FlowTuple tuple{Protocol::udp, {Address::v4(0xcb00711e), 9000}, {Address::v4(0x0a010203), 5350}};
    EXPECT_EQ(tuple.to_string(), "udp 203.0.113.30:9000 > 10.1.2.3:5350");
    EXPECT_EQ(tuple.reversed().to_string(), "udp 10.1.2.3:5350 > 203.0.113.30:9000");
    const FlowTuple six{Protocol::tcp, {*Address::parse("::1"), 1}, {*Address::parse("::2"), 2}};
    EXPECT_EQ(six.to_string(), "tcp [::1]:1 > [::2]:2");
}

}  // namespace
}  // namespace messenger::nft
