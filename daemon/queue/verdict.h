// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace messenger::daemon {

/// The fate of one queued packet.
struct Verdict {
    enum class Action : std::uint8_t { drop = 0, accept = 1 };  ///< the values are NF_DROP and NF_ACCEPT

    std::uint16_t queue = 0;
    std::uint32_t packet_id = 0;
    Action action = Action::accept;
    std::optional<std::uint32_t> mark;       ///< becomes the packet's mark
    std::span<const std::byte> replacement;  ///< the packet as it goes on, from the IP header; empty: unchanged
};

/// Takes verdicts; they may wait there until a batch is complete. The replacement is copied before add returns.
class VerdictSink {
   public:
    VerdictSink() = default;
    VerdictSink(const VerdictSink&) = delete;
    VerdictSink& operator=(const VerdictSink&) = delete;
    VerdictSink(VerdictSink&&) = delete;
    VerdictSink& operator=(VerdictSink&&) = delete;
    virtual ~VerdictSink() = default;

    virtual void add(const Verdict& verdict) noexcept = 0;
};

/// The duty to give one packet exactly one verdict. Whoever lets it go without deciding gives the fallback: a packet
/// without verdict would sit in the kernel's queue for ever. The sink must outlive it.
class [[nodiscard]] PendingVerdict {
   public:
    PendingVerdict(VerdictSink& sink, std::uint16_t queue, std::uint32_t packet_id, Verdict::Action fallback)
        : sink_(&sink), packet_id_(packet_id), queue_(queue), fallback_(fallback) {}
    PendingVerdict(const PendingVerdict&) = delete;
    PendingVerdict& operator=(const PendingVerdict&) = delete;
    PendingVerdict(PendingVerdict&& other) noexcept
        : sink_(std::exchange(other.sink_, nullptr)),
          packet_id_(other.packet_id_),
          queue_(other.queue_),
          fallback_(other.fallback_) {}
    PendingVerdict& operator=(PendingVerdict&& other) noexcept {
        if (this == &other) return *this;
        give_fallback();
        sink_ = std::exchange(other.sink_, nullptr);
        packet_id_ = other.packet_id_;
        queue_ = other.queue_;
        fallback_ = other.fallback_;
        return *this;
    }
    ~PendingVerdict() { give_fallback(); }

    /// replacement: see Verdict.
    void accept(std::optional<std::uint32_t> mark = std::nullopt, std::span<const std::byte> replacement = {}) {
        give({queue_, packet_id_, Verdict::Action::accept, mark, replacement});
    }
    void drop() { give({queue_, packet_id_, Verdict::Action::drop, std::nullopt, {}}); }

    [[nodiscard]] bool is_given() const { return sink_ == nullptr; }

   private:
    void give(const Verdict& verdict) {
        assert(sink_ != nullptr);  // a second verdict would hit whatever packet got the id next
        if (sink_ != nullptr) std::exchange(sink_, nullptr)->add(verdict);
    }
    void give_fallback() {
        if (sink_ != nullptr) give({queue_, packet_id_, fallback_, std::nullopt, {}});
    }

    VerdictSink* sink_;
    std::uint32_t packet_id_;
    std::uint16_t queue_;
    Verdict::Action fallback_;
};

}  // namespace messenger::daemon
