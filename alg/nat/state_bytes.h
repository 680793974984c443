// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace messenger::alg {

/// Appends numbers in network byte order, and texts with their lengths before them.
class StateWriter {
   public:
    explicit StateWriter(std::vector<std::byte>& to) : to_(to) {}

    void u8(std::uint8_t value) { to_.push_back(static_cast<std::byte>(value)); }
    void u16(std::uint16_t value) {
        u8(static_cast<std::uint8_t>(value >> 8U));
        u8(static_cast<std::uint8_t>(value & 0xffU));
    }
    void u32(std::uint32_t value) {
        u16(static_cast<std::uint16_t>(value >> 16U));
        u16(static_cast<std::uint16_t>(value & 0xffffU));
    }
    void text(std::string_view value) {
        u32(static_cast<std::uint32_t>(value.size()));
        const auto bytes = std::as_bytes(std::span(value));
        to_.insert(to_.end(), bytes.begin(), bytes.end());
    }

   private:
    std::vector<std::byte>& to_;
};

/// Reads back what StateWriter wrote. What is read may come from anywhere: after the first thing that is not there,
/// good() is false and everything reads as 0 or empty.
class StateReader {
   public:
    explicit StateReader(std::span<const std::byte> from) : rest_(from) {}

    [[nodiscard]] std::uint8_t u8() {
        const auto bytes = take(1);
        return bytes.empty() ? std::uint8_t{0} : std::to_integer<std::uint8_t>(bytes[0]);
    }
    [[nodiscard]] std::uint16_t u16() {
        const unsigned high = u8();
        return static_cast<std::uint16_t>(high << 8U | u8());
    }
    [[nodiscard]] std::uint32_t u32() {
        const std::uint32_t high = u16();
        return high << 16U | u16();
    }
    [[nodiscard]] bool flag() {
        const unsigned value = u8();
        if (value > 1) good_ = false;
        return value == 1;
    }
    /// Borrowed from what is read.
    [[nodiscard]] std::string_view text(std::size_t limit) {
        const std::size_t size = u32();
        if (size > limit) good_ = false;
        const auto bytes = take(size);
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }

    [[nodiscard]] bool good() const { return good_; }
    [[nodiscard]] std::span<const std::byte> rest() const { return rest_; }

   private:
    [[nodiscard]] std::span<const std::byte> take(std::size_t size) {
        if (size > rest_.size()) good_ = false;
        if (!good_) return {};
        const auto taken = rest_.first(size);
        rest_ = rest_.subspan(size);
        return taken;
    }

    std::span<const std::byte> rest_;
    bool good_ = true;
};

}  // namespace messenger::alg
