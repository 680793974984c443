// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/net/hash.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <unordered_map>

#include "tests/support/exact_bytes.h"

namespace messenger::alg {
namespace {

// The key of the published vectors: bytes 00 01 .. 0f.
constexpr HashKey kKey{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};

std::string counting_bytes(std::size_t size) {
    std::string bytes;
    for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(i));
    return bytes;
}

TEST(SipHash, GivesThePublishedValues) {
    // The paper's appendix (15 bytes), and the first and some later rows of its authors' vectors_sip64.
    struct Row {
        std::size_t size;
        std::uint64_t hash;
    };
    for (const Row& row : {Row{15, 0xa129ca6149be45e5U}, Row{0, 0x726fdb47dd0e0e31U}, Row{1, 0x74f839c593dc67fdU},
                           Row{7, 0xab0200f58b01d137U}, Row{8, 0x93f5f5799a932462U}, Row{63, 0x958a324ceb064572U}}) {
        const test::ExactBytes bytes(counting_bytes(row.size));
        EXPECT_EQ(siphash(kKey, bytes.text()), row.hash) << row.size;
    }
}

TEST(TableHash, GivesTheValuesOfOthers) {
    // hash() of CPython 3.11, whose key is 0 with PYTHONHASHSEED=0.
    struct Row {
        std::size_t size;
        std::uint64_t hash;
    };
    for (const Row& row : {Row{15, 0xf30eb725bb91c9eaU}, Row{63, 0x385d3e39e5f37359U}}) {
        const test::ExactBytes bytes(counting_bytes(row.size));
        EXPECT_EQ(table_hash({}, bytes.text()), row.hash) << row.size;
    }
    EXPECT_EQ(table_hash({}, std::string_view("abcdefgh")), 0x3f7b849c0b8e35eaU);
    EXPECT_EQ(table_hash({}, std::uint64_t{0x6867666564636261}), 0x3f7b849c0b8e35eaU);
}

TEST(SipHash, DependsOnBothHalvesOfTheKey) {
    EXPECT_NE(siphash({1, 2}, "x"), siphash({1, 3}, "x"));
    EXPECT_NE(siphash({1, 2}, "x"), siphash({2, 2}, "x"));
}

TEST(TableHash, TellsEveryFieldOfATupleApart) {
    const Endpoint a{IpAddress::v4(0x0a010203), 5060};
    const Endpoint b{IpAddress::v4(0x0a010204), 5060};
    const Endpoint c{IpAddress::v4(0x0a010203), 5061};
    const Endpoint d{*IpAddress::parse("2001:db8::1"), 5060};
    std::set<std::uint64_t> seen;
    std::size_t count = 0;
    for (const auto transport : {Transport::tcp, Transport::udp}) {
        for (const auto& source : {a, b, c, d}) {
            for (const auto& destination : {a, b, c, d}) {
                const FlowTuple tuple{source, destination, transport};
                seen.insert(table_hash(kKey, tuple));
                ++count;
            }
        }
    }
    EXPECT_EQ(seen.size(), count);
    EXPECT_NE(table_hash(kKey, a), table_hash(kKey, c));
    EXPECT_NE(table_hash(kKey, a.address), table_hash(kKey, b.address));
    EXPECT_NE(table_hash(kKey, a.address), table_hash(kKey, *IpAddress::parse("a01:203::")));
}

TEST(SipHash, ServesAsTheHashOfATable) {
    std::unordered_map<FlowTuple, int, KeyedHash> flows(0, KeyedHash{kKey});
    const FlowTuple tuple{{IpAddress::v4(1), 2}, {IpAddress::v4(3), 4}, Transport::tcp};
    flows[tuple] = 7;
    EXPECT_EQ(flows.at(tuple), 7);
    EXPECT_EQ(flows.count(tuple.reversed()), 0U);
}

}  // namespace
}  // namespace messenger::alg
