// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

#include "alg/limits.h"
#include "alg/net/hash.h"

namespace messenger::alg {

/// Token buckets for messages per sending host. A fixed number of buckets under a secret hash: no host can make the
/// table grow, and nobody can aim at somebody else's bucket.
class MessageRate {
   public:
    MessageRate(const Limits& limits, const HashKey& secret) : limits_(limits), secret_(secret), buckets_(kBuckets) {}

    /// Takes one token. False: the host is over its rate.
    [[nodiscard]] bool take(const IpAddress& host, TimePoint now) {
        if (limits_.messages_per_second == 0) return true;
        Bucket& bucket = buckets_[table_hash(secret_, host) % kBuckets];
        if (!bucket.used || now < bucket.filled) {
            bucket = {static_cast<double>(limits_.message_burst), now, true};
        }
        const double seconds = std::chrono::duration<double>(now - bucket.filled).count();
        bucket.tokens =
            std::min(static_cast<double>(limits_.message_burst), bucket.tokens + seconds * limits_.messages_per_second);
        bucket.filled = now;
        if (bucket.tokens < 1) return false;
        bucket.tokens -= 1;
        return true;
    }

   private:
    static constexpr std::size_t kBuckets = 4096;
    struct Bucket {
        double tokens = 0;
        TimePoint filled;
        bool used = false;
    };

    const Limits& limits_;
    HashKey secret_;
    std::vector<Bucket> buckets_;
};

}  // namespace messenger::alg
