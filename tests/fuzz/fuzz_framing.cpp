// SPDX-License-Identifier: GPL-2.0-or-later
// The messages of a stream must not depend on how it is cut, and must lie inside it. The first byte chooses the cut.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "alg/sip/framing.h"
#include "alg/sip/message.h"

namespace {

using messenger::alg::find_frame;
using messenger::alg::Frame;
using messenger::alg::Limits;

void require(bool holds) {
    if (!holds) std::abort();
}

struct Found {
    std::vector<std::string_view> messages;
    bool failed = false;
    messenger::alg::Error error{};
    bool operator==(const Found&) const = default;
};

/// All frames of stream when `step` more bytes are there at each call.
Found read_in_steps(std::string_view stream, std::size_t step, const Limits& limits) {
    Found found;
    std::size_t begin = 0;
    std::size_t scanned = 0;
    for (std::size_t end = 0;;) {
        end += step < stream.size() - end ? step : stream.size() - end;
        const std::string_view visible = stream.substr(begin, end - begin);
        const auto frame = find_frame(visible, limits, scanned);
        require(scanned <= visible.size());
        if (!frame) {
            found.failed = true;
            found.error = frame.error();
            return found;
        }
        require(frame->skip <= visible.size());
        if (frame->state == Frame::State::head) {
            require(frame->head_bytes <= visible.size() - frame->skip);
            require(frame->head_bytes <= limits.head_bytes);
            require(messenger::alg::begins_with_start_line(visible.substr(frame->skip)));
            if (frame->body_bytes <= visible.size() - frame->skip - frame->head_bytes) {
                const std::size_t total = frame->head_bytes + frame->body_bytes;
                found.messages.push_back(visible.substr(frame->skip, total));
                begin += frame->skip + total;
                scanned = 0;
                continue;
            }
        }
        if (end == stream.size()) return found;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0 || size > 4096) return 0;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
    const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
    Limits limits;
    limits.head_bytes = 512;
    const Found whole = read_in_steps(stream, size, limits);
    require(read_in_steps(stream, std::size_t{data[0]} + 1, limits) == whole);
    require(read_in_steps(stream, 1, limits) == whole);
    static messenger::alg::SipMessageView view;
    for (const std::string_view message : whole.messages) {
        // What a frame and a message take for the message must be the same bytes.
        if (view.parse(message, limits)) require(view.whole() == message);
    }
    return 0;
}
