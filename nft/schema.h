// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "nft/expected.h"
#include "nft/features.h"
#include "nft/netlink_socket.h"
#include "nft/transaction.h"

namespace messenger::nft {

/// Our three bits, side by side, in the packet mark and in the conntrack mark. No other bit is ever changed.
struct MarkLayout {
    unsigned base_bit = 28;  ///< at most 29

    [[nodiscard]] constexpr std::uint32_t pinhole() const { return 1U << base_bit; }       ///< passed a pinhole once
    [[nodiscard]] constexpr std::uint32_t sip() const { return 1U << (base_bit + 1); }     ///< a SIP stream for sure
    [[nodiscard]] constexpr std::uint32_t opaque() const { return 1U << (base_bit + 2); }  ///< never queue it again
    [[nodiscard]] constexpr std::uint32_t all() const { return pinhole() | sip() | opaque(); }
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

struct SchemaOptions {
    QueueKind queue_kind = QueueKind::native;
    QueueRange signalling_queue{5060, 1};
    std::optional<std::uint16_t> admit_queue;  ///< passage = "admit": the first-packet queue; else no admit chain
    std::optional<PassageMark> passage_mark;
    MarkLayout marks;
    std::chrono::milliseconds media_silence{std::chrono::seconds{120}};  ///< a UDP pinhole without packets closes
    std::chrono::milliseconds stream_silence{std::chrono::hours{2}};     ///< the same for TCP, which may fall silent
    /// How long an admitted tuple is remembered after its last packet. Below 30 s, conntrack's shortest time for UDP:
    /// the packet that comes after a pause must be admitted again if its conntrack entry has gone.
    std::chrono::milliseconds admitted_silence{std::chrono::seconds{20}};
    std::uint32_t set_size = 262144;  ///< elements per set at most
    std::int32_t signalling_priority = -20;
    std::int32_t media_priority = -10;  ///< after signalling
};

/// What verify found.
struct SchemaState {
    enum class Kind : std::uint8_t { intact, missing, damaged };
    Kind kind = Kind::intact;
    std::string detail;  ///< what is wrong: "chain media has 3 rules instead of 7"
};

/// The table inet messenger_alg: base chains admit, signalling and media, and the sets of set_spec.h. schema_rules.cpp
/// has each rule in nft(8) notation. The number of rules does not depend on the number of calls.
class Schema {
   public:
    /// options: as checked by the configuration; marks that overlap are a bug of the caller.
    Schema(NetlinkSocket socket, const SchemaOptions& options);

    /// Makes the table, in place of one that is there, with the elements that elements adds: one transaction, so no
    /// packet meets half a table. Errors: not_supported names the rule this kernel refuses.
    [[nodiscard]] Expected<void> install(const Transaction& elements);
    /// Compares what is in the kernel with what install makes: chains with hook, priority and number of rules, sets
    /// with key and flags. Does not look at elements.
    [[nodiscard]] Expected<SchemaState> verify();
    /// Deletes the table with all that is in it; a table that is not there is no error.
    [[nodiscard]] Expected<void> remove();

    [[nodiscard]] const SchemaOptions& options() const { return options_; }
    /// For RulesetWatch: changes of this origin are ours.
    [[nodiscard]] std::uint32_t portid() const { return socket_.portid(); }

   private:
    NetlinkSocket socket_;
    SchemaOptions options_;
};

}  // namespace messenger::nft
