// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/set_spec.h"

#include <string>

#include <gtest/gtest.h>

#include "nft/element.h"

namespace messenger::nft {
namespace {

TEST(SetSpec, IsFoundByItsId) {
    for (std::size_t i = 0; i < kSetCount; ++i) {
        const auto id = static_cast<SetId>(i);
        EXPECT_EQ(set_specs().at(i).id, id);
        EXPECT_EQ(&spec_of(id), &set_specs().at(i));
        EXPECT_LE(spec_of(id).key_size(), Key::kMaxSize);
    }
}

TEST(SetSpec, OfAFamilyHasItsNumberInTheName) {
    for (const auto of : {pinholes, open, received, sent, admitted, sip_endpoints, callbacks, heard}) {
        const std::string four(spec_of(of(Family::ipv4)).name);
        const std::string six(spec_of(of(Family::ipv6)).name);
        EXPECT_EQ(four.back(), '4');
        EXPECT_EQ(six.back(), '6');
        EXPECT_EQ(four.substr(0, four.size() - 1), six.substr(0, six.size() - 1));
    }
}

}  // namespace
}  // namespace messenger::nft
