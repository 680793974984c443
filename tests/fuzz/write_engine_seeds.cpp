// SPDX-License-Identifier: GPL-2.0-or-later
// Makes the seed corpus of fuzz_engine from the scenarios: write_engine_seeds SCENARIOS CORPUS.
// Steps between hosts that fuzz_engine does not have are left out, and a scenario of which nothing is left too.
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

std::string seed_of(const Scenario& scenario) {
    constexpr std::size_t kLongest = 4000;
    std::string seed(1, scenario.policy.early_media == messenger::alg::EarlyMedia::after_offer ? '\1' : '\0');
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
        const std::string& payload = step.payload;
        for (const unsigned byte :
             {kind, from.value_or(0) << 4U | to.value_or(0), static_cast<unsigned>(seconds), 0U,
              static_cast<unsigned>(payload.size() & 255U), static_cast<unsigned>(payload.size() >> 8U)}) {
            seed.push_back(static_cast<char>(byte));
        }
        seed += payload;
        if (seed.size() > kLongest) break;
    }
    return seed;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    fs::create_directories(argv[2]);
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(argv[1])) {
        if (!entry.is_directory()) continue;
        const std::string seed = seed_of(read_scenario(read_text_file(entry.path() / "scenario.txt")));
        if (seed.size() < 100) continue;
        std::ofstream(fs::path(argv[2]) / entry.path().filename(), std::ios::binary) << seed;
        ++count;
    }
    std::printf("wrote %zu seeds\n", count);
    return count == 0 ? 1 : 0;
}
