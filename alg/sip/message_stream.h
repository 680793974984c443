// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "alg/limits.h"
#include "alg/plan.h"
#include "alg/sip/framing.h"

namespace messenger::alg {

/// Cuts the bytes of one TCP direction into messages (RFC 3261 section 18.3). A message inside one run of bytes is
/// handed out in place; only one that is spread over several is put together in a buffer.
class MessageStream {
   public:
    /// What keeps messages readable that were put together: the owner drops it when nothing points at them any more.
    using Spent = std::vector<std::vector<char>>;

    /// Takes the next bytes in order; calls found(message) for each message that is complete, and too_large() for one
    /// whose body is above Limits::body_bytes (its bytes are skipped, the stream goes on). found returns a reason if no
    /// message can follow, else nothing. on_head(text) is called before found() or too_large() for a message whose head
    /// is complete while its body is still to come, once; it returns whether the message is then settled, so that
    /// nobody has to wait for the body. Messages live as long as bytes and spent do. Returns why the stream is no SIP
    /// that can be followed, after which it must not be called again.
    template <class Found, class TooLarge, class OnHead>
    [[nodiscard]] std::optional<OpaqueReason> feed(std::string_view bytes, const Limits& limits, Spent& spent,
                                                   Found&& found, TooLarge&& too_large, OnHead&& on_head) {
        while (!bytes.empty()) {
            if (skip_some(bytes)) continue;
            const bool in_place = partial_.empty();
            const std::string_view text = in_place ? bytes : gather(bytes, limits);
            if (wanted_ == 0) {
                const auto head = find_head(text, limits);
                if (!head) return reason_of(head.error());
                if (*head == Head::too_large) {
                    begin_message();
                    (void)on_head(text.substr(skipped_before_, head_));
                    too_large();
                    leave_partial();
                    continue;
                }
            }
            if (wanted_ == 0 || text.size() < wanted_) {
                if (wanted_ != 0 && !head_seen_) {
                    head_seen_ = true;
                    begin_message();
                    settled_ = on_head(text.substr(skipped_, head_));
                }
                if (in_place) keep(bytes);
                continue;
            }
            if (const auto last = found(take(text, in_place, bytes, spent))) return last;
        }
        return std::nullopt;
    }

    /// Whether the next byte begins a message: nothing is half done.
    [[nodiscard]] bool at_boundary() const { return partial_.empty() && skip_ == 0; }
    [[nodiscard]] std::size_t buffered() const { return partial_.size(); }

    // Where in the stream, counted from its first byte and modulo 2^32 like TCP's numbers:
    /// the message that was handed out last, or its head;
    [[nodiscard]] std::uint32_t message_position() const { return message_at_; }
    /// whether its head had been handed out, and settled it;
    [[nodiscard]] bool was_settled() const { return was_settled_; }
    /// everything before has been handed out, or settled, or belongs to no message that is read. May lie ahead of what
    /// has been fed.
    [[nodiscard]] std::uint32_t settled_position() const {
        const std::size_t ahead = skip_ > 0 ? skip_ : (settled_ ? wanted_ : 0);
        return position_ + static_cast<std::uint32_t>(ahead);
    }

   private:
    enum class Head : std::uint8_t {
        incomplete,
        complete,   ///< wanted_ and skipped_ are set
        too_large,  ///< skip_ is set
    };
    [[nodiscard]] Expected<Head> find_head(std::string_view text, const Limits& limits);
    [[nodiscard]] bool skip_some(std::string_view& bytes);
    [[nodiscard]] std::string_view gather(std::string_view& bytes, const Limits& limits);
    [[nodiscard]] std::string_view take(std::string_view text, bool in_place, std::string_view& bytes, Spent& spent);
    void keep(std::string_view& bytes);
    void begin_message() { message_at_ = position_ + static_cast<std::uint32_t>(skipped_before_ + skipped_); }
    void pass(std::size_t count) { position_ += static_cast<std::uint32_t>(count); }
    void leave_partial();
    [[nodiscard]] static OpaqueReason reason_of(Error error);

    std::vector<char> partial_;       ///< the beginning of a message
    std::size_t scanned_ = 0;         ///< of partial_, by find_frame
    std::size_t skipped_ = 0;         ///< line ends before the message
    std::size_t wanted_ = 0;          ///< bytes of the message with skipped_, once its head is known; else 0
    std::size_t skip_ = 0;            ///< bytes of a message that is not read
    std::size_t head_ = 0;            ///< bytes of its head, once that is complete
    std::size_t skipped_before_ = 0;  ///< skipped_ of a message that is too large
    std::uint32_t position_ = 0;      ///< of the first byte that is still of use
    std::uint32_t message_at_ = 0;
    bool head_seen_ = false;
    bool settled_ = false;
    bool was_settled_ = false;
};

}  // namespace messenger::alg
