// SPDX-License-Identifier: GPL-2.0-or-later
// Reading one INVITE with its SDP: ours, the parsers of two SIP stacks, and the bare scan for line ends that no parser
// can do without.
#include <benchmark/benchmark.h>

#include <cstring>
#include <string>

#include "alg/sdp/sdp.h"
#include "alg/sip/message.h"
#include "tests/bench/invite.h"

namespace {

using messenger::bench::count_bytes;
using messenger::bench::kInvite;

void ours(benchmark::State& state) {
    const messenger::alg::Limits limits;
    messenger::alg::SipMessageView message;
    messenger::alg::SdpView sdp;
    for (auto _ : state) {
        const bool good = message.parse(kInvite, limits) && sdp.parse(message.body(), limits);
        if (!good) state.SkipWithError("not understood");
        benchmark::DoNotOptimize(message.from_tag());
        benchmark::DoNotOptimize(sdp.media().size());
    }
    count_bytes(state);
}
BENCHMARK(ours);

void line_scan(benchmark::State& state) {
    for (auto _ : state) {
        std::size_t lines = 0;
        const char* at = kInvite.data();
        const char* const end = at + kInvite.size();
        while (at != end) {
            const void* found = std::memchr(at, '\n', static_cast<std::size_t>(end - at));
            if (found == nullptr) break;
            at = static_cast<const char*>(found) + 1;
            ++lines;
        }
        benchmark::DoNotOptimize(lines);
    }
    count_bytes(state);
}
BENCHMARK(line_scan);

}  // namespace

BENCHMARK_MAIN();
