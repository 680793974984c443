// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/united_listing.h"

#include <initializer_list>

#include <gtest/gtest.h>

namespace messenger::nft {
namespace {

std::vector<StoredElement> listing(std::initializer_list<std::uint16_t> ports) {
    std::vector<StoredElement> elements;
    for (const std::uint16_t port : ports) {
        StoredElement stored;
        stored.element.key = Key::port(Protocol::udp, port);
        elements.push_back(stored);
    }
    return elements;
}

TEST(UnitedListing, HasWhatEitherListingHasEachOnce) {
    UnitedListing united;
    auto first = listing({5064, 5060, 5062, 5062});
    EXPECT_TRUE(united.add(first));
    EXPECT_TRUE(first.empty());
    auto again = listing({5062, 5060});
    EXPECT_FALSE(united.add(again));
    auto other = listing({5060, 5061});
    EXPECT_TRUE(united.add(other));
    const auto elements = united.take();
    ASSERT_EQ(elements.size(), 4U);
    for (std::size_t i = 0; i + 1 < elements.size(); ++i) {
        EXPECT_LT(elements[i].element.key, elements[i + 1].element.key);
    }
    EXPECT_TRUE(united.take().empty());
}

}  // namespace
}  // namespace messenger::nft
