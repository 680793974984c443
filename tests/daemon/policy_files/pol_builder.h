// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace messenger::testing {

/// Makes a Registry.pol. Does not use the program's own writer or reader of UTF-16, so that the two can disagree.
class PolBuilder {
   public:
    PolBuilder& record(std::string_view key, std::string_view name, std::uint32_t type, std::string_view data) {
        bytes_ += wide("[") + wide(key) + wide(std::string_view("\0;", 2)) + wide(name);
        bytes_ += wide(std::string_view("\0;", 2)) + number(type) + wide(";");
        bytes_ += number(static_cast<std::uint32_t>(data.size())) + wide(";") + std::string(data) + wide("]");
        return *this;
    }
    PolBuilder& dword(std::string_view key, std::string_view name, std::uint32_t value) {
        return record(key, name, 4, number(value));
    }
    PolBuilder& text(std::string_view key, std::string_view name, std::string_view value) {
        return record(key, name, 1, wide(value) + wide(std::string_view("\0", 1)));
    }
    [[nodiscard]] const std::string& bytes() const { return bytes_; }

   private:
    [[nodiscard]] static std::string wide(std::string_view text) {
        std::string out;
        for (const char c : text) {
            out.push_back(c);
            out.push_back('\0');
        }
        return out;
    }
    [[nodiscard]] static std::string number(std::uint32_t value) {
        std::string out;
        for (unsigned shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>((value >> shift) & 0xFFU));
        return out;
    }

    std::string bytes_ = "PReg" + number(1);
};

}  // namespace messenger::testing
