// SPDX-License-Identifier: GPL-2.0-or-later
// A text is a configuration or has errors, each with a line of the text; and a configuration written out key by key is
// read as the same.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/config/config.h"
#include "tests/fuzz/require.h"

namespace {

using namespace messenger::daemon;
using messenger::test::require;

std::string write(const Config& config) {
    std::string text;
    std::string_view section;
    for (const KeyDescription& key : describe_keys()) {
        if (key.section != section) text.append("[").append(key.section).append("]\n");
        section = key.section;
        const auto value = format_value(config, key.section, key.name);
        require(value.has_value(), "every key has a value");
        text.append(key.name).append(" = ").append(*value).append("\n");
    }
    return text;
}

void check_errors(const ConfigResult& result, std::string_view text) {
    const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
    std::size_t line = 0;
    for (const ConfigError& error : result.errors) {
        require(error.line >= line && error.line <= lines, "errors are in the order of the lines");
        require(!error.text.empty(), "an error says what is wrong");
        line = error.line;
    }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const ConfigResult result = parse_config(text);
    require(result.config.has_value() == result.errors.empty(), "a configuration, or errors");
    check_errors(result, text);
    if (!result.config) return 0;
    const std::string written = write(*result.config);
    const ConfigResult again = parse_config(written);
    require(again.config && write(*again.config) == written, "what is written is read as the same");
    return 0;
}
