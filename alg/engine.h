// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "alg/base/time.h"
#include "alg/call/signalling.h"
#include "alg/counters.h"
#include "alg/limits.h"
#include "alg/message_rate.h"
#include "alg/net/hash.h"
#include "alg/plan.h"
#include "alg/policy.h"
#include "alg/sip/connection_table.h"

namespace messenger::alg {

/// The whole of alg behind one door: packets and a time in, plans out. The same engine runs in the daemon and over
/// captures. Not thread-safe; makes no system call; its memory is bounded by Limits.
class Engine {
   public:
    /// secret: from a random source, so that nobody can fill one bucket of a table.
    Engine(const Policy& policy, const Limits& limits, const HashKey& secret);
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    Engine(Engine&&) = delete;
    Engine& operator=(Engine&&) = delete;
    ~Engine() = default;

    /// One IP packet on its way through. plan is cleared first; its views point into the packet and into the engine,
    /// and live until the next call. sip_marked: the TCP connection carries FlowMark::sip from before.
    void on_packet(std::span<const std::byte> packet, bool sip_marked, TimePoint now, Plan& plan);

    /// A packet that is no signalling, in a capture: keeps the pinhole alive that admits it. True if one does.
    bool on_media(const FlowTuple& tuple, TimePoint now) { return signalling_.pinholes().on_packet(tuple, now); }

    /// When expire() has to be called next; absent when nothing waits.
    [[nodiscard]] std::optional<TimePoint> next_expiry() const;
    /// Ends what is due. witness: what the kernel knows of the pinholes; absent for captures.
    void expire(TimePoint now, PinholeWitness* witness, Plan& plan);

    /// A pinhole found in the kernel at start: its call goes on.
    void restore(const PinholeKey& key, Purpose purpose, const CallLabel& label, Duration remaining, TimePoint now) {
        signalling_.restore(key, purpose, label, remaining, now);
    }

    /// Everything that is open, as additions with what is left of their time: what the kernel must have after it lost
    /// its table.
    void snapshot(TimePoint now, Plan& plan) const { signalling_.snapshot(now, plan); }

    /// The new policy holds for what comes; what is open stays.
    void set_policy(const Policy& policy) { policy_ = policy; }
    [[nodiscard]] const Policy& policy() const { return policy_; }

    [[nodiscard]] bool is_sip_port(const FlowTuple& tuple) const;
    [[nodiscard]] const Counters& counters() const { return counters_; }
    [[nodiscard]] const CallTable& calls() const { return signalling_.calls(); }
    [[nodiscard]] const PinholeTable& pinholes() const { return signalling_.pinholes(); }
    [[nodiscard]] const RegistrationTable& registrations() const { return signalling_.registrations(); }
    [[nodiscard]] std::size_t connections() const { return connections_.size(); }

   private:
    void on_datagram(const PacketView& packet, TimePoint now, Plan& plan);
    void on_segment(const PacketView& packet, bool sip_marked, TimePoint now, Plan& plan);
    [[nodiscard]] bool on_message_text(std::string_view text, const FlowTuple& tuple, TimePoint now, Plan& plan);
    void refuse(RefuseReason reason, Error error, const FlowTuple& tuple, Plan& plan);

    Policy policy_;
    Limits limits_;
    Counters counters_;
    SipMessageView message_;  ///< kept: it is large
    ConnectionTable connections_;
    Signalling signalling_;
    MessageRate rate_;
};

}  // namespace messenger::alg
