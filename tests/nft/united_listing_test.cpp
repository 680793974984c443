// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/united_listing.h"

#include <initializer_list>

#include <gtest/gtest.h>

namespace messenger::nft {
namespace {

using namespace std::chrono_literals;

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

TEST(UnitedListing, IsWholeIfTheSetHasNoMoreAndNoneOfThemCanHaveGone) {
    UnitedListing united;
    auto elements = listing({5060, 5061, 5061});
    elements[0].element.timeout = elements[0].expires = 60s;
    (void)united.add(elements);
    EXPECT_TRUE(united.has_all_of(2, 1s));
    EXPECT_FALSE(united.has_all_of(3, 1s)) << "one was left out, or has expired and not gone yet";
    EXPECT_FALSE(united.has_all_of(1, 1s)) << "somebody removes some";
    EXPECT_FALSE(united.has_all_of(2, 5s)) << "a packet may have given one less time than it had";
    auto expiring = listing({5062});
    expiring[0].element.timeout = 60s;
    expiring[0].expires = 1s;
    (void)united.add(expiring);
    EXPECT_TRUE(united.has_all_of(3, 999ms));
    EXPECT_FALSE(united.has_all_of(3, 1s)) << "it may have gone, and the third is another one";
}

}  // namespace
}  // namespace messenger::nft
