// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace messenger::alg {

/// Input of one TCP direction that its sender may be told has arrived before the receiver has acknowledged it: the
/// sender will not repeat it then, so it is kept here until the receiver has. It lies without gap behind what the
/// receiver had been sent when it was taken. What its edits make of it is rendered when it is needed: they are in the
/// SequenceMap for at least as long. All positions are input.
class Custody {
   public:
    static constexpr std::size_t kMost = std::size_t{1} << 20U;

    /// Whether there has ever been any.
    [[nodiscard]] bool taken() const { return taken_; }
    [[nodiscard]] bool empty() const { return bytes_.empty(); }
    [[nodiscard]] std::size_t size() const { return bytes_.size(); }
    [[nodiscard]] std::uint32_t begin() const { return begin_; }
    [[nodiscard]] std::uint32_t end() const { return begin_ + static_cast<std::uint32_t>(bytes_.size()); }

    /// The end if this position lies inside, else the position itself. So much may the sender be told when the receiver
    /// has everything before this position: what comes first, the sender answers for, and until the receiver has that,
    /// nothing may be said about the rest.
    [[nodiscard]] std::uint32_t behind(std::uint32_t position) const;
    /// What of it lies between these positions. Borrowed until the next change.
    [[nodiscard]] std::string_view between(std::uint32_t begin, std::uint32_t end) const;

    /// Takes bytes that begin at position, which is the end unless it is empty.
    void take(std::uint32_t position, std::string_view bytes);
    /// The receiver has everything before this position.
    void release_before(std::uint32_t position);

    void save(std::vector<std::byte>& to) const;
    [[nodiscard]] static std::optional<Custody> load(std::span<const std::byte>& from);

   private:
    std::string bytes_;
    std::uint32_t begin_ = 0;
    bool taken_ = false;
};

}  // namespace messenger::alg
