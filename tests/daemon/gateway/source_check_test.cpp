// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/source_check.h"

#include <gtest/gtest.h>

#include "tests/support/packet_builder.h"

namespace messenger::daemon {
namespace {

using testing::address;

constexpr std::uint32_t kLan = 2;
constexpr std::uint32_t kWan = 3;

alg::TimePoint at(int seconds) {
    return alg::TimePoint{} + std::chrono::seconds(seconds);
}

struct Sources {
    std::uint32_t way = kLan;
    int asked = 0;
    SourceCheck check{[this](const alg::IpAddress& host) {
                          ++asked;
                          return host == address("10.9.9.9") ? std::nullopt : std::optional(way);
                      },
                      {1, 2}};
};

TEST(SourceCheck, TellsWhatComesInByAnotherWay) {
    Sources s;
    EXPECT_FALSE(s.check.is_forged(address("10.1.2.3"), kLan, at(0)));
    EXPECT_TRUE(s.check.is_forged(address("10.1.2.3"), kWan, at(0)));
    EXPECT_FALSE(s.check.is_forged(address("10.1.2.3"), 0, at(0))) << "this host's own";
    EXPECT_TRUE(s.check.is_forged(address("10.9.9.9"), kLan, at(0))) << "no route leads there";
    EXPECT_FALSE(s.check.is_forged(address("2001:db8::1"), kLan, at(0)));
}

TEST(SourceCheck, BelievesTheOperatorBeforeTheRoutes) {
    Sources s;
    s.check.set_inside({7});
    EXPECT_FALSE(s.check.is_forged(address("10.1.2.3"), 7, at(0)));
    EXPECT_TRUE(s.check.is_forged(address("10.1.2.3"), kWan, at(0)));
    s.check.set_inside({});
    EXPECT_TRUE(s.check.is_forged(address("10.1.2.3"), 7, at(0)));
}

TEST(SourceCheck, AsksNowAndThen) {
    Sources s;
    for (int second = 0; second < 10; ++second) (void)s.check.is_forged(address("10.1.2.3"), kLan, at(second));
    EXPECT_EQ(s.asked, 1);
    s.way = kWan;
    EXPECT_TRUE(s.check.is_forged(address("10.1.2.3"), kLan, at(10)));
    s.way = kLan;
    s.check.forget();
    EXPECT_FALSE(s.check.is_forged(address("10.1.2.3"), kLan, at(11)));
}

}  // namespace
}  // namespace messenger::daemon
