// SPDX-License-Identifier: GPL-2.0-or-later
// How libFuzzer changes the inputs of fuzz_engine and fuzz_nat_engine: whole steps, and the SIP in them.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/fuzz/engine_input.h"
#include "tests/fuzz/sip_mutator.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's own
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

using messenger::test::SipMutator;
using namespace messenger::testing;

/// An input taken apart.
struct Conversation {
    char options = 0;
    std::vector<InputStep> steps;

    explicit Conversation(std::string_view input) {
        if (input.empty()) return;
        options = input.front();
        input.remove_prefix(1);
        for (InputStep step; take_step(input, step);) steps.push_back(step);
    }

    [[nodiscard]] std::size_t write(std::uint8_t* data, std::size_t max_size) const {
        std::string input(1, options);
        for (const InputStep& step : steps) {
            if (input.size() + kStepHead + step.payload.size() > max_size) break;
            append_step(input, step);
        }
        const std::size_t size = std::min(input.size(), max_size);
        std::copy_n(input.begin(), size, data);
        return size;
    }
};

std::uint8_t turned(std::uint8_t ends) {
    return static_cast<std::uint8_t>(ends << 4U | ends >> 4U);
}

class StepMutator {
   public:
    StepMutator(Conversation& conversation, unsigned seed)
        : steps_(conversation.steps), options_(conversation.options), sip_(seed) {}

    void mutate() {
        if (steps_.empty()) steps_.emplace_back();
        const std::size_t at = sip_.below(steps_.size());
        InputStep& step = steps_[at];
        switch (sip_.below(16)) {
            case 0: steps_.erase(place(at)); return;
            case 1: insert(sip_.below(steps_.size() + 1), step); return;
            case 2: std::swap(step, steps_[sip_.below(steps_.size())]); return;
            case 3: mutate_head(step); return;
            case 4: answer(at); return;
            case 5: follow_up(at); return;
            case 6: cut(at); return;
            case 7: media(at); return;
            case 8: mutate_bytes(step); return;
            default: sip_.mutate(step.payload, other_payload());
        }
    }

    /// Steps of another conversation go in, all or a few.
    void splice(const std::vector<InputStep>& others) {
        if (others.empty()) return;
        const std::size_t first = sip_.below(others.size());
        const std::size_t count = 1 + sip_.below(others.size() - first);
        const auto from = others.begin() + static_cast<std::ptrdiff_t>(first);
        steps_.insert(place(sip_.below(steps_.size() + 1)), from, from + static_cast<std::ptrdiff_t>(count));
    }

   private:
    [[nodiscard]] std::vector<InputStep>::iterator place(std::size_t at) {
        return steps_.begin() + static_cast<std::ptrdiff_t>(at);
    }
    void insert(std::size_t at, InputStep step) { steps_.insert(place(std::min(at, steps_.size())), std::move(step)); }
    [[nodiscard]] std::string other_payload() { return steps_[sip_.below(steps_.size())].payload; }

    void mutate_head(InputStep& step) {
        switch (sip_.below(6)) {
            case 0: step.kind = static_cast<std::uint8_t>(step.kind ^ 1U << sip_.below(8)); return;
            case 1: step.ends = turned(step.ends); return;
            case 2: step.ends = static_cast<std::uint8_t>(sip_.below(256)); return;
            case 3: step.ends = static_cast<std::uint8_t>((step.ends & 240U) | sip_.below(16)); return;
            case 4: step.pause = static_cast<std::uint8_t>(sip_.below(256)); return;
            default:
                if (sip_.one_in(3)) options_ = static_cast<char>(options_ ^ 1 << sip_.below(8));
                step.offset = static_cast<std::uint8_t>(sip_.below(256));
        }
    }

    /// Of the other end, behind the step.
    void answer(std::size_t at) {
        InputStep step = steps_[at];
        step.ends = turned(step.ends);
        step.payload = sip_.answer(step.payload, other_payload());
        insert(at + 1 + sip_.below(2), step);
    }

    void follow_up(std::size_t at) {
        InputStep step = steps_[at];
        step.payload = sip_.follow_up(step.payload);
        if (sip_.one_in(4)) step.ends = turned(step.ends);
        insert(at + 1 + sip_.below(3), step);
    }

    /// One segment becomes two, which may come in the wrong order.
    void cut(std::size_t at) {
        InputStep& step = steps_[at];
        if ((step.kind & kKindMask) != kTcp) {
            step.kind = static_cast<std::uint8_t>((step.kind & ~kKindMask) | kTcp | kAppend);
            return;
        }
        InputStep second = step;
        const std::size_t bound = sip_.below(step.payload.size() + 1);
        second.kind = static_cast<std::uint8_t>(second.kind & ~kSyn);
        second.payload.erase(0, bound);
        step.payload.resize(bound);
        step.kind = static_cast<std::uint8_t>(step.kind & ~kFin);
        if (sip_.one_in(6)) std::swap(step, second);
        insert(at + 1, second);
    }

    void media(std::size_t at) {
        InputStep step;
        step.kind = kMedia;
        step.ends = static_cast<std::uint8_t>(sip_.below(256));
        step.pause = static_cast<std::uint8_t>(sip_.below(8));
        step.offset = static_cast<std::uint8_t>(sip_.below(256));
        insert(at + 1, step);
    }

    void mutate_bytes(InputStep& step) {
        constexpr std::size_t kGrowth = 64;
        const std::size_t size = step.payload.size();
        step.payload.resize(size + kGrowth);
        step.payload.resize(
            LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(step.payload.data()), size, size + kGrowth));
    }

    std::vector<InputStep>& steps_;
    char& options_;
    SipMutator sip_;
};

std::string_view text_of(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

}  // namespace

// NOLINTBEGIN(readability-identifier-naming): libFuzzer looks for these names
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
    // Now and then as libFuzzer would: it alone makes steps that are cut off.
    if (seed % 16 == 0) return LLVMFuzzerMutate(data, size, max_size);
    Conversation conversation(text_of(data, size));
    StepMutator mutator(conversation, seed / 16);
    for (unsigned count = 1 + seed / 16 % 3; count > 0; --count) mutator.mutate();
    return conversation.write(data, max_size);
}

extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* data1, std::size_t size1,
                                                 const std::uint8_t* data2, std::size_t size2, std::uint8_t* out,
                                                 std::size_t max_out_size, unsigned seed) {
    Conversation conversation(text_of(data1, size1));
    const Conversation other(text_of(data2, size2));
    StepMutator(conversation, seed).splice(other.steps);
    return conversation.write(out, max_out_size);
}
// NOLINTEND(readability-identifier-naming)
