// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <vector>

#include "alg/base/time.h"
#include "daemon/capture/ip_header.h"
#include "daemon/capture/left_out.h"
#include "daemon/capture/octets.h"

namespace messenger::daemon {

struct ReassemblyLimits {
    std::size_t datagrams = 1024;
    std::size_t octets = std::size_t{8} * 1024 * 1024;  ///< of captured fragments held, over all datagrams
    std::size_t fragments_per_datagram = 512;
    alg::Duration lifetime = std::chrono::seconds(30);  ///< after the first fragment, in the capture's own time
};

/// What became of datagrams that came in fragments.
struct ReassemblyCounts {
    std::uint64_t complete = 0;
    std::uint64_t incomplete = 0;  ///< fragments were missing after ReassemblyLimits::lifetime, or at the end
    std::uint64_t evicted =
        0;  ///< given up because of ReassemblyLimits: the oldest one, or one that is too much itself
    std::uint64_t overlapping = 0;
    std::uint64_t bad = 0;
};

/// Joins IPv4 (RFC 791 section 3.2) and IPv6 (RFC 8200 section 4.5) fragments. A datagram with fragments that overlap
/// is dropped, with whatever of it comes later, for both versions (RFC 5722 section 3: no host sends such, and every
/// receiver makes something else of them). An exact duplicate is no overlap: a capture on all interfaces of a gateway
/// holds each fragment twice.
///
/// What is held is counted in octets that were captured; no number in a packet reserves memory. Not a part of the
/// daemon's packet path, where the kernel joins fragments: here the heap is used.
class IpReassembler {
   public:
    struct Result {
        std::optional<LeftOut> refused;  ///< bad_fragment, overlapping_fragment, surplus_fragment
        Octets packet;                   ///< empty while fragments are missing; borrowed until the next call
    };

    explicit IpReassembler(const ReassemblyLimits& limits = {}) : limits_(limits) {}

    /// Takes one fragment (fragment.is_fragment). When it is the last one missing, the packet is whole: the first
    /// fragment's header with its length, fragment fields and checksum set right. The fragment may lie inside the
    /// packet that was returned last (fragments in a tunnel whose packets are fragments).
    [[nodiscard]] Result push(alg::TimePoint now, const IpHeader& fragment);

    /// At the end of the capture: what is still held counts as incomplete.
    void give_up_all();

    [[nodiscard]] const ReassemblyCounts& counts() const { return counts_; }
    [[nodiscard]] std::size_t held_octets() const { return held_octets_; }
    [[nodiscard]] std::size_t held_datagrams() const { return datagrams_.size(); }

   private:
    struct Key {
        std::array<std::byte, 32> addresses{};  ///< source, destination
        std::uint32_t identification = 0;
        std::uint8_t protocol = 0;  ///< IPv4 only: in IPv6 only the first fragment's counts
        bool is_v6 = false;
        // NOLINTNEXTLINE(modernize-use-nullptr,readability-implicit-bool-conversion): clang-tidy 14 misreads <=>
        auto operator<=>(const Key&) const = default;
    };

    struct Piece {
        std::size_t offset = 0;  ///< in the datagram
        std::size_t size = 0;
        std::size_t at = 0;  ///< in Datagram::octets
    };

    struct Datagram {
        Key key;
        alg::TimePoint created;
        std::vector<std::byte> octets;  ///< the first fragment's header and all payloads, in the order they came
        std::vector<Piece> pieces;      ///< sorted by offset, without overlap
        std::size_t received = 0;
        std::optional<std::size_t> total;  ///< known from the last fragment
        std::size_t header_at = 0;
        std::size_t header_size = 0;     ///< 0 while the first fragment is missing
        std::size_t next_header_at = 0;  ///< IPv6
        std::uint8_t protocol = 0;       ///< of the first fragment
        bool dropped = false;            ///< kept, without its octets, so that later fragments are refused, too
    };

    using Datagrams = std::list<Datagram>;
    enum class Fit : std::uint8_t { adds, repeats, contradicts, overlaps };

    [[nodiscard]] static Key key_of(const IpHeader& fragment);
    [[nodiscard]] static Fit fit(const Datagram& datagram, const IpHeader& fragment, Octets payload);
    [[nodiscard]] Datagrams::iterator find_or_create(alg::TimePoint now, const IpHeader& fragment);
    /// False if fragment is above a limit even after everything older was given up.
    [[nodiscard]] bool make_room(Datagrams::iterator keep, std::size_t octets);
    void store(Datagram& datagram, const IpHeader& fragment, Octets payload);
    void join(const Datagram& datagram);
    void drop(Datagram& datagram);
    void give_up(Datagrams::iterator datagram, std::uint64_t& count);
    void erase(Datagrams::iterator datagram);
    void expire(alg::TimePoint now);

    ReassemblyLimits limits_;
    Datagrams datagrams_;                        ///< oldest first
    std::map<Key, Datagrams::iterator> by_key_;  ///< ordered: no hash that a capture could be made to collide in
    std::size_t held_octets_ = 0;
    std::vector<std::byte> whole_;
    ReassemblyCounts counts_;
};

}  // namespace messenger::daemon
