// SPDX-License-Identifier: GPL-2.0-or-later
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "daemon/queue/queue_message.h"

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

/// A span that is not empty lies within the input.
void require_inside(std::span<const std::byte> part, std::span<const std::byte> whole) {
    if (part.empty()) return;
    require(part.data() >= whole.data() && part.size() <= whole.size());
    require(static_cast<std::size_t>(part.data() - whole.data()) <= whole.size() - part.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto whole = std::as_bytes(std::span(data, size));
    auto rest = whole;
    while (true) {
        const std::size_t before = rest.size();
        const auto message = messenger::daemon::take_queue_message(rest);
        if (!message) break;
        require(rest.size() < before);
        require_inside(message->packet.payload, whole);
        require_inside(message->packet.conntrack, whole);
        if (message->kind == messenger::daemon::QueueMessage::Kind::packet) require(message->has_id);
        if (message->kind == messenger::daemon::QueueMessage::Kind::acknowledgement) require(message->error >= 0);
    }
    require(rest.empty());
    return 0;
}
