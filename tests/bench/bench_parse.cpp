// SPDX-License-Identifier: GPL-2.0-or-later
// Reading messages and their SDP: ours, the parsers of two SIP stacks, and the bare scan for line ends that no parser
// can do without. One INVITE of 570 bytes, and whatever messages $MESSENGER_BENCH_MESSAGES names.
#include <benchmark/benchmark.h>

#include <cstring>
#include <string>

#include "alg/sdp/sdp.h"
#include "alg/sip/message.h"
#include "tests/bench/samples.h"

namespace messenger::bench {

bool read_with_ours(const Sample& sample) {
    static const alg::Limits limits;
    static alg::SipMessageView message;  // kept, as the engine keeps it
    static alg::SdpView sdp;
    const bool good = message.parse(sample.text, limits) && (!sample.sdp || sdp.parse(message.body(), limits));
    benchmark::DoNotOptimize(message.from_tag());
    benchmark::DoNotOptimize(sdp.media().size());
    return good;
}

namespace {

[[nodiscard]] bool scan_lines(const Sample& sample) {
    std::size_t lines = 0;
    const char* at = sample.text.data();
    const char* const end = at + sample.text.size();
    while (at != end) {
        const void* found = std::memchr(at, '\n', static_cast<std::size_t>(end - at));
        if (found == nullptr) break;
        at = static_cast<const char*>(found) + 1;
        ++lines;
    }
    benchmark::DoNotOptimize(lines);
    return true;
}

using Read = bool (*)(const Sample& sample);

void read_all(benchmark::State& state, Read read, const std::vector<Sample>& samples) {
    std::size_t bytes = 0;
    for (const Sample& sample : samples) bytes += sample.text.size();
    for (auto _ : state) {
        bool good = true;
        for (const Sample& sample : samples) good &= read(sample);
        if (!good) state.SkipWithError("not understood");
    }
    const auto times = static_cast<std::int64_t>(state.iterations());
    state.SetItemsProcessed(times * static_cast<std::int64_t>(samples.size()));
    state.SetBytesProcessed(times * static_cast<std::int64_t>(bytes));
    state.counters["messages"] = static_cast<double>(samples.size());
}

void add(const std::string& kind, const std::vector<Sample>& samples) {
    const auto add_one = [&](const std::string& name, Read read) {
        benchmark::RegisterBenchmark((kind + "/" + name).c_str(),
                                     [read, &samples](benchmark::State& state) { read_all(state, read, samples); });
    };
    for (const Parser& parser : kParsers) add_one(parser.name, parser.read);
    add_one("line_scan", scan_lines);
}

}  // namespace

}  // namespace messenger::bench

int main(int argc, char** argv) {
    using namespace messenger::bench;  // NOLINT(google-build-using-namespace): this program is all about it
    add("invite", invite_sample());
    if (!corpus_samples().empty()) add("corpus", corpus_samples());
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
}
