// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "alg/engine.h"
#include "daemon/gateway/closed_pinholes.h"
#include "daemon/gateway/known_hosts.h"
#include "daemon/gateway/restore.h"
#include "daemon/gateway/stored_table.h"
#include "daemon/metrics/latency_histogram.h"
#include "daemon/process/outside_interfaces.h"
#include "nft/conntrack.h"
#include "nft/request_check.h"
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
        bool nat = false;                            ///< the table has its maps
        bool tls = false;                            ///< the table has its sets for TLS connections
        alg::Duration longest_call{};                ///< how long the outside form of a pinhole may be needed
    };
    /// What the kernel would not do, for the log; counted whether logged or not.
    struct Counters {
        std::uint64_t transactions = 0;
        std::uint64_t changes = 0;
        std::uint64_t failures = 0;
        std::uint64_t seeded = 0;
        std::uint64_t admitted = 0;
        std::uint64_t not_seeded = 0;  ///< flows of both that no conntrack entry could be made for
        std::uint64_t no_room = 0;     ///< transactions that found the set of admitted flows full
        std::uint64_t reinstalls = 0;
        std::uint64_t swept = 0;        ///< closed pinholes that a packet had brought back
        std::uint64_t turned_down = 0;  ///< what the engine wanted and the configuration does not allow (any more)
        std::uint64_t refused = 0;      ///< elements that the warden left out all the same: its view is another
        std::uint64_t unproven = 0;     ///< what waits until the warden knows the host
    };

    /// All borrowed; they outlive this object.
    PinholeSync(nft::Ruleset& ruleset, nft::Schema& schema, nft::Conntrack& conntrack, const Options& options)
        : ruleset_(ruleset), schema_(schema), conntrack_(conntrack), options_(options) {}
    /// Borrowed; before restore(), for a table with NAT. Bindings of an address that no interface has any more stay
    /// out of the table, so make it anew when one has changed.
    void set_outside(const OutsideInterfaces& outside) { outside_ = &outside; }

    /// Borrowed: what may be opened, whatever the engine says (plan_check.h). Without it, nothing is checked.
    void set_policy(const alg::Policy& policy) { policy_ = &policy; }
    /// Borrowed: the rules by which the warden will judge. What it would turn down is not asked for, so that it takes
    /// nothing else along. Without it, all is asked for.
    void set_rules(const nft::RequestCheck::Judge& rules) { rules_ = &rules; }

    /// Borrowed; before restore(). To whom the warden lets something be opened: what is wanted of others waits until
    /// they are known. Without it, to everybody.
    void set_known_hosts(KnownHosts& hosts) { hosts_ = &hosts; }

    /// Tells the engine what a daemon before us left in the kernel, and changes nothing there. passing_ports: see
    /// TableParts.
    [[nodiscard]] nft::Expected<Restored> restore(alg::Engine& engine, alg::TimePoint now,
                                                  std::span<const std::uint16_t> passing_ports = {});
    /// A transaction that changes nothing, when those that are being committed now are over.
    [[nodiscard]] nft::Expected<void> wait_for_others();
    /// What the kernel has of what the engine wants, for the next daemon, but for its generation. Absent if the two may
    /// differ.
    [[nodiscard]] std::optional<LeftTable> leave(alg::Engine& engine, alg::TimePoint now);
    /// What the daemon before us has left, if nobody has changed it since: restore() then need not ask the kernel.
    void take(LeftTable table);
    /// Makes the table with every pinhole that the engine wants.
    [[nodiscard]] nft::Expected<void> reinstall(alg::Engine& engine, alg::TimePoint now);
    /// Goes on with the table of a daemon before us: adds what is wanted and not there, and removes what is not wanted.
    /// Flows that were admitted stay so, and packets in the queues are not lost, which a new table would cost. How many
    /// elements that concerned.
    [[nodiscard]] nft::Expected<std::size_t> take_over(alg::Engine& engine, alg::TimePoint now);
    /// The set that lacks something that is wanted, or has it without its name, because somebody else has flushed it or
    /// removed elements; absent if the table has everything. Asks for each element: to be called when somebody else has
    /// changed the table.
    [[nodiscard]] nft::Expected<std::optional<nft::SetId>> find_loss(alg::Engine& engine, alg::TimePoint now);

    /// Puts back what is wanted of these, which somebody else has removed: how many there were. Costs the packet path
    /// nothing, and asks the kernel for nothing.
    [[nodiscard]] nft::Expected<std::size_t> put_back(std::span<const nft::Place> removed, alg::Engine& engine,
                                                      alg::TimePoint now);

    /// Whether committing the plan's changes has to come before its packets.
    [[nodiscard]] static bool concerns_kernel(const alg::Plan& plan) {
        return !plan.changes.empty() || !plan.bindings.empty() || !plan.callbacks.empty() || !plan.tls_flows.empty();
    }
    /// Adds a plan's changes and seeds to what commit() will do.
    void stage(const alg::Plan& plan);
    /// Stages the end of what is open, but may not be by the policy that there is now, and returns how much that is.
    /// The engine goes on to want it, and finds it silent.
    [[nodiscard]] std::size_t stage_end_of_forbidden(alg::Engine& engine, alg::TimePoint now);
    /// The first packet of a flow that the engine admits: its conntrack entry is made, and the rest of the flow does
    /// not come to us.
    void stage_admission(const alg::Admission& admission);
    /// The TCP connection of this packet carries an edit from here on: conntrack must let numbers pass that are outside
    /// of the window it has seen. Takes effect at once.
    [[nodiscard]] nft::Expected<void> allow_other_numbers(const alg::FlowTuple& tuple);
    /// An outside address is gone: the entries of flows that translate to it go, so that what the inside hosts go on
    /// sending is translated anew. (Those of masquerading the kernel removes itself; ours are not among them.) How many
    /// there were.
    [[nodiscard]] nft::Expected<std::size_t> forget_flows(const alg::IpAddress& outside);
    /// The next daemon goes on with the edited connections: for a while their packets wait instead of being reset.
    [[nodiscard]] nft::Expected<void> announce_handover(std::chrono::milliseconds patience);
    /// This daemon reads what it goes on with: what does not come to it will not, and is reset at once from here on.
    [[nodiscard]] nft::Expected<void> end_handover();
    /// What closed pinholes there are to look at (closed_pinholes.h). A look removes again what it finds open.
    [[nodiscard]] const ClosedPinholes& closed() const { return closed_; }
    [[nodiscard]] nft::Expected<void> look_at_closed(const alg::Engine& engine);
    [[nodiscard]] nft::Expected<void> look_late_at_closed(const alg::Engine& engine);
    /// After this returned a value, the packet path sees everything that was staged. In any case nothing is staged
    /// then.
    [[nodiscard]] nft::Expected<void> commit();

    /// Why conntrack entries could not be made since this was asked last; the last of the reasons. The pinholes are
    /// there all the same, and the table as wanted: such a flow is an ordinary new one to the firewall, until it has
    /// room.
    [[nodiscard]] std::optional<nft::NftError> take_flow_error() { return std::exchange(flow_error_, std::nullopt); }

    /// The table is not in the kernel as it has to be, or is not known to be, and the last attempt to make it has
    /// failed.
    [[nodiscard]] bool lacks_table() const { return lacks_table_; }
    /// How many elements the warden has left out of what was committed, since this was asked last.
    [[nodiscard]] std::size_t take_refused() { return std::exchange(refused_, 0); }

    /// Packets of these inside hosts are about to be read. Stages what has waited for one of them.
    void hear(std::span<const alg::IpAddress> hosts, alg::Engine& engine, alg::TimePoint now);
    [[nodiscard]] bool knows(const alg::IpAddress& host) const {
        return hosts_ == nullptr || hosts_->knows(host) || (policy_ != nullptr && !policy_->relays.empty());
    }

    /// The kernel may lack what is wanted, until it has been put right: what it does not have is then no sign of
    /// silence.
    void set_in_doubt(bool in_doubt) { in_doubt_ = in_doubt; }

    /// Only looking on: what the engine opens from now on does not go to the kernel; what is open there stays, and
    /// closes as ever.
    void observe() { observing_ = true; }
    /// Stages what was withheld and is still wanted.
    void act(alg::Engine& engine, alg::TimePoint now);
    [[nodiscard]] bool observing() const { return observing_; }
    /// Whether it is wanted, but not in the kernel, because only looking on.
    [[nodiscard]] bool is_withheld(const alg::PinholeKey& key) const { return withheld_.contains(key); }
    [[nodiscard]] std::size_t withheld() const { return withheld_.size(); }

    [[nodiscard]] std::optional<alg::Duration> remaining(const alg::PinholeKey& key) override;
    [[nodiscard]] std::optional<alg::Duration> remaining_of_tls(const alg::FlowTuple& tuple) override;
    [[nodiscard]] const Counters& counters() const { return counters_; }
    [[nodiscard]] const LatencyHistogram& commit_times() const { return commit_times_; }

   private:
    template <class Change, class Check>
    [[nodiscard]] bool is_forbidden(const Change& change, Check check) const;
    /// The same, and it counts.
    template <class Change, class Check>
    [[nodiscard]] bool turns_down(const Change& change, Check check);
    [[nodiscard]] bool awaits_proof(const alg::IpAddress& host);
    /// The same for what is asked for now, which is counted.
    [[nodiscard]] bool lacks_proof(const alg::IpAddress& host);
    void recall_stored_hosts();
    void recall_open_hosts(alg::Engine& engine, alg::TimePoint now);
    [[nodiscard]] bool withholds(const alg::PinholeChange& change);
    [[nodiscard]] bool withholds(const alg::CallbackChange& change);
    /// Of what is wanted, what the kernel has to have.
    [[nodiscard]] bool may_apply(const alg::PinholeChange& change);
    [[nodiscard]] bool may_apply(const alg::CallbackChange& change);
    /// Calls take with everything that the kernel has to have, as additions. How much that is wanted it must not have.
    std::size_t each_wanted(alg::Engine& engine, alg::TimePoint now,
                            const std::function<void(const nft::Operation&)>& take);
    void seed(const alg::Admission& flow);
    /// Has the staged conntrack entries made beside the transaction that follows, and stages that their packets need no
    /// admission.
    void begin_flows();
    /// After that transaction.
    void finish_flows();
    /// Stages that the flow of a closed pinhole is not admitted any more.
    void end_flow(const alg::PinholeChange& closed);
    void note(const nft::CommitReport& report);
    void note_no_room();
    /// Takes back of what was appended to it from there on, for one change, what may not be opened: all of it if that
    /// is the first element, which is its inside form. Whether there was any.
    bool take_back_what_may_not_be(nft::Transaction& transaction, std::size_t first) const;
    /// The same of staged_, and it counts.
    void stage_only_allowed(std::size_t first);
    [[nodiscard]] bool is_wanted(const alg::Engine& engine, const alg::PinholeKey& key) const;
    [[nodiscard]] bool may_ask_for(nft::SetId set, const nft::Element& element) const;
    /// Stages what the change means, but for what may not be opened.
    template <class Change>
    void stage_allowed(const Change& change);
    void stage_pinhole(const alg::PinholeChange& change);
    /// Commits what the table lacks: how much that was. While it was lacking, the packet path may have taken signalling
    /// and media for traffic of others.
    [[nodiscard]] nft::Expected<std::size_t> complete(nft::Transaction& lacking);
    [[nodiscard]] bool leads_nowhere(const std::optional<alg::Endpoint>& outside) const;
    void translate_binding(const alg::BindingChange& change, nft::Transaction& transaction) const;

    nft::Ruleset& ruleset_;
    nft::Schema& schema_;
    nft::Conntrack& conntrack_;
    Options options_;
    const alg::Policy* policy_ = nullptr;
    const nft::RequestCheck::Judge* rules_ = nullptr;
    const OutsideInterfaces* outside_ = nullptr;
    KnownHosts* hosts_ = nullptr;
    alg::TimePoint next_recall_;
    std::set<alg::IpAddress> unproven_;  ///< hosts that something is wanted of and that the warden does not know
    nft::Transaction staged_;
    ClosedPinholes closed_;
    bool observing_ = false;
    bool in_doubt_ = false;
    std::set<alg::PinholeKey> withheld_;  ///< wanted by the engine, but not in the kernel because of observing_
    std::set<alg::CallbackTable::Key> withheld_callbacks_;  ///< likewise
    std::vector<nft::FlowEntry> seeds_;                     ///< staged
    std::optional<alg::TimePoint> offers_again_;            ///< after note_no_room()
    std::optional<nft::NftError> flow_error_;
    std::size_t refused_ = 0;
    bool lacks_table_ = false;
    StoredTable table_{ruleset_};
    Counters counters_;
    LatencyHistogram commit_times_;
};

}  // namespace messenger::daemon
