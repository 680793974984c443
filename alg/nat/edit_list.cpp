// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/nat/edit_list.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <functional>

namespace messenger::alg {

void EditList::begin(std::string_view text) {
    text_ = text;
    entries_.clear();
    replacements_.clear();
    growth_ = 0;
    spoilt_ = false;
}

void EditList::replace(std::string_view field, std::string_view replacement) {
    [[maybe_unused]] const std::less_equal<const char*> before_or_at;
    assert(before_or_at(text_.data(), field.data()) &&
           before_or_at(field.data() + field.size(), text_.data() + text_.size()));
    if (spoilt_ || field == replacement) return;
    Entry entry;
    entry.at = static_cast<std::uint32_t>(field.data() - text_.data());
    entry.length = static_cast<std::uint32_t>(field.size());
    entry.replacement_at = static_cast<std::uint32_t>(replacements_.size());
    entry.replacement_length = static_cast<std::uint32_t>(replacement.size());
    const auto next =
        std::find_if(entries_.begin(), entries_.end(), [&entry](const Entry& known) { return known.at >= entry.at; });
    const bool runs_into_next = next != entries_.end() && entry.at + entry.length > next->at;
    const bool same_place = next != entries_.end() && entry.at == next->at;
    const bool inside_previous = next != entries_.begin() && (next - 1)->at + (next - 1)->length > entry.at;
    const bool full =
        entries_.size() == kMaxEdits || replacement.size() > kMaxBytes - std::min(kMaxBytes, replacements_.size());
    if (runs_into_next || same_place || inside_previous || full) {
        spoilt_ = true;
        return;
    }
    replacements_.append(replacement);
    growth_ += static_cast<std::ptrdiff_t>(replacement.size()) - static_cast<std::ptrdiff_t>(field.size());
    entries_.insert(next, entry);
}

void EditList::replace_number(std::string_view field, std::uint64_t number) {
    std::array<char, 20> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    replace(field, {digits.data(), static_cast<std::size_t>(end - digits.data())});
}

EditList::Edit EditList::operator[](std::size_t index) const {
    const Entry& entry = entries_[index];
    return {entry.at, entry.length,
            std::string_view(replacements_).substr(entry.replacement_at, entry.replacement_length)};
}

void EditList::apply(std::string& out) const {
    out.clear();
    std::size_t done = 0;
    for (const Entry& entry : entries_) {
        out.append(text_.substr(done, entry.at - done));
        out.append(std::string_view(replacements_).substr(entry.replacement_at, entry.replacement_length));
        done = std::size_t{entry.at} + entry.length;
    }
    out.append(text_.substr(done));
}

}  // namespace messenger::alg
