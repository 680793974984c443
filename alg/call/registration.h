// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>

#include "alg/base/deadlines.h"
#include "alg/limits.h"
#include "alg/net/hash.h"
#include "alg/net/tuple.h"
#include "alg/plan.h"
#include "alg/policy.h"
#include "alg/sip/message.h"

namespace messenger::alg {

/// The inside hosts that a registrar has accepted, and until when (RFC 3261 section 10). Where a binding leads is what
/// the inside host's own REGISTER said; that it holds is what the registrar's 2xx said.
class RegistrationTable {
   public:
    struct Registration {
        FlowTuple signalling;                  ///< of the REGISTER
        Endpoint contact;                      ///< where the inside host wants to be called
        Transport transport = Transport::udp;  ///< of the contact
        TimePoint expires;
        TimePoint queued;
        // What the answer has to repeat: somebody who only forges the registrar's address does not know it.
        std::uint32_t cseq = 0;
        std::uint64_t call = 0;    ///< make_call_key()
        std::uint64_t from = 0;    ///< make_tag()
        std::uint64_t branch = 0;  ///< make_branch()
        bool accepted = false;
    };

    RegistrationTable(const Limits& limits, const HashKey& secret)
        : limits_(limits), registrations_(0, KeyedHash{secret}) {}

    /// A REGISTER of an inside host, or the answer to one. Returns what a 2xx has settled; absent otherwise.
    struct Settled {
        Endpoint contact;
        Transport transport = Transport::udp;
        Duration lifetime{};  ///< 0: removed
    };
    std::optional<Settled> on_message(const SipMessageView& message, const FlowTuple& tuple, const Policy& policy,
                                      TimePoint now, Plan& plan);
    /// Until when some user agent of the host is registered; absent if none is. Looks at every registration.
    [[nodiscard]] std::optional<TimePoint> latest(const IpAddress& host) const;
    void expire(TimePoint now);
    [[nodiscard]] std::optional<TimePoint> next_deadline() const { return deadlines_.next(); }
    [[nodiscard]] std::size_t size() const { return registrations_.size(); }
    /// Moments at which something may be due: within a constant of twice size().
    [[nodiscard]] std::size_t queued() const { return deadlines_.size(); }
    [[nodiscard]] const auto& all() const { return registrations_; }

   private:
    using Key = Endpoint;  ///< the inside end of the signalling: one user agent

    void on_request(const SipMessageView& message, const FlowTuple& tuple, const Policy& policy, TimePoint now,
                    Plan& plan);
    [[nodiscard]] std::optional<Settled> on_response(const SipMessageView& message, const FlowTuple& tuple,
                                                     TimePoint now, Plan& plan);
    void queue(const Key& key, Registration& registration);

    const Limits& limits_;
    std::unordered_map<Key, Registration, KeyedHash> registrations_;
    Deadlines<Key> deadlines_;
};

}  // namespace messenger::alg
