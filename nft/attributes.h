// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <span>

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netlink.h>

namespace messenger::nft {

/// Netlink attributes, side by side, read so that nothing in them can be overlooked: each has one of the types that the
/// reader names and comes once, lengths are within bounds, and no byte is left over. Borrows the bytes.
class Attributes {
   public:
    /// types: below 32. Absent if there is anything else in bytes.
    [[nodiscard]] static std::optional<Attributes> read(std::span<const std::byte> bytes,
                                                        std::initializer_list<unsigned> types) {
        std::uint32_t allowed = 0;
        for (const unsigned type : types) allowed |= 1U << type;
        Attributes attributes;
        while (!bytes.empty()) {
            nlattr header{};
            if (bytes.size() < sizeof(header)) return std::nullopt;
            std::memcpy(&header, bytes.data(), sizeof(header));
            const unsigned type = header.nla_type & static_cast<unsigned>(NLA_TYPE_MASK);
            const std::size_t length = header.nla_len;
            if (length < sizeof(header) || length > bytes.size()) return std::nullopt;
            if (type >= kTypes || (allowed & (1U << type)) == 0) return std::nullopt;
            allowed &= ~(1U << type);
            attributes.values_[type] = bytes.subspan(sizeof(header), length - sizeof(header));
            attributes.present_ |= 1U << type;
            const std::size_t padded = (length + 3) & ~std::size_t{3};
            if (padded > bytes.size()) return std::nullopt;
            bytes = bytes.subspan(padded);
        }
        return attributes;
    }

    [[nodiscard]] bool has(unsigned type) const { return (present_ & (1U << type)) != 0; }
    /// Empty if it is not there.
    [[nodiscard]] std::span<const std::byte> value(unsigned type) const { return values_[type]; }
    /// The attributes in a nest. Absent if it is not there.
    [[nodiscard]] std::optional<Attributes> nest(unsigned type, std::initializer_list<unsigned> types) const {
        if (!has(type)) return std::nullopt;
        return read(value(type), types);
    }
    /// Numbers in network order. Absent if it is not there, or of another size.
    [[nodiscard]] std::optional<std::uint8_t> u8(unsigned type) const { return number<std::uint8_t>(type); }
    [[nodiscard]] std::optional<std::uint16_t> u16(unsigned type) const {
        const auto raw = number<std::uint16_t>(type);
        return raw ? std::optional<std::uint16_t>(ntohs(*raw)) : std::nullopt;
    }
    [[nodiscard]] std::optional<std::uint32_t> u32(unsigned type) const {
        const auto raw = number<std::uint32_t>(type);
        return raw ? std::optional<std::uint32_t>(ntohl(*raw)) : std::nullopt;
    }
    [[nodiscard]] std::optional<std::uint64_t> u64(unsigned type) const {
        const auto raw = number<std::uint64_t>(type);
        return raw ? std::optional<std::uint64_t>(be64toh(*raw)) : std::nullopt;
    }

   private:
    static constexpr unsigned kTypes = 32;

    template <class T>
    [[nodiscard]] std::optional<T> number(unsigned type) const {
        if (!has(type) || value(type).size() != sizeof(T)) return std::nullopt;
        T raw{};
        std::memcpy(&raw, value(type).data(), sizeof(T));
        return raw;
    }

    std::array<std::span<const std::byte>, kTypes> values_{};
    std::uint32_t present_ = 0;
};

}  // namespace messenger::nft
