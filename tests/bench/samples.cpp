// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench/samples.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "tests/bench/invite.h"

namespace messenger::bench {

namespace {

[[nodiscard]] bool understood_by_all(const Sample& sample) {
    return std::all_of(std::begin(kParsers), std::end(kParsers),
                       [&](const Parser& parser) { return parser.read(sample); });
}

[[nodiscard]] std::vector<Sample> read_corpus() {
    std::vector<Sample> samples;
    const char* const folders = std::getenv("MESSENGER_BENCH_MESSAGES");
    std::istringstream list(folders == nullptr ? "" : folders);
    for (std::string folder; std::getline(list, folder, ':');) {
        std::vector<std::filesystem::path> files;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
            if (entry.is_regular_file()) files.push_back(entry.path());
        }
        std::sort(files.begin(), files.end());
        for (const auto& file : files) {
            std::ifstream in(file, std::ios::binary);
            Sample sample;
            sample.text.assign(std::istreambuf_iterator<char>(in), {});
            if (sample.text.find("SIP/2.0") == std::string::npos) continue;
            sample.sdp = sample.text.find("application/sdp") != std::string::npos &&
                         sample.text.find("\r\n\r\nv=0") != std::string::npos;
            if (understood_by_all(sample)) samples.push_back(std::move(sample));
        }
    }
    return samples;
}

}  // namespace

const std::vector<Sample>& invite_sample() {
    static const std::vector<Sample> sample{{kInvite, true}};
    return sample;
}

const std::vector<Sample>& corpus_samples() {
    static const std::vector<Sample> samples = read_corpus();
    return samples;
}

}  // namespace messenger::bench
