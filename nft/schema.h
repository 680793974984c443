// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nft/expected.h"
#include "nft/features.h"
#include "nft/netlink_socket.h"
#include "nft/transaction.h"

namespace messenger::nft {

/// Our four bits, side by side, in the packet mark and in the conntrack mark. No other bit is ever changed.
struct MarkLayout {
    unsigned base_bit = 28;  ///< at most 28

    [[nodiscard]] constexpr std::uint32_t pinhole() const { return 1U << base_bit; }       ///< passed a pinhole once
    [[nodiscard]] constexpr std::uint32_t sip() const { return 1U << (base_bit + 1); }     ///< a SIP stream for sure
    [[nodiscard]] constexpr std::uint32_t opaque() const { return 1U << (base_bit + 2); }  ///< never queue it again
    /// A connection whose bytes we change. In a verdict: the daemon has seen to this packet; without, it is not let on.
    [[nodiscard]] constexpr std::uint32_t edited() const { return 1U << (base_bit + 3); }
    [[nodiscard]] constexpr std::uint32_t all() const { return pinhole() | sip() | opaque() | edited(); }
};

/// NFQUEUE numbers first .. first + count - 1; the kernel spreads flows over them by address pair.
struct QueueRange {
    std::uint16_t first = 0;
    std::uint16_t count = 1;
};

/// passage = "mark": packets we let pass carry value in the bits of mask; a rule of the operator accepts them.
struct PassageMark {
    std::uint32_t value = 0;  ///< no bit outside mask
    std::uint32_t mask = 0;   ///< none of MarkLayout's bits
};

/// The addresses whose first length bits are those of address; the other bits of address are 0.
struct Network {
    Address address;
    unsigned length = 0;
};

/// TCP connections to port of these servers: their packets go to the signalling queue until the daemon puts their tuple
/// into tls_clients; then the packet path keeps it there until FIN, RST, or silence.
struct TlsWatch {
    std::vector<Network> servers;
    std::uint16_t port = 0;
    std::chrono::milliseconds silence{};
};

struct SchemaOptions {
    QueueKind queue_kind = QueueKind::native;
    QueueRange signalling_queue{5060, 1};
    std::optional<std::uint16_t> admit_queue;  ///< passage = "admit": the first-packet queue; else no admit chain
    std::optional<PassageMark> passage_mark;
    MarkLayout marks;
    /// The bit of the labels in conntrack, below 128, of flows that are neither signalling nor media; absent: they are
    /// asked anew with each packet. No bit of the ct mark: others copy that into the packet's, by which they route.
    std::optional<std::uint8_t> other_label;
    std::chrono::milliseconds media_silence{std::chrono::seconds{120}};  ///< a UDP pinhole without packets closes
    std::chrono::milliseconds stream_silence{std::chrono::hours{2}};     ///< the same for TCP, which may fall silent
    /// How long an admitted tuple is remembered after its last packet. Below 30 s, conntrack's shortest time for UDP:
    /// the packet that comes after a pause must be admitted again if its conntrack entry has gone.
    std::chrono::milliseconds admitted_silence{std::chrono::seconds{20}};
    std::uint32_t set_size = 262144;  ///< elements per set at most, of the admitted tuples four times that; below 2^30
    std::uint32_t sip_ports_room = 512;  ///< elements of that set at most: two for each port
    std::int32_t forward_priority = -20;
    std::int32_t verdict_priority = -10;  ///< after forward: what comes from the queue goes on there
    /// Interfaces on whose outside the inside hosts are seen with other addresses; empty: no NAT. The chains and sets
    /// for it are made only if there are any.
    std::vector<std::string> nat_interfaces;
    std::vector<Network> nat_exempt;   ///< what goes there is never translated by us; only the IPv4 ones matter
    bool sees_ipsec = false;           ///< Features::ipsec_route: nor is what IPsec takes
    std::optional<TlsWatch> tls;       ///< absent: none of its sets and rules
    bool tcp_reset = true;             ///< Features::tcp_reset
    std::int32_t guard_priority = -5;  ///< after verdict
};

/// What verify found.
struct SchemaState {
    enum class Kind : std::uint8_t { intact, missing, damaged };
    Kind kind = Kind::intact;
    std::string detail;  ///< what is wrong: "chain media has 3 rules instead of 7"
};

/// What became of segments of edited connections that no daemon saw to (chain guard).
struct GuardCounts {
    std::uint64_t waited = 0;  ///< dropped, for a daemon was to come at once
    std::uint64_t reset = 0;   ///< answered with a reset of their connection
};

/// Packets that were to go to the daemon. One that finds its queue full goes on unread if the queue fails open, which
/// the kernel counts nowhere: what the daemon has read tells how many.
struct QueuedCounts {
    std::uint64_t signalling = 0;
    std::uint64_t first_packets = 0;
};

/// The table inet messenger_alg: base chains admit, forward and verdict, for NAT also dstnat, srcnat and guard, and
/// the sets of set_spec.h. schema_rules.cpp has each rule in nft(8) notation. The number of rules does not depend on
/// the number of calls.
class Schema {
   public:
    /// options: as checked by the configuration; marks that overlap are a bug of the caller.
    Schema(NetlinkSocket socket, const SchemaOptions& options);

    /// Makes the table, in place of one that is there, with the elements that elements adds or refreshes: one
    /// transaction, so no packet meets half a table. How many elements were left out, because who sends for us turned
    /// them down. Errors: not_supported names the rule this kernel refuses.
    [[nodiscard]] Expected<std::size_t> install(const Transaction& elements);
    /// Compares what is in the kernel with what install makes: chains with hook, priority and number of rules, sets
    /// with key and flags. Does not look at elements.
    [[nodiscard]] Expected<SchemaState> verify();
    /// Whether the table that is there is one that install would make with these options, and nobody has changed it.
    /// False also for a kernel that keeps no comments of tables (before 5.10).
    [[nodiscard]] Expected<bool> is_alike();
    /// Since the table was made. Zero without NAT. Errors: schema_gone.
    [[nodiscard]] Expected<GuardCounts> guard_counts();
    /// Since the table was made. Errors: schema_gone.
    [[nodiscard]] Expected<QueuedCounts> queued_counts();
    /// Deletes the table with all that is in it; a table that is not there is no error.
    [[nodiscard]] Expected<void> remove();

    [[nodiscard]] const SchemaOptions& options() const { return options_; }
    /// For RulesetWatch: changes of this origin are ours.
    [[nodiscard]] std::uint32_t portid() const { return socket_.portid(); }
    /// What it speaks to the kernel through.
    [[nodiscard]] NetlinkSocket& socket() { return socket_; }

   private:
    [[nodiscard]] Expected<std::vector<std::uint64_t>> count_rules(std::string_view chain);

    NetlinkSocket socket_;
    SchemaOptions options_;
};

}  // namespace messenger::nft
