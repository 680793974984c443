// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "alg/engine.h"
#include "nft/conntrack.h"
#include "nft/ruleset.h"
#include "nft/schema.h"

namespace messenger::daemon {

/// Carries the engine's decisions into the kernel. The engine knows what is wanted, the kernel's sets are what is
/// applied: changes go there as one transaction per batch of packets, and everything that is wanted goes there at once
/// when the table has to be made again.
class PinholeSync final : public alg::PinholeWitness {
   public:
    struct Options {
        nft::MarkLayout marks;
        bool admit = true;                           ///< passage = "admit": conntrack entries are made
        std::chrono::milliseconds admitted{20'000};  ///< SchemaOptions::admitted_silence
        std::chrono::seconds first_packet{60};       ///< how long a seeded entry waits for its first packet
        std::vector<std::uint16_t> sip_ports;        ///< what goes to the signalling queue, UDP and TCP
    };
    /// What the kernel would not do, for the log; counted whether logged or not.
    struct Counters {
        std::uint64_t transactions = 0;
        std::uint64_t changes = 0;
        std::uint64_t failures = 0;
        std::uint64_t seeded = 0;
        std::uint64_t admitted = 0;
        std::uint64_t reinstalls = 0;
        std::uint64_t swept = 0;  ///< closed pinholes that a packet had brought back
    };

    /// All borrowed; they outlive this object.
    PinholeSync(nft::Ruleset& ruleset, nft::Schema& schema, nft::Conntrack& conntrack, const Options& options)
        : ruleset_(ruleset), schema_(schema), conntrack_(conntrack), options_(options) {}

    /// Takes over what a daemon before us left in the kernel, and makes the table anew around it in one transaction.
    /// Returns the number of pinholes taken over.
    [[nodiscard]] nft::Expected<std::size_t> take_over(alg::Engine& engine, alg::TimePoint now);
    /// Makes the table with every pinhole that the engine wants.
    [[nodiscard]] nft::Expected<void> reinstall(alg::Engine& engine, alg::TimePoint now);

    /// Adds a plan's changes and seeds to what commit() will do.
    void stage(const alg::Plan& plan);
    /// The first packet of a flow that a pinhole admits: its conntrack entry is made, and the rest of the flow does not
    /// come to us. False if no pinhole of ours admits it (it has closed while the packet waited).
    bool stage_admission(const alg::Engine& engine, const alg::FlowTuple& tuple);
    /// Whether pinholes have been closed since the last sweep().
    [[nodiscard]] bool needs_sweep() const { return !closed_.empty(); }
    /// Looks whether closed pinholes have stayed closed. A packet that looks its element up just before the removal and
    /// refreshes it just after makes it anew (the window is some 100 ns), and media would then keep it alive. To be
    /// called a moment after a commit, when such packets are through. Stages what has to be removed again.
    void sweep(const alg::Engine& engine);
    /// After this returned a value, the packet path sees everything that was staged. In any case nothing is staged
    /// then.
    [[nodiscard]] nft::Expected<void> commit();

    [[nodiscard]] std::optional<alg::Duration> remaining(const alg::PinholeKey& key) override;
    [[nodiscard]] const Counters& counters() const { return counters_; }

   private:
    void seed(const alg::FlowTuple& tuple);

    nft::Ruleset& ruleset_;
    nft::Schema& schema_;
    nft::Conntrack& conntrack_;
    Options options_;
    nft::Transaction staged_;
    std::vector<alg::PinholeKey> closed_;  ///< since the last sweep
    std::optional<nft::NftError> seed_error_;
    Counters counters_;
    alg::Plan wanted_;  ///< of reinstall; kept for its memory
};

}  // namespace messenger::daemon
