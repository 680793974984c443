// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/net/hash.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace messenger::alg {

namespace {

/// The four words of the permutation. SipHash-c-d: c rounds for each word of the input, d at the end.
template <int c, int d>
class SipState {
   public:
    explicit SipState(const HashKey& key)
        : v0_(key.k0 ^ 0x736f6d6570736575U),
          v1_(key.k1 ^ 0x646f72616e646f6dU),
          v2_(key.k0 ^ 0x6c7967656e657261U),
          v3_(key.k1 ^ 0x7465646279746573U) {}

    void compress(std::uint64_t word) {
        v3_ ^= word;
        for (int i = 0; i < c; ++i) round();
        v0_ ^= word;
    }

    [[nodiscard]] std::uint64_t finish() {
        v2_ ^= 0xffU;
        for (int i = 0; i < d; ++i) round();
        return v0_ ^ v1_ ^ v2_ ^ v3_;
    }

   private:
    void round() {
        v0_ += v1_;
        v2_ += v3_;
        v1_ = std::rotl(v1_, 13) ^ v0_;
        v3_ = std::rotl(v3_, 16) ^ v2_;
        v0_ = std::rotl(v0_, 32);
        v2_ += v1_;
        v0_ += v3_;
        v1_ = std::rotl(v1_, 17) ^ v2_;
        v3_ = std::rotl(v3_, 21) ^ v0_;
        v2_ = std::rotl(v2_, 32);
    }

    std::uint64_t v0_;
    std::uint64_t v1_;
    std::uint64_t v2_;
    std::uint64_t v3_;
};

/// size: at most 8.
[[nodiscard]] std::uint64_t little_endian(const char* bytes, std::size_t size) {
    if constexpr (std::endian::native == std::endian::little) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes, size);
        return word;
    } else {
        std::uint64_t word = 0;
        for (std::size_t i = 0; i < size; ++i) {
            word |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
        }
        return word;
    }
}

/// The bytes of a value: the family stands before an address, so that no IPv4 pair can look like an IPv6 address.
class Encoding {
   public:
    void add(std::uint8_t value) { bytes_[size_++] = static_cast<char>(value); }
    void add(const IpAddress& address) {
        add(static_cast<std::uint8_t>(address.family()));
        const auto from = address.bytes();
        if (address.is_v4()) {
            std::memcpy(bytes_.data() + size_, from.data(), 4);  // a number that the compiler knows
        } else {
            std::memcpy(bytes_.data() + size_, from.data(), 16);
        }
        size_ += from.size();
    }
    void add(const Endpoint& endpoint) {
        add(endpoint.address);
        add(static_cast<std::uint8_t>(endpoint.port >> 8U));
        add(static_cast<std::uint8_t>(endpoint.port & 0xffU));
    }
    [[nodiscard]] std::string_view bytes() const { return {bytes_.data(), size_}; }

   private:
    std::array<char, 1 + 2 * (1 + 16 + 2)>
        bytes_;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled up to size_
    std::size_t size_ = 0;
};

template <int c, int d>
[[nodiscard]] std::uint64_t hash_bytes(const HashKey& key, std::string_view bytes) {
    constexpr std::size_t kWord = sizeof(std::uint64_t);
    SipState<c, d> state(key);
    const std::uint64_t length = bytes.size();
    while (bytes.size() >= kWord) {
        state.compress(little_endian(bytes.data(), kWord));
        bytes.remove_prefix(kWord);
    }
    const std::uint64_t rest = bytes.empty() ? 0 : little_endian(bytes.data(), bytes.size());
    state.compress(rest | length << 56U);
    return state.finish();
}

}  // namespace

std::uint64_t siphash(const HashKey& key, std::string_view bytes) {
    return hash_bytes<2, 4>(key, bytes);
}

std::uint64_t table_hash(const HashKey& key, std::string_view bytes) {
    return hash_bytes<1, 3>(key, bytes);
}

std::uint64_t table_hash(const HashKey& key, std::uint64_t number) {
    SipState<1, 3> state(key);
    state.compress(number);
    state.compress(std::uint64_t{sizeof number} << 56U);
    return state.finish();
}

std::uint64_t table_hash(const HashKey& key, const IpAddress& address) {
    Encoding encoding;
    encoding.add(address);
    return table_hash(key, encoding.bytes());
}

std::uint64_t table_hash(const HashKey& key, const Endpoint& endpoint) {
    Encoding encoding;
    encoding.add(endpoint);
    return table_hash(key, encoding.bytes());
}

std::uint64_t table_hash(const HashKey& key, const FlowTuple& tuple) {
    Encoding encoding;
    encoding.add(static_cast<std::uint8_t>(tuple.transport));
    encoding.add(tuple.source);
    encoding.add(tuple.destination);
    return table_hash(key, encoding.bytes());
}

}  // namespace messenger::alg
