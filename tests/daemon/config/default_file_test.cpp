// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/config/config.h"

namespace messenger::daemon {
namespace {

[[nodiscard]] std::string read_default_file() {
    std::ifstream in(MESSENGER_PACKAGING "/messenger-alg.toml");
    return {std::istreambuf_iterator<char>(in), {}};
}

/// In the default file "# words" explains, and "#key = value" (a list goes on in lines of "#    ") is a setting.
[[nodiscard]] std::string with_settings_uncommented(const std::string& text) {
    std::istringstream in(text);
    std::string out;
    for (std::string line; std::getline(in, line);) {
        const bool setting = line.size() > 1 && line[0] == '#' &&
                             (line[1] == ']' || (line[1] >= 'a' && line[1] <= 'z') || line.compare(1, 4, "    ") == 0);
        out += (setting ? line.substr(1) : line) + '\n';
    }
    return out;
}

TEST(DefaultFile, LacksOnlyTheInside) {
    const auto result = parse_config(read_default_file());
    ASSERT_EQ(result.errors.size(), 1U);
    EXPECT_THAT(result.errors[0].text, testing::HasSubstr("nothing is inside"));
}

TEST(DefaultFile, WorksOnceTheInsideIsNamed) {
    std::string text = read_default_file();
    const std::size_t at = text.find("#inside = ");
    ASSERT_NE(at, std::string::npos);
    text.erase(at, 1);
    const auto result = parse_config(text);
    ASSERT_TRUE(result.config) << result.errors[0].to_string("messenger-alg.toml");
    EXPECT_FALSE(result.config->network.inside.empty());
}

TEST(DefaultFile, ShowsEveryKeyWithItsDefault) {
    const std::string text = with_settings_uncommented(read_default_file());
    const auto result = parse_config(text);
    ASSERT_TRUE(result.config) << result.errors[0].to_string("messenger-alg.toml");
    for (const KeyDescription& key : describe_keys()) {
        EXPECT_NE(text.find('\n' + std::string(key.name) + " = "), std::string::npos) << key.section << '.' << key.name;
        if (key.section == "network" && key.name.substr(0, 6) == "inside") continue;  // examples, not defaults
        EXPECT_EQ(format_value(*result.config, key.section, key.name), key.initial) << key.section << '.' << key.name;
    }
}

TEST(DefaultFile, SaysWhatEachKeyMeans) {
    // Wrapped lines are one text here.
    std::string text = read_default_file();
    for (std::size_t at = text.find("\n# "); at != std::string::npos; at = text.find("\n# ", at))
        text.replace(at, 3, " ");
    for (const KeyDescription& key : describe_keys()) {
        EXPECT_NE(text.find(key.description), std::string::npos) << key.section << '.' << key.name;
    }
}

}  // namespace
}  // namespace messenger::daemon
