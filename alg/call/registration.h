// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include <boost/container/small_vector.hpp>

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
    /// What a Contact is called, so that those of one user can be told apart: by where its URI leads, and its user part
    /// (RFC 3261 section 19.1.4), or by its text if that is a name.
    struct Name {
        std::optional<Contact> at;
        std::uint64_t text = 0;  ///< of the user part, or the whole
        bool operator==(const Name&) const = default;
    };
    /// A Contact that the registrar has accepted.
    struct Binding {
        Name name;
        Contact contact;  ///< where the inside host wants to be called
        TimePoint since;  ///< when it was accepted last
        TimePoint expires;
        bool holds = false;  ///< the callback of this contact and registrar, which lives as long
    };
    /// A Contact of the request at hand.
    struct Asked {
        Name name;
        Contact contact;
        bool ends = false;  ///< it is taken back
    };
    static constexpr std::size_t kContacts = 4;  ///< of one request

    struct Registration {
        std::uint64_t user = 0;  ///< of the address of record
        boost::container::small_vector<Binding, 1> bindings;
        TimePoint waits_until;  ///< for an answer; it is kept so long without a binding
        TimePoint queued;
        // What the answer has to repeat: somebody who only forges the registrar's address does not know it.
        std::uint32_t cseq = 0;
        std::uint64_t from = 0;    ///< make_tag()
        std::uint64_t branch = 0;  ///< make_branch()
        boost::container::small_vector<Asked, 1> asked;
        bool ends_all = false;   ///< the request takes every Contact of the user back
        bool handed_on = false;  ///< by a proxy, for somebody who is not the inside host that it comes from
        bool accepted = false;   ///< it has a binding
        [[nodiscard]] TimePoint due() const;
        [[nodiscard]] Binding* find(const Name& name);
    };

    RegistrationTable(const Limits& limits, const HashKey& secret)
        : limits_(limits),
          registrations_(0, KeyHash{secret}),
          hosts_(0, KeyedHash{secret}),
          users_(0, UserHash{secret}) {}

    /// What became of a Contact.
    struct Ended {
        CallbackTable::Key callback;
        bool held = false;  ///< it had the callback
    };
    struct Stays {
        Binding* binding = nullptr;  ///< until the next call
        Duration lifetime{};
    };
    /// A REGISTER of an inside host, or the answer to one. Returns what a 2xx has settled; absent otherwise.
    struct Settled {
        std::uint64_t user = 0;  ///< Registration's
        Duration lifetime{};     ///< the longest; 0: none of the request's Contacts stays
        bool ends_all = false;   ///< Registration's
        bool handed_on = false;  ///< likewise
        boost::container::small_vector<Ended, 2> ended;
        boost::container::small_vector<CallbackTable::Key, 2> left;  ///< not taken back, but no longer in use
        boost::container::small_vector<Stays, 1> stays;
    };
    std::optional<Settled> on_message(const SipMessageView& message, const FlowTuple& tuple, const Policy& policy,
                                      TimePoint now, Plan& plan);
    /// Whether a registrar has accepted anybody on that host.
    [[nodiscard]] bool has_accepted(const IpAddress& host) const {
        const auto found = hosts_.find(host);
        return found != hosts_.end() && found->second.accepted > 0;
    }

    /// Forgets what is due: ended(key, binding).
    template <class Ended>
    void expire(TimePoint now, Ended&& ended) {
        while (const auto key = deadlines_.pop_due(now)) {
            const auto found = registrations_.find(*key);
            if (found == registrations_.end() || found->second.queued > now) continue;
            auto& bindings = found->second.bindings;
            while (true) {
                const auto due = std::find_if(bindings.begin(), bindings.end(),
                                              [now](const Binding& binding) { return binding.expires <= now; });
                if (due == bindings.end()) break;
                const Binding binding = *due;
                bindings.erase(due);
                count_accepted(*key, found->second);
                ended(*key, binding);
            }
            if (found->second.due() > now) {
                queue(*key, found->second);
            } else {
                erase(found);
            }
        }
    }
    [[nodiscard]] std::optional<TimePoint> next_deadline() const { return deadlines_.next(); }
    [[nodiscard]] std::size_t size() const { return registrations_.size(); }
    /// Moments at which something may be due: within a constant of twice size().
    [[nodiscard]] std::size_t queued() const { return deadlines_.size(); }
    [[nodiscard]] const auto& all() const { return registrations_; }
    /// Calls change(callback, holds) for each binding that holds one.
    template <class Change>
    void each_callback(Change&& change) {
        for (auto& [key, registration] : registrations_) {
            for (Binding& binding : registration.bindings) {
                const Contact& contact = binding.contact;
                const CallbackTable::Key callback{contact.transport, contact.endpoint, key.registrar};
                if (binding.holds) change(callback, binding.holds);
            }
        }
    }

   private:
    struct Share {
        std::uint32_t registrations = 0;
        std::uint32_t accepted = 0;  ///< of these: have a binding
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
    /// The sessions of a user on a host, which name the same Contacts: a client that has begun anew has another
    /// Call-ID, and the registrars of a domain share what they know.
    struct User {
        IpAddress host;
        std::uint64_t user = 0;
        bool operator==(const User&) const = default;
    };
    struct UserHash {
        HashKey secret;
        std::size_t operator()(const User& user) const {
            const FlowTuple host{{user.host, 0}, {}, Transport::udp};
            return static_cast<std::size_t>(table_hash(secret, table_hash(secret, host) ^ user.user));
        }
    };
    using Sessions = boost::container::small_vector<Key, 1>;
    static constexpr std::size_t kSessions = 16;  ///< of a user; older ones are left to their time

    /// The other ones are found with it.
    void note_session(const Key& key, const Registration& registration);
    [[nodiscard]] Sessions sessions_of(const Key& key, const Registration& registration) const;

    using Registrations = std::unordered_map<Key, Registration, KeyHash>;
    void erase(Registrations::iterator registration);
    void count_accepted(const Key& key, Registration& registration);
    void queue(const Key& key, Registration& registration);
    void ask(const SipMessageView& message, std::string_view contact, const FlowTuple& tuple, const Policy& policy,
             Registration& registration, Plan& plan) const;
    void end(const Key& key, const Asked* asked, const Contact& unknown, TimePoint now, Settled& settled);
    void stay(const Key& key, const Asked& asked, Duration lifetime, TimePoint now, Settled& settled);
    void leave(const Key& key, Registration& registration, Settled& settled);
    template <class Which>
    void drop(const Key& key, Registration& session, TimePoint now, Which&& which);

    const Limits& limits_;
    Registrations registrations_;
    std::unordered_map<IpAddress, Share, KeyedHash> hosts_;
    std::unordered_map<User, Sessions, UserHash> users_;
    Deadlines<Key> deadlines_;
};

}  // namespace messenger::alg
