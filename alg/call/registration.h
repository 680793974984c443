// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>

#include "alg/base/deadlines.h"
#include "alg/call/callback_table.h"
#include "alg/call/contact.h"
#include "alg/limits.h"
#include "alg/net/hash.h"
#include "alg/net/tuple.h"
#include "alg/plan.h"
#include "alg/policy.h"
#include "alg/sip/message.h"

namespace messenger::alg {

/// What inside hosts have told a registrar, which has accepted it, and until when (RFC 3261 section 10). Where a
/// binding leads is what the inside host's own REGISTER said; that it holds is what the registrar's 2xx said.
class RegistrationTable {
   public:
    /// Several users of one host may register at once, and one connection may follow another, so neither the host nor
    /// the port that it speaks from tells them apart.
    struct Key {
        IpAddress host;
        IpAddress registrar;
        std::uint64_t account = 0;  ///< of Call-ID, which stays (RFC 3261 section 10.2), and address of record
        bool operator==(const Key&) const = default;
    };
    struct Registration {
        Contact contact;  ///< where the inside host wants to be called
        TimePoint expires;
        TimePoint queued;
        // What the answer has to repeat: somebody who only forges the registrar's address does not know it.
        std::uint32_t cseq = 0;
        std::uint64_t from = 0;    ///< make_tag()
        std::uint64_t branch = 0;  ///< make_branch()
        bool ends = false;         ///< the request takes the contact back
        bool accepted = false;
        std::optional<CallbackTable::Key> holds;  ///< the callback that lives as long as this
    };

    RegistrationTable(const Limits& limits, const HashKey& secret)
        : limits_(limits), registrations_(0, KeyHash{secret}), hosts_(0, KeyedHash{secret}) {}

    /// A REGISTER of an inside host, or the answer to one. Returns what a 2xx has settled; absent otherwise.
    struct Settled {
        Registration* registration = nullptr;  ///< until the next call
        Duration lifetime{};                   ///< 0: removed
    };
    std::optional<Settled> on_message(const SipMessageView& message, const FlowTuple& tuple, const Policy& policy,
                                      TimePoint now, Plan& plan);
    /// Whether a registrar has accepted anybody on that host.
    [[nodiscard]] bool has_accepted(const IpAddress& host) const {
        const auto found = hosts_.find(host);
        return found != hosts_.end() && found->second.accepted > 0;
    }

    /// Forgets what is due: ended(host, registration).
    template <class Ended>
    void expire(TimePoint now, Ended&& ended) {
        while (const auto key = deadlines_.pop_due(now)) {
            const auto found = registrations_.find(*key);
            if (found == registrations_.end() || found->second.queued > now) continue;
            if (found->second.expires > now) {
                deadlines_.queue(*key, found->second.expires, found->second, registrations_);
                continue;
            }
            const Registration registration = found->second;
            set_accepted(*key, found->second, false);
            registrations_.erase(found);
            leave(key->host);
            ended(key->host, registration);
        }
    }
    [[nodiscard]] std::optional<TimePoint> next_deadline() const { return deadlines_.next(); }
    [[nodiscard]] std::size_t size() const { return registrations_.size(); }
    /// Moments at which something may be due: within a constant of twice size().
    [[nodiscard]] std::size_t queued() const { return deadlines_.size(); }
    [[nodiscard]] const auto& all() const { return registrations_; }

   private:
    struct Share {
        std::uint32_t registrations = 0;
        std::uint32_t accepted = 0;  ///< of these
    };
    struct KeyHash {
        HashKey secret;
        std::size_t operator()(const Key& key) const {
            const FlowTuple ends{{key.host, 0}, {key.registrar, 0}, Transport::udp};
            return static_cast<std::size_t>(table_hash(secret, table_hash(secret, ends) ^ key.account));
        }
    };

    void on_request(const SipMessageView& message, const FlowTuple& tuple, const Policy& policy, TimePoint now,
                    Plan& plan);
    [[nodiscard]] std::optional<Settled> on_response(const SipMessageView& message, const FlowTuple& tuple,
                                                     TimePoint now, Plan& plan);
    /// The registration that a request is about, made if there is none; nullptr if there are too many.
    [[nodiscard]] Registration* open(const SipMessageView& message, const FlowTuple& tuple, TimePoint now, Plan& plan);
    /// One registration less.
    void leave(const IpAddress& host);
    void set_accepted(const Key& key, Registration& registration, bool accepted);

    const Limits& limits_;
    std::unordered_map<Key, Registration, KeyHash> registrations_;
    std::unordered_map<IpAddress, Share, KeyedHash> hosts_;
    Deadlines<Key> deadlines_;
};

}  // namespace messenger::alg
