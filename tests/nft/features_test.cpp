// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/features.h"

#include <gtest/gtest.h>

namespace messenger::nft {
namespace {

TEST(Features, PreferTheNativeQueue) {
    Features features;
    EXPECT_FALSE(features.queue_kind());
    features.xt_queue = true;
    EXPECT_EQ(features.queue_kind(), QueueKind::xt);
    features.native_queue = true;
    EXPECT_EQ(features.queue_kind(), QueueKind::native);
}

TEST(Features, PrintInOneLine) {
    Features features;
    features.xt_queue = true;
    EXPECT_EQ(features.to_string(),
              "native queue: no; xt NFQUEUE: yes; conntrack create: no; destroy element: no; timeout update: no; "
              "NAT by map: no; TCP reset: no; flow labels: no; IPsec routes: no");
}

}  // namespace
}  // namespace messenger::nft
