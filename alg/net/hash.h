// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "alg/net/address.h"
#include "alg/net/tuple.h"

namespace messenger::alg {

/// The secret of one process. Peers choose addresses, ports and Call-IDs: without it they could make every key of a
/// table fall into one bucket.
struct HashKey {
    std::uint64_t k0 = 0;
    std::uint64_t k1 = 0;
};

/// SipHash-2-4 (Aumasson and Bernstein, 2012) with 64 bits of output, for names of things. k0 is the first half of the
/// key, read as a little-endian number.
[[nodiscard]] std::uint64_t siphash(const HashKey& key, std::string_view bytes);

/// SipHash-1-3, for hash tables: half the rounds. Who floods a table sees no hash, only how long we take, and has to
/// find keys that share a bucket without knowing the secret; no way is known to do that to 1-3 either, and it is what
/// the tables of Rust and Python rely on.
[[nodiscard]] std::uint64_t table_hash(const HashKey& key, std::string_view bytes);

// The same over a value. Different values never feed the same bytes, so only chance makes them collide.
[[nodiscard]] std::uint64_t table_hash(const HashKey& key, std::uint64_t number);
[[nodiscard]] std::uint64_t table_hash(const HashKey& key, const IpAddress& address);
[[nodiscard]] std::uint64_t table_hash(const HashKey& key, const Endpoint& endpoint);
[[nodiscard]] std::uint64_t table_hash(const HashKey& key, const FlowTuple& tuple);

/// For hash tables: std::unordered_map<FlowTuple, Flow, KeyedHash> flows(0, KeyedHash{key}).
struct KeyedHash {
    using is_transparent = void;
    HashKey key;

    template <class T>
    [[nodiscard]] std::size_t operator()(const T& value) const {
        return static_cast<std::size_t>(table_hash(key, value));
    }
};

}  // namespace messenger::alg
