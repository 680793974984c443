// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "nft/address.h"
#include "nft/expected.h"
#include "nft/netlink_socket.h"
#include "nft/requests.h"

namespace messenger::nft {

/// A conntrack entry as we make it.
struct FlowEntry {
    FlowTuple original;               ///< the direction of the packet that is expected first
    std::uint32_t mark = 0;           ///< all 32 bits of the entry's mark
    std::chrono::seconds timeout{0};  ///< until the first packet; then conntrack's own timeouts hold
    /// Where the remote side sends to in place of original.destination: the kernel translates, in both directions and
    /// whoever sends first. Absent: no NAT.
    std::optional<Endpoint> outside{};
};

/// A conntrack entry as the kernel has it.
struct FlowState {
    FlowTuple original;  ///< of the first packet, before any NAT
    std::uint32_t mark = 0;
    std::uint32_t status = 0;         ///< IPS_* bits
    std::chrono::seconds timeout{0};  ///< what is left
    FlowTuple reply;                  ///< of the answers, before their NAT: original reversed if there is none
    bool liberal = false;             ///< see set_liberal()
    bool established = false;         ///< TCP, between its handshake and its first FIN or RST
};

/// How a flow through an outside interface is translated.
struct FlowTranslation {
    std::optional<Endpoint> outside;  ///< what the remote side has for the inside endpoint; absent: no NAT
    std::uint32_t mark = 0;           ///< of the entry
    bool operator==(const FlowTranslation&) const = default;
};

enum class Seeded : std::uint8_t { created, already_there };

/// Conntrack entries through ctnetlink. Not for two threads at once.
///
/// A flow is named by the tuple of one of its packets, in either direction, as that packet is in the forward hook:
/// there both directions show the inside endpoint, with NAT and without. That names an entry as long as nobody
/// translates the remote side as well. Before its first packet has left, a flow has no entry yet.
class Conntrack {
   public:
    explicit Conntrack(NetlinkSocket socket) : socket_(std::move(socket)) {}

    /// Makes the entry so that the very first packet of either direction is `established`: status SEEN_REPLY (UDP also
    /// ASSURED, so that it is not the first to go when the table is full), TCP in SYN_SENT, so that the SYN which comes
    /// is the one conntrack waits for (measured: such a packet passes `ct state established accept`).
    /// already_there: an entry of this flow exists and is not changed. With NAT, one that translates it otherwise goes:
    /// a packet of the remote side that came before there was a pinhole left one that leads to this host itself, and an
    /// earlier call between the same ends may have had another outside port.
    [[nodiscard]] Expected<Seeded> seed(const FlowEntry& entry);
    /// The same for several, each by itself, with as few questions to the kernel as possible. In the order of entries.
    [[nodiscard]] std::vector<Expected<Seeded>> seed_each(std::span<const FlowEntry> entries);
    /// The same in two halves, between which something else is asked through the same gate (NetlinkGate::post): who
    /// sends for us then has one turn for both.
    void begin_seeding(std::span<const FlowEntry> entries);
    [[nodiscard]] std::vector<Expected<Seeded>> finish_seeding(std::span<const FlowEntry> entries);
    /// Removes the entry of this flow. False if there was none.
    [[nodiscard]] Expected<bool> remove(const FlowTuple& tuple);
    /// The entry of this flow.
    [[nodiscard]] Expected<std::optional<FlowState>> find(const FlowTuple& tuple);
    /// Absent if there is no entry.
    [[nodiscard]] Expected<std::optional<FlowTranslation>> translation(const FlowTuple& tuple);
    /// Changes the bits of mask in the mark of the flow's entry. False if there is none.
    [[nodiscard]] Expected<bool> set_mark(const FlowTuple& tuple, std::uint32_t value, std::uint32_t mask);
    /// Lets segments of a TCP flow pass that are outside of the window conntrack has seen: for a flow whose bytes we
    /// change. False if there is no entry.
    [[nodiscard]] Expected<bool> set_liberal(const FlowTuple& tuple);
    /// Gives the entries of those TCP connections that are established this timeout, until their next packet: how many
    /// there were. Others stay as they are.
    [[nodiscard]] Expected<std::size_t> renew_established(std::span<const FlowTuple> connections,
                                                          std::chrono::seconds timeout);
    /// All TCP and UDP entries whose mark has value in the bits of mask: after a restart, the flows that are ours.
    [[nodiscard]] Expected<std::vector<FlowState>> list(std::uint32_t value, std::uint32_t mask);

    /// What it speaks to the kernel through.
    [[nodiscard]] NetlinkSocket& socket() { return socket_; }

   private:
    /// Fills in seeded_ what is known already, and requests_ with what has to be asked.
    void prepare_seeds(std::span<const FlowEntry> flows);
    [[nodiscard]] std::vector<Expected<Seeded>> results_of(std::span<const FlowEntry> flows,
                                                           const Expected<std::span<const int>>& codes);
    /// Notes which of flows, where they are translated, are there already; takes away what is in the way of others.
    void make_way(std::span<const FlowEntry> flows, std::span<Expected<Seeded>> results);
    [[nodiscard]] Expected<bool> remove_exactly(const FlowTuple& tuple);
    [[nodiscard]] Expected<std::optional<FlowState>> find_exactly(const FlowTuple& tuple);
    /// Asks for a change of the entry with this very tuple; put(nlmsghdr*) appends what changes. False if there is
    /// none.
    template <class Put>
    [[nodiscard]] Expected<bool> change(const FlowTuple& tuple, std::string_view verb, Put put);

    NetlinkSocket socket_;
    Requests requests_;
    // While flows are seeded:
    std::vector<Expected<Seeded>> seeded_;
    std::vector<std::size_t> asked_;  ///< which of the entries each request is for
    Expected<void> posted_;
};

}  // namespace messenger::nft
