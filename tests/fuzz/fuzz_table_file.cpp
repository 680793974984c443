// SPDX-License-Identifier: GPL-2.0-or-later
// Input: what a daemon before this one has left about the sets. Damaged or not, what is read is whole, and is read as
// the same when it is written again.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "daemon/gateway/table_file.h"
#include "tests/fuzz/require.h"

namespace {

using messenger::test::require;

constexpr std::string_view kRuleset = "fuzz 1";

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace messenger;
    const auto table = daemon::read_left_table(std::as_bytes(std::span(data, size)), kRuleset);
    if (!table) return 0;
    for (const auto& [set, elements] : table->sets) {
        for (const nft::StoredElement& stored : elements) {
            require(stored.element.key.bytes().size() == nft::spec_of(set).key_size(), "a key of its set");
            require(stored.element.target.has_value() == nft::spec_of(set).is_map(), "maps alone lead somewhere");
            require(stored.expires.count() >= 0, "what is left of a time");
        }
    }
    for (const nft::Place& place : table->closed) {
        require(place.key.bytes().size() == nft::spec_of(place.set).key_size(), "a key of its set");
    }
    const auto written = daemon::write_left_table(*table, kRuleset);
    const auto again = daemon::read_left_table(written, kRuleset);
    require(again && daemon::write_left_table(*again, kRuleset) == written, "what is written is read as the same");
    return 0;
}
