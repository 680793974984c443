// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>

#include <boost/container/small_vector.hpp>

#include "alg/base/deadlines.h"
#include "alg/limits.h"
#include "alg/net/hash.h"
#include "alg/net/tuple.h"
#include "alg/plan.h"

namespace messenger::alg {

/// Who may call whom back: the registrar that has accepted an inside host's Contact reaches it there, on a connection
/// of its own making, for as long as the registration lives. Live Communications Server 2003 does so, and every
/// registrar on UDP after conntrack has forgotten the flow of the REGISTER. So do those who send the requests within a
/// call (reach.cpp), for as long as that lives.
class CallbackTable {
   public:
    struct Key {
        Transport transport = Transport::tcp;
        Endpoint inside;   ///< the Contact
        IpAddress remote;  ///< the registrar, or who sends requests within a call
        auto operator<=>(const Key&) const = default;
    };
    struct Callback {
        TimePoint until;
        TimePoint queued;
        TimePoint restored_until;         ///< as long as restored has any
        std::optional<Endpoint> outside;  ///< NAT: what the remote knows
        std::uint32_t holders = 0;        ///< registrations and agents of calls
        std::uint32_t users = 0;          ///< of these: registrations
        std::uint64_t marks = 0;          ///< of these users
        CallbackHolders restored{0, 0};   ///< from before a restart; of registrations those not heard of since
        CallbackHolders told{0, 0};       ///< what the kernel knows
        bool of_call = false;             ///< no registration needs it: it counts against the limits of calls
        [[nodiscard]] CallbackHolders held_by() const {
            return {users + restored.users, marks | restored.marks, holders > users || restored.calls};
        }
    };
    /// What is remembered of a user over a restart: one bit of 64, which others may have, too. user: see
    /// RegistrationTable::Registration.
    [[nodiscard]] static std::uint64_t mark_of(std::uint64_t user) { return std::uint64_t{1} << (user % 64); }

    CallbackTable(const Limits& limits, const HashKey& secret)
        : limits_(limits),
          callbacks_(0, KeyHash{secret}),
          listeners_(0, KeyedHash{secret}),
          per_host_(0, KeyedHash{secret}),
          restored_(0, KeyedHash{secret}) {}

    enum class Allowed : std::uint8_t { added, prolonged, full };
    /// For a registration that lives until then, and is one of its holders from now on: until it releases it or signs
    /// off. held: it is one already. Several users may be called at one Contact by one registrar, and then the last of
    /// them counts.
    [[nodiscard]] Allowed allow(const Key& key, const std::optional<Endpoint>& outside, TimePoint until, bool held,
                                std::uint64_t user = 0);
    /// For a call, likewise.
    [[nodiscard]] Allowed allow_in_call(const Key& key, const std::optional<Endpoint>& outside, TimePoint until,
                                        bool held);
    /// One from before a restart, and who held it.
    [[nodiscard]] bool restore(const Key& key, const std::optional<Endpoint>& outside, TimePoint until,
                               const CallbackHolders& holders = {});
    /// A registration that held it does so no longer. Without any holder it ends then, if not before.
    void release(const Key& key, TimePoint then);
    /// The user of a registration has signed off. held: it is known to have held it; else it may be from before a
    /// restart. True if the callback is of no use to anybody now.
    [[nodiscard]] bool sign_off(const Key& key, bool held, std::uint64_t user);
    /// Whether somebody on that host has registered before a restart, and has not been heard of since.
    [[nodiscard]] bool has_restored_users(const IpAddress& host) const { return restored_.contains(host); }
    struct Restored {
        Key key;
        TimePoint until;
    };
    using RestoredList = boost::container::small_vector<Restored, 2>;
    /// What this user held there, most likely.
    [[nodiscard]] RestoredList restored_of(const IpAddress& host, std::uint64_t user) const;
    /// A user who held it before a restart has been heard of: what he holds now is known. False if he is none of those,
    /// or has been heard of before, so that whoever says a thing twice does not speak for another.
    bool hear_of(const Key& key, std::uint64_t user);
    /// Who holds it, for the kernel to know.
    [[nodiscard]] CallbackHolders tell(const Key& key);
    /// A call that held it does so no longer. True if it is of no use to anybody now.
    [[nodiscard]] bool leave(const Key& key);
    /// True if it was there.
    bool forbid(const Key& key);

    /// Ends what is due: ended(key, callback). What has a holder is not: he prolongs it in time, or lets go of it.
    /// gone(key): of those who held it before a restart, and have not been heard of since, nobody is expected any more.
    template <class Ended, class Gone>
    void expire(TimePoint now, Ended&& ended, Gone&& gone) {
        while (const auto key = deadlines_.pop_due(now)) {
            const auto found = callbacks_.find(*key);
            if (found == callbacks_.end() || found->second.queued > now) continue;
            const TimePoint restored_until = found->second.restored_until;
            const bool is_gone = restored_until != TimePoint{} && restored_until <= now;
            if (is_gone) forget_restored(*key, found->second);
            if (found->second.until > now) {
                found->second.queued = found->second.until;
                deadlines_.push(found->second.queued, *key);
            } else if (found->second.holders > 0) {
                found->second.queued = TimePoint::max();
            } else {
                const Callback callback = found->second;
                forbid(*key);
                ended(*key, callback);
            }
            if (is_gone) gone(*key);
        }
    }
    [[nodiscard]] std::optional<TimePoint> next_deadline() const { return deadlines_.next(); }

    /// Whether a packet of this tuple, in either direction, belongs to such a connection.
    [[nodiscard]] bool admits(const FlowTuple& tuple) const;
    /// Whether an inside host is called at one end of it, by whomever.
    [[nodiscard]] bool is_listener(const FlowTuple& tuple) const;
    [[nodiscard]] const Callback* find(const Key& key) const;
    [[nodiscard]] const auto& all() const { return callbacks_; }

   private:
    /// So that calls do not take the room of registrations.
    struct Share {
        std::size_t registrations = 0;
        std::size_t calls = 0;
        [[nodiscard]] std::size_t& of(const Callback& callback) { return callback.of_call ? calls : registrations; }
    };
    static constexpr std::size_t kPerCall = 2;  ///< see Reach

    [[nodiscard]] Allowed take(const Key& key, const std::optional<Endpoint>& outside, TimePoint until, bool held,
                               bool for_call);
    /// Made if there is none; nullptr if there are too many.
    [[nodiscard]] Callback* open(const Key& key, bool of_call);
    void forget_restored(const Key& key, Callback& callback);
    void forget_restored_users(const Key& key, Callback& callback);
    [[nodiscard]] bool has_room(const IpAddress& host, bool of_call) const;
    void look_later(const Key& key, Callback& callback);
    struct KeyHash {
        HashKey secret;
        std::size_t operator()(const Key& key) const {
            return static_cast<std::size_t>(table_hash(secret, FlowTuple{{key.remote, 0}, key.inside, key.transport}));
        }
    };
    [[nodiscard]] static FlowTuple listener(Transport transport, const Endpoint& inside) {
        return {{}, inside, transport};
    }

    const Limits& limits_;
    std::unordered_map<Key, Callback, KeyHash> callbacks_;
    std::unordered_map<FlowTuple, std::uint32_t, KeyedHash> listeners_;  ///< by how many, by listener()
    std::unordered_map<IpAddress, Share, KeyedHash> per_host_;           ///< how many, by inside host
    /// Those with users from before a restart, by inside host.
    std::unordered_map<IpAddress, boost::container::small_vector<Key, 1>, KeyedHash> restored_;
    Share all_;
    Deadlines<Key> deadlines_;
};

}  // namespace messenger::alg
