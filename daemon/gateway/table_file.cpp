// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/table_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <utility>

#include "alg/nat/state_bytes.h"

namespace messenger::daemon {

namespace {

using alg::StateReader;
using alg::StateWriter;
using nft::SetId;

constexpr std::string_view kVersion = "messenger-alg sets 1";
constexpr std::size_t kLongestName = 64;
constexpr std::size_t kLeastElement = 8;  // bytes that each takes at least
constexpr auto kLongest = std::chrono::hours(24 * 366);

[[nodiscard]] std::string_view text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
[[nodiscard]] std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

void write_element(StateWriter& writer, const nft::StoredElement& stored) {
    const auto expires = static_cast<std::uint64_t>(stored.expires.count());
    writer.text(text_of(stored.element.key.bytes()));
    writer.u32(static_cast<std::uint32_t>(expires >> 32U));
    writer.u32(static_cast<std::uint32_t>(expires));
    writer.text(stored.element.comment.text());
    writer.u8(stored.element.target ? 1 : 0);
    if (stored.element.target) writer.text(text_of(nft::target_bytes(*stored.element.target)));
}

[[nodiscard]] std::optional<nft::Key> read_key(StateReader& reader, const nft::SetSpec& spec) {
    const std::string_view key = reader.text(nft::Key::kMaxSize);
    return key.size() == spec.key_size() ? nft::Key::from_bytes(bytes_of(key)) : std::nullopt;
}

/// In its place, for there may be a hundred thousand.
[[nodiscard]] bool read_element(StateReader& reader, const nft::SetSpec& spec, nft::StoredElement& stored) {
    const auto key = read_key(reader, spec);
    if (!key) return false;
    stored.element.key = *key;
    const std::uint64_t high = reader.u32();
    const auto expires = static_cast<std::int64_t>(high << 32U | reader.u32());
    if (expires < 0 || expires > std::chrono::milliseconds(kLongest).count()) return false;
    stored.element.timeout = stored.expires = std::chrono::milliseconds(expires);
    stored.element.comment = nft::Comment(reader.text(nft::Comment::kMaxSize));
    if (reader.flag()) stored.element.target = nft::read_target(bytes_of(reader.text(nft::kTargetSize)));
    return reader.good() && stored.element.target.has_value() == spec.is_map();
}

[[nodiscard]] const nft::SetSpec* read_set(StateReader& reader) {
    const std::string_view name = reader.text(kLongestName);
    const auto& specs = nft::set_specs();
    const auto found = std::find_if(specs.begin(), specs.end(), [&](const auto& one) { return one.name == name; });
    return found == specs.end() ? nullptr : &*found;
}

/// A number of things that can be there.
[[nodiscard]] std::optional<std::size_t> read_count(StateReader& reader) {
    const std::size_t count = reader.u32();
    return reader.good() && count <= reader.rest().size() / kLeastElement ? std::optional(count) : std::nullopt;
}

[[nodiscard]] bool read_elements(StateReader& reader, LeftTable& table) {
    const nft::SetSpec* const spec = read_set(reader);
    const auto count = read_count(reader);
    if (spec == nullptr || !count) return false;
    auto& elements = table.sets[spec->id];
    elements.reserve(*count);
    for (std::size_t left = *count; left > 0; --left) {
        if (!read_element(reader, *spec, elements.emplace_back())) return false;
    }
    return true;
}

[[nodiscard]] bool read_closed(StateReader& reader, LeftTable& table) {
    const auto count = read_count(reader);
    if (!count) return false;
    while (table.closed.size() < *count) {
        const nft::SetSpec* const spec = read_set(reader);
        const auto key = spec != nullptr ? read_key(reader, *spec) : std::nullopt;
        if (!key) return false;
        table.closed.push_back({spec->id, *key});
    }
    return true;
}

}  // namespace

std::vector<std::byte> write_left_table(const LeftTable& table, std::string_view ruleset) {
    std::vector<std::byte> bytes;
    StateWriter writer(bytes);
    writer.text(kVersion);
    writer.text(ruleset);
    writer.u32(table.generation);
    writer.u8(static_cast<std::uint8_t>(table.sets.size()));
    for (const auto& [set, elements] : table.sets) {
        writer.text(nft::spec_of(set).name);  // another version may number them otherwise
        writer.u32(static_cast<std::uint32_t>(elements.size()));
        for (const nft::StoredElement& element : elements) write_element(writer, element);
    }
    writer.u32(static_cast<std::uint32_t>(table.closed.size()));
    for (const nft::Place& place : table.closed) {
        writer.text(nft::spec_of(place.set).name);
        writer.text(text_of(place.key.bytes()));
    }
    return bytes;
}

std::optional<LeftTable> read_left_table(std::span<const std::byte> bytes, std::string_view ruleset) {
    StateReader reader(bytes);
    if (reader.text(kLongestName) != kVersion || reader.text(kLongestName) != ruleset) return std::nullopt;
    LeftTable table;
    table.generation = reader.u32();
    for (unsigned left = reader.u8(); left > 0; --left) {
        if (!read_elements(reader, table)) return std::nullopt;
    }
    if (!read_closed(reader, table) || !reader.good() || !reader.rest().empty()) return std::nullopt;
    return table;
}

std::string name_of_ruleset() {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string boot;
    std::getline(file, boot);
    struct stat space {};
    if (boot.empty() || ::stat("/proc/self/ns/net", &space) != 0) return {};
    return boot + ' ' + std::to_string(space.st_ino);
}

}  // namespace messenger::daemon
