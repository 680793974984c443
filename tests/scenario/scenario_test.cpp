// SPDX-License-Identifier: GPL-2.0-or-later
// Every folder beside this file is a case: scenario.txt goes in, expected.txt is what has to come out.
// MESSENGER_UPDATE_SCENARIOS=1 writes expected.txt anew; what it says then has to be read like code.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/scenario/scenario.h"

namespace messenger::testing {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> cases() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(MESSENGER_SCENARIOS)) {
        if (entry.is_directory()) names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

/// Line by line, from the longest common subsequence: ' ' both, '-' expected only, '+' in fact only.
std::string difference(const std::string& expected, const std::string& actual) {
    const auto left = lines_of(expected);
    const auto right = lines_of(actual);
    std::vector<std::vector<std::size_t>> common(left.size() + 1, std::vector<std::size_t>(right.size() + 1));
    for (std::size_t i = left.size(); i-- > 0;) {
        for (std::size_t j = right.size(); j-- > 0;) {
            common[i][j] =
                left[i] == right[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
        }
    }
    std::string text;
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < left.size() || j < right.size()) {
        if (i < left.size() && j < right.size() && left[i] == right[j]) {
            text += "  " + left[i++] + "\n";
            ++j;
        } else if (j == right.size() || (i < left.size() && common[i + 1][j] >= common[i][j + 1])) {
            text += "- " + left[i++] + "\n";
        } else {
            text += "+ " + right[j++] + "\n";
        }
    }
    return text;
}

class ScenarioTest : public ::testing::TestWithParam<std::string> {
   protected:
    static fs::path folder() { return fs::path(MESSENGER_SCENARIOS) / GetParam(); }
    static Scenario scenario() { return read_scenario(read_text_file(folder() / "scenario.txt")); }
};

TEST(ScenarioFolders, AreThere) {
    EXPECT_GT(cases().size(), 40U) << "no cases in " << MESSENGER_SCENARIOS;
}

TEST_P(ScenarioTest, PlaysAsExpected) {
    const std::string actual = play(scenario());
    const fs::path file = folder() / "expected.txt";
    if (const char* update = std::getenv("MESSENGER_UPDATE_SCENARIOS"); update != nullptr && *update == '1') {
        std::ofstream(file, std::ios::binary) << actual;
    }
    const std::string expected = read_text_file(file);
    ASSERT_FALSE(expected.empty()) << file << " is missing";
    EXPECT_TRUE(expected == actual) << "- expected, + in fact:\n" << difference(expected, actual);
}

/// RFC 3261 section 18.3: where TCP cuts the stream says nothing.
TEST_P(ScenarioTest, IsTheSameWhereverTcpCuts) {
    Scenario scenario = ScenarioTest::scenario();
    if (!scenario.cut_anywhere) return;
    const std::string whole = play(scenario);
    std::size_t longest = 0;
    for (const Step& step : scenario.steps) {
        if (step.kind == Step::Kind::tcp) longest = std::max(longest, step.payload.size());
    }
    ASSERT_GT(longest, 0U);
    for (std::size_t cut = 1; cut < longest; ++cut) {
        for (Step& step : scenario.steps) step.cuts = {cut};
        const std::string cut_once = play(scenario);
        ASSERT_TRUE(whole == cut_once) << "cut at " << cut << "\n" << difference(whole, cut_once);
    }
    scenario.limits.held_segments = longest;  // one byte each is more than may wait
    scenario.limits.held_in_all = 16 * longest;
    for (const std::size_t size : {1U, 2U, 3U, 7U}) {
        for (Step& step : scenario.steps) {
            step.cuts.clear();
            for (std::size_t at = size; at < step.payload.size(); at += size) step.cuts.push_back(at);
        }
        const std::string in_pieces = play(scenario);
        ASSERT_TRUE(whole == in_pieces) << "segments of " << size << "\n" << difference(whole, in_pieces);
    }
}

INSTANTIATE_TEST_SUITE_P(Scenarios, ScenarioTest, ::testing::ValuesIn(cases()), [](const auto& one) {
    std::string name = one.param;
    std::replace_if(
        name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
    return name;
});

}  // namespace
}  // namespace messenger::testing
