// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/sip/message_stream.h"

#include <algorithm>
#include <utility>

namespace messenger::alg {

/// Moves bytes to the message at hand, and none that belong to the next one: with its length known just what is
/// missing, before that up to the next line end, which is the earliest that its head can be complete at.
std::string_view MessageStream::gather(std::string_view& bytes, const Limits& limits) {
    std::size_t count = bytes.size();
    if (wanted_ > 0) {
        count = std::min(count, wanted_ - partial_.size());
    } else {
        const std::size_t line_end = bytes.find('\n');
        if (line_end != std::string_view::npos) count = line_end + 1;
        count = std::min(count, limits.head_bytes);
    }
    partial_.insert(partial_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    bytes.remove_prefix(count);
    return {partial_.data(), partial_.size()};
}

/// The rest of a message that is not read. True if there was some.
bool MessageStream::skip_some(std::string_view& bytes) {
    if (skip_ == 0) return false;
    const std::size_t skipped = std::min(skip_, bytes.size());
    skip_ -= skipped;
    pass(skipped);
    bytes.remove_prefix(skipped);
    return true;
}

/// The message that text begins with, whole.
std::string_view MessageStream::take(std::string_view text, bool in_place, std::string_view& bytes, Spent& spent) {
    const std::string_view message = text.substr(skipped_, wanted_ - skipped_);
    skipped_before_ = 0;
    begin_message();
    was_settled_ = settled_;
    settled_ = false;
    head_seen_ = false;
    pass(wanted_);
    if (in_place) {
        bytes.remove_prefix(wanted_);
    } else {
        spent.push_back(std::move(partial_));  // the bytes stay where they are: message goes on pointing there
        partial_.clear();
    }
    wanted_ = 0;
    skipped_ = 0;
    return message;
}

Expected<MessageStream::Head> MessageStream::find_head(std::string_view text, const Limits& limits) {
    const auto frame = find_frame(text, limits, scanned_);
    if (!frame) return frame.error();
    skipped_ = frame->skip;
    if (frame->state == Frame::State::need_more) {
        // Keep-alives before a message must not pile up.
        if (!partial_.empty()) {
            partial_.erase(partial_.begin(), partial_.begin() + static_cast<std::ptrdiff_t>(skipped_));
            scanned_ -= std::min(scanned_, skipped_);
            pass(skipped_);
            skipped_ = 0;
        }
        return Head::incomplete;
    }
    scanned_ = 0;
    const std::size_t whole = skipped_ + frame->head_bytes + frame->body_bytes;
    head_ = frame->head_bytes;
    skipped_before_ = 0;
    if (frame->body_bytes > limits.body_bytes) {
        skip_ = whole;
        skipped_before_ = std::exchange(skipped_, 0);
        return Head::too_large;
    }
    wanted_ = whole;
    return Head::complete;
}

/// Nothing is complete: copies what is left, without the line ends before it while only they are known.
void MessageStream::keep(std::string_view& bytes) {
    if (wanted_ == 0) {
        bytes.remove_prefix(skipped_);
        scanned_ -= std::min(scanned_, skipped_);
        pass(skipped_);
        skipped_ = 0;
    }
    partial_.assign(bytes.begin(), bytes.end());
    bytes = {};
}

/// The message at hand is not read: what has been put together of it counts as skipped.
void MessageStream::leave_partial() {
    skip_ -= std::min(skip_, partial_.size());
    pass(partial_.size());
    partial_.clear();
    skipped_ = 0;
}

OpaqueReason MessageStream::reason_of(Error error) {
    switch (error) {
        case Error::bad_content_length: return OpaqueReason::bad_framing;
        case Error::too_large: return OpaqueReason::too_large;
        default: return OpaqueReason::not_sip;
    }
}

}  // namespace messenger::alg
