// SPDX-License-Identifier: GPL-2.0-or-later
// The whole engine, on a gateway that routes. The input: see engine_input.h; what must hold: see EngineRun.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tests/fuzz/engine_run.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using messenger::test::EngineRun;
    if (size == 0) return 0;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    EngineRun(EngineRun::Kind::routed, data[0]).play(input.substr(1));
    return 0;
}
