// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/warden/place_records.h"

#include <gtest/gtest.h>

namespace messenger::daemon {
namespace {

using nft::Address;
using nft::Key;
using nft::SetId;

const std::vector<nft::Place> kPlaces{
    {SetId::heard4, Key::address(Address::v4(0x0a010203))},
    {SetId::pinholes6,
     Key::pinhole(*Address::parse("2001:db8:1::1"), nft::Protocol::udp, {*Address::parse("2001:db8::3"), 5350})},
    {SetId::handover, Key::protocol(nft::Protocol::tcp)}};

TEST(PlaceRecords, AreReadAsTheyWereWritten) {
    EXPECT_EQ(read_places(write_places(kPlaces)), kPlaces);
    EXPECT_EQ(read_places({}), std::vector<nft::Place>{});
    const std::vector<nft::Place> many(kMostPlacesAtOnce, kPlaces[0]);
    EXPECT_EQ(read_places(write_places(many)), many);
}

TEST(PlaceRecords, AreNotReadWhereTheyAreNone) {
    const std::vector<std::byte> good = write_places(kPlaces);
    for (std::size_t size = 1; size < good.size(); ++size) {
        const auto read = read_places(std::span(good).first(size));
        EXPECT_EQ(read.has_value(), size % (good.size() / kPlaces.size()) == 0) << size;
    }
    std::vector<std::byte> other_set = good;
    other_set[0] = static_cast<std::byte>(nft::kSetCount);
    EXPECT_FALSE(read_places(other_set));
    std::vector<std::byte> other_size = good;
    other_size[1] = std::byte{5};
    EXPECT_FALSE(read_places(other_size)) << "no key of that set has that size";
    std::vector<std::byte> too_many;
    for (std::size_t i = 0; i <= kMostPlacesAtOnce; ++i) {
        const std::vector<std::byte> one = write_places(std::span(kPlaces).first(1));
        too_many.insert(too_many.end(), one.begin(), one.end());
    }
    EXPECT_FALSE(read_places(too_many));
}

}  // namespace
}  // namespace messenger::daemon
