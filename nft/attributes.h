// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <span>

#include <endian.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

namespace messenger::nft {

/// Calls take(type, value) for one netlink attribute after the other, until it returns false. False then, and if the
/// bytes are not attributes, one after the other, and nothing else. The values borrow the bytes.
template <class Take>
[[nodiscard]] bool each_attribute(std::span<const std::byte> bytes, const Take& take) {
    while (!bytes.empty()) {
        nlattr header{};
        if (bytes.size() < sizeof(header)) return false;
        std::memcpy(&header, bytes.data(), sizeof(header));
        const unsigned type = header.nla_type & static_cast<unsigned>(NLA_TYPE_MASK);
        const std::size_t length = header.nla_len;
        const std::size_t padded = (length + 3) & ~std::size_t{3};
        if (length < sizeof(header) || padded > bytes.size()) return false;
        if (!take(type, bytes.subspan(sizeof(header), length - sizeof(header)))) return false;
        bytes = bytes.subspan(padded);
    }
    return true;
}

/// The attributes of a message of nfnetlink; none if it is too short for its header. Borrows the message.
[[nodiscard]] inline std::span<const std::byte> attributes_of(const nlmsghdr& message) {
    constexpr std::size_t kHeaders = sizeof(nlmsghdr) + sizeof(nfgenmsg);
    if (message.nlmsg_len < kHeaders) return {};
    return {reinterpret_cast<const std::byte*>(&message) + kHeaders, message.nlmsg_len - kHeaders};
}

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
        const bool whole = each_attribute(bytes, [&](unsigned type, std::span<const std::byte> value) {
            if (type >= kTypes || (allowed & (1U << type)) == 0) return false;
            allowed &= ~(1U << type);
            attributes.values_[type] = value;
            attributes.present_ |= 1U << type;
            return true;
        });
        if (!whole) return std::nullopt;
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
        return raw ? std::optional<std::uint16_t>(be16toh(*raw)) : std::nullopt;
    }
    [[nodiscard]] std::optional<std::uint32_t> u32(unsigned type) const {
        const auto raw = number<std::uint32_t>(type);
        return raw ? std::optional<std::uint32_t>(be32toh(*raw)) : std::nullopt;
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
