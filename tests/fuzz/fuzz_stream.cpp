// SPDX-License-Identifier: GPL-2.0-or-later
// Input: records of 4 bytes, {begin, length, flavour, value}. Each sends the piece [begin, begin + length) of a fixed
// stream of 256 bytes; flavour says whether a byte is wrong or the piece lies far away. The first record's bytes also
// set the limits and where numbering starts. Properties: what is handed out is the stream itself, in order, once; a
// piece that is awaited is handed out whole; the books on held bytes balance.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "alg/net/stream.h"
#include "tests/fuzz/require.h"

namespace {

using messenger::alg::Limits;
using messenger::alg::StreamReassembler;
using messenger::test::require;

constexpr std::size_t kRecord = 4;
constexpr std::size_t kStream = 256;
constexpr unsigned kLie = 0x80;
constexpr unsigned kFar = 0x40;

std::string make_truth() {
    std::string truth;
    for (std::size_t i = 0; i < kStream; ++i) truth += static_cast<char>('a' + i % 23);
    return truth;
}

struct Piece {
    std::uint32_t sequence = 0;
    std::string bytes;
    bool true_to_stream = true;
};

Piece make_piece(const std::uint8_t* record, std::uint32_t first, const std::string& truth) {
    const unsigned flavour = record[2];
    Piece piece;
    piece.sequence = first + record[0];
    piece.bytes = truth.substr(record[0], record[1]);
    if ((flavour & kFar) != 0) piece.sequence += std::uint32_t{flavour} << 26U;
    if ((flavour & kLie) != 0 && !piece.bytes.empty()) piece.bytes[record[3] % piece.bytes.size()] = '!';
    piece.true_to_stream = (flavour & (kLie | kFar)) == 0;
    return piece;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::string truth = make_truth();
    if (size < kRecord) return 0;
    Limits limits;
    limits.pending_bytes = 64U + data[2] % 128U;
    limits.pending_segments = 1U + data[3] % 16U;
    const std::uint32_t first = 0U - data[3];
    StreamReassembler stream(first);

    std::string got;
    bool all_true = true;
    for (std::size_t at = 0; size - at >= kRecord; at += kRecord) {
        const Piece piece = make_piece(data + at, first, truth);
        all_true = all_true && piece.true_to_stream;
        const bool awaited = piece.sequence == stream.expected_sequence();
        const std::size_t before = got.size();
        const auto outcome = stream.push(piece.sequence, piece.bytes, limits);
        for (auto run = stream.next(); !run.empty(); run = stream.next()) got += run;
        const bool accepted = outcome == StreamReassembler::Outcome::accepted;
        require(!accepted || !awaited || got.size() >= before + piece.bytes.size(), "awaited bytes are handed out");
        require(stream.expected_sequence() == first + static_cast<std::uint32_t>(got.size()), "count of bytes");
        stream.release();
        require(stream.buffered() <= limits.pending_bytes, "limit of early bytes");
        require(stream.next().empty(), "drained");
        require(!all_true || std::string_view(truth).substr(0, got.size()) == got, "the stream itself");
        require(!all_true || outcome != StreamReassembler::Outcome::conflict, "no conflict without a lie");
    }
    return 0;
}
