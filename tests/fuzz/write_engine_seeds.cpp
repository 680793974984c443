// SPDX-License-Identifier: GPL-2.0-or-later
// Makes the seed corpora of fuzz_engine and fuzz_nat_engine from the scenarios: write_engine_seeds SCENARIOS CORPORA.
// Steps between hosts that they do not have are left out, and a scenario of which nothing is left too.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>

#include "tests/fuzz/engine_input.h"
#include "tests/scenario/scenario.h"

namespace {

using namespace messenger::testing;
namespace fs = std::filesystem;

std::optional<unsigned> index_of(const messenger::alg::Endpoint& endpoint) {
    const auto& all = engine_endpoints();
    const auto at = std::find(all.begin(), all.end(), endpoint);
    if (at == all.end()) return std::nullopt;
    return static_cast<unsigned>(at - all.begin());
}

unsigned options_of(const Scenario& scenario) {
    const messenger::alg::Policy& policy = scenario.policy;
    unsigned options = 0;
    if (policy.early_media == messenger::alg::EarlyMedia::after_offer) options |= kAfterOffer;
    if (policy.fixed_ranges == messenger::alg::FixedRanges::registered) options |= kRegisteredRanges;
    if (policy.compression == messenger::alg::Compression::decline) options |= kDecline;
    if (!policy.tls.servers.empty()) options |= kTlsRanges;
    if (scenario.nat && scenario.nat->advertised != scenario.nat->outside) options |= kAdvertised;
    return options;
}

std::string seed_of(const Scenario& scenario) {
    constexpr std::size_t kLongest = 4000;
    std::string seed(1, static_cast<char>(options_of(scenario)));
    auto before = messenger::alg::TimePoint{};
    for (const Step& step : scenario.steps) {
        const auto from = index_of(step.tuple.source);
        const auto to = index_of(step.tuple.destination);
        const bool is_time = step.kind == Step::Kind::time;
        if ((!from || !to) && !is_time) continue;
        unsigned kind = kTime;
        if (step.kind == Step::Kind::udp) kind = kUdp;
        if (step.kind == Step::Kind::media) kind = kMedia;
        if (step.kind == Step::Kind::tcp) {
            kind = kTcp | kAppend | (step.syn ? kSyn : 0U) | (step.fin ? kFin : 0U) | (step.marked ? kMarked : 0U);
        }
        auto seconds = std::chrono::duration_cast<std::chrono::seconds>(step.at - before).count();
        if (seconds > 255) {
            kind |= kLongPause;
            seconds = std::min<std::int64_t>(seconds / 60, 255);
        }
        before = step.at;
        append_step(
            seed, {static_cast<std::uint8_t>(kind), static_cast<std::uint8_t>(from.value_or(0) << 4U | to.value_or(0)),
                   static_cast<std::uint8_t>(seconds), 0, step.payload});
        if (seed.size() > kLongest) break;
    }
    return seed;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(argv[1])) {
        if (!entry.is_directory()) continue;
        const Scenario scenario = read_scenario(read_text_file(entry.path() / "scenario.txt"));
        const std::string seed = seed_of(scenario);
        if (seed.size() < 100) continue;
        const fs::path corpus = fs::path(argv[2]) / (scenario.nat ? "nat_engine" : "engine");
        fs::create_directories(corpus);
        std::ofstream(corpus / entry.path().filename(), std::ios::binary) << seed;
        ++count;
    }
    std::printf("wrote %zu seeds\n", count);
    return count == 0 ? 1 : 0;
}
