// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/table_file.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "daemon/translate.h"
#include "tests/support/packet_builder.h"

namespace messenger::daemon {
namespace {

using namespace std::chrono_literals;
using nft::Key;
using nft::SetId;

constexpr std::string_view kRuleset = "0e1b-4f 4026531840";

nft::Endpoint at(const char* host, std::uint16_t port) {
    return to_nft(testing::endpoint(host, port));
}

LeftTable left_table() {
    LeftTable table;
    table.generation = 0xfedcba98;
    const nft::Address remote = at("203.0.113.30", 0).address;
    const Key pinhole = Key::pinhole(remote, nft::Protocol::udp, at("10.1.2.3", 5350));
    table.sets[SetId::pinholes4] = {
        {{pinhole, 90s, nft::Comment("audio rtp call=0123456789abcdef dialog=fedcba9876543210 id=x"), {}}, 90s, {}},
        {{Key::pinhole(remote, nft::Protocol::tcp, at("10.1.2.4", 1503)), 5'000'000s, {}, {}}, 5'000'000s, {}}};
    table.sets[SetId::open6] = {};
    table.sets[SetId::dnat4] = {{{pinhole, 1ms, nft::Comment("to"), at("10.1.2.3", 5350)}, 1ms, {}}};
    table.closed = {{SetId::pinholes4, pinhole},
                    {SetId::open6, Key::endpoint(nft::Protocol::udp, at("2001:db8::3", 4000))}};
    return table;
}

void expect_same(const LeftTable& one, const LeftTable& other) {
    EXPECT_EQ(one.generation, other.generation);
    EXPECT_EQ(one.closed, other.closed);
    ASSERT_EQ(one.sets.size(), other.sets.size());
    for (const auto& [set, elements] : one.sets) {
        const auto& others = other.sets.at(set);
        ASSERT_EQ(elements.size(), others.size());
        for (std::size_t i = 0; i < elements.size(); ++i) {
            EXPECT_EQ(elements[i].element.key, others[i].element.key);
            EXPECT_EQ(elements[i].element.comment, others[i].element.comment);
            EXPECT_EQ(elements[i].element.target, others[i].element.target);
            EXPECT_EQ(elements[i].element.timeout, others[i].element.timeout);
            EXPECT_EQ(elements[i].expires, others[i].expires);
        }
    }
}

TEST(TableFile, IsReadAsItWasWritten) {
    const auto read = read_left_table(write_left_table(left_table(), kRuleset), kRuleset);
    ASSERT_TRUE(read);
    expect_same(*read, left_table());
    EXPECT_TRUE(read_left_table(write_left_table({}, kRuleset), kRuleset)) << "one with nothing in it";
}

TEST(TableFile, IsAboutOneRuleset) {
    EXPECT_FALSE(read_left_table(write_left_table(left_table(), kRuleset), "0e1b-4f 4026531841"));
    const std::string here = name_of_ruleset();
    EXPECT_GT(here.size(), 36U) << here;
    EXPECT_TRUE(read_left_table(write_left_table(left_table(), here), here));
}

TEST(TableFile, IsNotReadWhereItIsCutOffOrGoesOn) {
    std::vector<std::byte> bytes = write_left_table(left_table(), kRuleset);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_FALSE(read_left_table(std::span(bytes).first(size), kRuleset)) << size;
    }
    bytes.push_back(std::byte{0});
    EXPECT_FALSE(read_left_table(bytes, kRuleset));
}

TEST(TableFile, MayBeDamagedAnywhere) {
    const std::vector<std::byte> whole = write_left_table(left_table(), kRuleset);
    std::size_t refused = 0;
    for (std::size_t at = 0; at < whole.size(); ++at) {
        for (const unsigned flip : {0x01U, 0x80U, 0xffU}) {
            std::vector<std::byte> bytes = whole;
            bytes[at] ^= static_cast<std::byte>(flip);
            const auto read = read_left_table(bytes, kRuleset);
            if (!read) {
                ++refused;
                continue;
            }
            for (const auto& [set, elements] : read->sets) {
                for (const nft::StoredElement& stored : elements) {
                    EXPECT_EQ(stored.element.key.bytes().size(), nft::spec_of(set).key_size());
                    EXPECT_EQ(stored.element.target.has_value(), nft::spec_of(set).is_map());
                    EXPECT_GE(stored.expires.count(), 0);
                }
            }
        }
    }
    EXPECT_GT(refused, whole.size()) << "most of it is lengths and names";
}

}  // namespace
}  // namespace messenger::daemon
