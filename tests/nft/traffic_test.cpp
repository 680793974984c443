// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/traffic.h"

#include <cerrno>
#include <map>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace messenger::nft {
namespace {

/// Answers from what a test has put into it; refuses to write.
class StoredRuleset final : public Ruleset {
   public:
    std::map<std::pair<SetId, Key>, Counter> counters;
    bool broken = false;

    Expected<CommitReport> commit(const Transaction&) override { return system_error(EROFS, "commit"); }
    Expected<std::vector<StoredElement>> list(SetId) override { return system_error(EROFS, "list"); }
    Expected<std::optional<StoredElement>> find(SetId, const Key&) override { return system_error(EROFS, "find"); }
    Expected<void> find_each(std::span<const Place> places, const OnFound& on_found) override {
        if (broken) return system_error(ENOBUFS, "find_each");
        for (std::size_t i = 0; i < places.size(); ++i) {
            const auto at = counters.find({places[i].set, places[i].key});
            if (at != counters.end()) on_found(i, stored(places[i].key, at->second));
        }
        return {};
    }

   private:
    static StoredElement stored(const Key& key, const Counter& counter) {
        StoredElement element;
        element.element.key = key;
        element.counter = counter;
        return element;
    }
};

const Endpoint kInside{Address::v4(0x0a010203), 5350};
const Endpoint kInside6{*Address::parse("fd01::3"), 5350};

TEST(Traffic, JoinsBothDirectionsOfAnEndpoint) {
    StoredRuleset ruleset;
    ruleset.counters[{SetId::received4, Key::endpoint(Protocol::udp, kInside)}] = {7, 700};
    ruleset.counters[{SetId::sent6, Key::endpoint(Protocol::udp, kInside6)}] = {3, 300};
    const InsideEndpoint several[] = {
        {Protocol::udp, kInside6}, {Protocol::tcp, kInside}, {Protocol::udp, kInside}, {Protocol::udp, kInside6}};
    const Traffic six{{0, 0}, {3, 300}};
    EXPECT_EQ(*read_traffic(ruleset, several), (std::vector<Traffic>{six, {}, {{7, 700}, {0, 0}}, six}));
    EXPECT_TRUE(read_traffic(ruleset, std::span<const InsideEndpoint>())->empty());
}

TEST(Traffic, PassesErrorsOn) {
    StoredRuleset ruleset;
    ruleset.broken = true;
    const InsideEndpoint one[] = {{Protocol::udp, kInside}};
    const auto traffic = read_traffic(ruleset, one);
    ASSERT_FALSE(traffic);
    EXPECT_EQ(traffic.error().code, ENOBUFS);
}

}  // namespace
}  // namespace messenger::nft
