// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/container/static_vector.hpp>

namespace messenger::alg {

/// The changes to one text, sorted by place, none touching another. Keep one and use it again: after warming up it
/// allocates nothing.
class EditList {
   public:
    static constexpr std::size_t kMaxEdits = 256;
    static constexpr std::size_t kMaxBytes = std::size_t{16} << 10U;  ///< of all replacements together

    struct Edit {
        std::uint32_t at = 0;          ///< in the text
        std::uint32_t length = 0;      ///< of what goes; 0 inserts
        std::string_view replacement;  ///< borrowed from the list, until its next change
    };

    /// Forgets everything; what follows is about text, which is borrowed.
    void begin(std::string_view text);
    /// field: a view into the text. Replacing a field by what it says already is no edit. An edit that overlaps a known
    /// one, and one for which there is no room, spoil the list: a half edited message is worse than an unedited one.
    void replace(std::string_view field, std::string_view replacement);
    void replace_number(std::string_view field, std::uint64_t number);

    [[nodiscard]] bool empty() const { return entries_.empty(); }
    [[nodiscard]] bool spoilt() const { return spoilt_; }
    [[nodiscard]] std::size_t size() const { return entries_.size(); }
    [[nodiscard]] Edit operator[](std::size_t index) const;
    /// How much longer the text becomes; negative: shorter.
    [[nodiscard]] std::ptrdiff_t growth() const { return growth_; }
    /// The text with its changes, into out (cleared first).
    void apply(std::string& out) const;
    [[nodiscard]] std::string_view text() const { return text_; }
    /// The text stands elsewhere now, and is the same.
    void rebase(std::string_view text) { text_ = text; }

   private:
    struct Entry {
        std::uint32_t at = 0;
        std::uint32_t length = 0;
        std::uint32_t replacement_at = 0;  ///< in replacements_
        std::uint32_t replacement_length = 0;
    };

    std::string_view text_;
    boost::container::static_vector<Entry, kMaxEdits> entries_;
    std::string replacements_;
    std::ptrdiff_t growth_ = 0;
    bool spoilt_ = false;
};

}  // namespace messenger::alg
