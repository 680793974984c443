// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/warden/place_records.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <cstring>

namespace messenger::daemon {

namespace {

/// Both sides are one program: numbers of sets are the same.
struct Record {
    std::uint8_t set = 0;
    std::uint8_t size = 0;  ///< bytes of the key
    std::uint16_t unused = 0;
    std::array<std::byte, nft::Key::kMaxSize> key{};
};
static_assert(sizeof(Record) == 48);

}  // namespace

std::vector<std::byte> write_places(std::span<const nft::Place> places) {
    assert(places.size() <= kMostPlacesAtOnce);
    std::vector<std::byte> bytes(places.size() * sizeof(Record));
    std::byte* at = bytes.data();
    for (const nft::Place& place : places) {
        const auto key = place.key.bytes();
        Record record;
        record.set = static_cast<std::uint8_t>(place.set);
        record.size = static_cast<std::uint8_t>(key.size());
        std::copy(key.begin(), key.end(), record.key.begin());
        std::memcpy(at, &record, sizeof(record));
        at += sizeof(record);
    }
    return bytes;
}

std::optional<std::vector<nft::Place>> read_places(std::span<const std::byte> bytes) {
    const std::size_t count = bytes.size() / sizeof(Record);
    if (bytes.size() % sizeof(Record) != 0 || count > kMostPlacesAtOnce) return std::nullopt;
    std::vector<nft::Place> places;
    places.reserve(count);
    for (; !bytes.empty(); bytes = bytes.subspan(sizeof(Record))) {
        Record record;
        std::memcpy(&record, bytes.data(), sizeof(record));
        if (record.set >= nft::kSetCount) return std::nullopt;
        const nft::SetSpec& spec = nft::set_specs().at(record.set);
        if (record.size != spec.key_size()) return std::nullopt;
        places.push_back({spec.id, *nft::Key::from_bytes(std::span(record.key).first(record.size))});
    }
    return places;
}

}  // namespace messenger::daemon
