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

/// The edits to the bytes of one TCP direction, and what they do to its sequence numbers. Input is what the sender sent
/// and numbers, output what the receiver gets.
///
///     input    |----------|nnnnn|-------------|      edit: n bytes at input b become r bytes at output s
///     output   |----------|rrrrrrrr|-------------|   positions behind it move by r - n
///
/// Position b + k inside an edit is output s + min(k, r), its end b + n is s + r: what the edit grows by travels with
/// its last byte. That makes the mapping monotone, and the output of any segment the same however the sender cuts it.
/// An insertion has to name one of its neighbours as replaced: what has no input byte could never be retransmitted.
///
/// Edits that the receiver has acknowledged are kept a while for late duplicates and then folded into one number. Old
/// segments from before the fold come out with the oldest known shift: of wrong place and content, but wholly within
/// what the receiver has acknowledged and throws away.
class SequenceMap {
   public:
    static constexpr std::size_t kMaxEdits = 1024;                           ///< not yet folded
    static constexpr std::size_t kMaxBytes = std::size_t{64} << 10U;         ///< of their replacements together
    static constexpr std::size_t kKeptEdits = 32;                            ///< acknowledged, but not folded
    static constexpr std::uint32_t kKeptDistance = std::uint32_t{1} << 20U;  ///< behind what is acknowledged

    static constexpr std::uint32_t kMaxLength = std::uint32_t{1} << 20U;  ///< of what one edit replaces
    /// From the first edit to the end of the last: no window is larger, so that no two positions can be confused.
    static constexpr std::uint32_t kMaxSpan = std::uint32_t{1} << 30U;

    /// length >= 1 bytes at input sequence begin become replacement. Not before the end of the edit before it, and only
    /// bytes that no out() or render() has been asked about. False: no room, or misplaced; nothing has changed.
    [[nodiscard]] bool add(std::uint32_t begin, std::uint32_t length, std::string_view replacement);
    /// Whether there is room for so many more.
    [[nodiscard]] bool has_room(std::size_t edits, std::size_t bytes) const;

    /// Whether there has ever been an edit. While there was none, every mapping is the identity.
    [[nodiscard]] bool edited() const { return edited_; }

    [[nodiscard]] std::uint32_t out(std::uint32_t sequence) const;
    /// The last input position before which the receiver has everything, when it has everything before this output
    /// position: for acknowledgements and the right edges of SACK blocks.
    [[nodiscard]] std::uint32_t in(std::uint32_t sequence) const;
    /// The first input position from which on the receiver has everything, when it has everything from this output
    /// position on: for the left edges of SACK blocks.
    [[nodiscard]] std::uint32_t in_from(std::uint32_t sequence) const;

    /// Appends the output of the input bytes that begin at sequence.
    void render(std::uint32_t sequence, std::string_view bytes, std::string& output) const;
    /// Whether the output of these input bytes is other than they are.
    [[nodiscard]] bool changes(std::uint32_t sequence, std::size_t length) const;

    /// The receiver has everything before this output position, which is not before the last one.
    void acknowledge(std::uint32_t sequence);

    [[nodiscard]] std::size_t size() const { return edits_.size(); }
    /// The shift of positions behind all edits.
    [[nodiscard]] std::uint32_t shift() const { return edits_.empty() ? base_ : edits_.back().shift_after(); }

    /// Appends all that has to survive a restart.
    void save(std::vector<std::byte>& to) const;
    /// Takes a saved map off the front of from. Absent: this is none.
    [[nodiscard]] static std::optional<SequenceMap> load(std::span<const std::byte>& from);

   private:
    struct Edit {
        std::uint32_t begin = 0;  ///< input
        std::uint32_t length = 0;
        std::uint32_t replacement = 0;  ///< bytes of it
        std::uint32_t shift = 0;        ///< of positions before it: output minus input

        [[nodiscard]] std::uint32_t end() const { return begin + length; }
        [[nodiscard]] std::uint32_t out_begin() const { return begin + shift; }
        [[nodiscard]] std::uint32_t out_end() const { return begin + shift + replacement; }
        [[nodiscard]] std::uint32_t shift_after() const { return shift + replacement - length; }
        /// How many bytes of the replacement belong to the first count bytes of the input.
        [[nodiscard]] std::uint32_t part(std::uint32_t count) const;
    };

    std::vector<Edit> edits_;   ///< in order, without overlap
    std::string replacements_;  ///< of edits_, one after the other
    std::uint32_t base_ = 0;    ///< the shift before edits_
    bool edited_ = false;
};

}  // namespace messenger::alg
