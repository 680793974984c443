// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

#include "alg/base/deadlines.h"
#include "alg/base/holders.h"
#include "alg/limits.h"
#include "alg/nat/port_pool.h"
#include "alg/net/hash.h"
#include "alg/net/tuple.h"
#include "alg/policy.h"

namespace messenger::alg {

/// An inside endpoint as one outside address shows it.
struct BindingKey {
    Transport transport = Transport::udp;
    Endpoint inside;
    IpAddress outside;
    auto operator<=>(const BindingKey&) const = default;
};

/// Which outside endpoint stands for which inside one, for whoever asks (endpoint-independent mapping, RFC 4787 section
/// 4.1). A binding is held by calls, and as long as its host listens there. When nobody holds it any more it lingers:
/// conntrack may know flows through it for minutes, and another inside host with the same outside port and the same
/// peer would get their packets. Its own inside endpoint gets the number back meanwhile; if ports run out, the one that
/// has lingered longest goes first.
///
/// T.120 cannot be moved to another port, so there the outside port belongs to one inside host for each remote: a
/// claim, which is looked up with the remote.
class BindingTable {
   public:
    struct Binding {
        std::uint16_t port = 0;                  ///< outside
        Holders calls;                           ///< that need it
        std::optional<TimePoint> listens_until;  ///< a Contact
        TimePoint told_until;                    ///< what the kernel was told by take_news()
        std::optional<TimePoint> lingers_until;  ///< nobody holds it
        TimePoint queued = TimePoint::max();     ///< the earliest entry for it in the deadline queue
    };
    static constexpr Duration kLinger = std::chrono::minutes(3);  ///< conntrack's UDP stream timeout and some more

    BindingTable(const Policy& policy, const Limits& limits, const HashKey& secret)
        : policy_(policy),
          limits_(limits),
          secret_(secret),
          bindings_(0, KeyHash{secret}),
          ways_(0, KeyedHash{secret}),
          claims_(0, KeyedHash{secret}),
          claimants_(0, KeyedHash{secret}),
          pools_(0, KeyedHash{secret}),
          per_host_(0, KeyedHash{secret}) {}

    /// call holds bindings for count neighbouring ports from first.inside on. Those that exist are shared; if none does
    /// they get neighbouring numbers: their own if they are free, else from range. Calls added(key, outside port) for
    /// each that nobody held before. False, with nothing held, if there is no port or the host has its share.
    template <class Added>
    [[nodiscard]] bool acquire(const BindingKey& first, std::size_t count, PortRange range, std::uint64_t call,
                               Added&& added) {
        if (!make(first, count, range, 0)) return false;
        for (std::size_t i = 0; i < count; ++i) {
            const BindingKey key = nth(first, i);
            Binding& binding = bindings_.at(key);
            if (!is_held(binding)) added(key, binding.port);
            binding.lingers_until.reset();
            binding.calls.add(call);
        }
        return true;
    }
    enum class Exactly : std::uint8_t {
        added,  ///< nobody held it before
        held,
        taken,     ///< by another inside endpoint, perhaps one that lingers; or this one has another number
        reserved,  ///< Policy::is_reserved()
        no_room,   ///< the table is full, or the host has its share
    };
    /// call holds a binding whose outside port has the inside one's number.
    [[nodiscard]] Exactly acquire_exactly(const BindingKey& key, std::uint64_t call);
    /// call does not need it any more. True if nobody holds it now.
    [[nodiscard]] bool release(const BindingKey& key, std::uint64_t call, TimePoint now);

    enum class Listening : std::uint8_t {
        added,  ///< nobody held it before
        held,
        no_port,  ///< every port is taken, or the host has its share
    };
    /// The inside host listens there until then, or longer if that is known. wanted_port: the outside number that a
    /// flow from there has already; 0 if none.
    [[nodiscard]] Listening listen(const BindingKey& key, std::uint16_t wanted_port, TimePoint until, TimePoint now);
    /// How long the kernel should keep the binding, if it has to be told: at first, and when the half of what it was
    /// told is over. at_least: what a call may need.
    [[nodiscard]] std::optional<Duration> take_news(const BindingKey& key, Duration at_least, TimePoint now);
    /// It listens no longer. True if nobody holds the binding now.
    [[nodiscard]] bool stop_listening(const BindingKey& key, TimePoint now);

    /// Taken over from before a restart. False if the outside port is taken or reserved, or the table full.
    [[nodiscard]] bool restore(const BindingKey& key, std::uint16_t port, std::optional<std::uint64_t> call,
                               std::optional<TimePoint> listens_until);

    /// Ends what is due: ended(key, outside port) for each listener whose binding nobody holds any more.
    template <class Ended>
    void expire(TimePoint now, Ended&& ended) {
        while (const auto key = deadlines_.pop_due(now)) {
            const auto found = bindings_.find(*key);
            if (found == bindings_.end() || found->second.queued > now) continue;
            Binding& binding = found->second;
            binding.queued = TimePoint::max();
            if (binding.lingers_until && *binding.lingers_until <= now) {
                erase(*key);
                continue;
            }
            const std::uint16_t port = binding.port;
            if (binding.listens_until && *binding.listens_until <= now && stop_listening(*key, now)) ended(*key, port);
            look_later(*key, binding);
        }
    }
    [[nodiscard]] std::optional<TimePoint> next_deadline() const { return deadlines_.next(); }

    /// The outside port of an inside endpoint; absent if it has none there. Lingering ones count: late messages name
    /// them.
    [[nodiscard]] std::optional<std::uint16_t> outside_port(const BindingKey& key) const;
    [[nodiscard]] const Binding* find(const BindingKey& key) const;
    /// With the table's secret, for other tables of such keys.
    [[nodiscard]] std::size_t hash(const BindingKey& key) const { return KeyHash{secret_}(key); }
    /// The inside endpoint that an outside one stands for, in a message.
    [[nodiscard]] std::optional<Endpoint> inside_of(Transport transport, const Endpoint& outside) const;
    /// The same for a packet of that remote: claims count, lingering bindings do not.
    [[nodiscard]] std::optional<Endpoint> inside_for(Transport transport, const Endpoint& outside,
                                                     const IpAddress& remote) const;

    /// The outside port is to lead remote (0.0.0.0: anybody) to this inside endpoint. False if another inside endpoint
    /// has it for the same remote, or for anybody, or if it is reserved and this one does not have it yet.
    [[nodiscard]] bool claim(Transport transport, const Endpoint& outside, const IpAddress& remote,
                             const Endpoint& inside);
    /// The inside host that stands in the way of such a claim; absent if none does.
    [[nodiscard]] std::optional<IpAddress> claimed_by_other(Transport transport, const Endpoint& outside,
                                                            const IpAddress& remote, const Endpoint& inside) const;
    /// Whether the port is reserved there, and this inside endpoint does not have it yet for anybody.
    [[nodiscard]] bool is_closed_to(Transport transport, const Endpoint& outside, const Endpoint& inside) const;
    void unclaim(Transport transport, const Endpoint& outside, const IpAddress& remote);

    [[nodiscard]] std::size_t size() const { return bindings_.size(); }  ///< lingering ones, too
    [[nodiscard]] std::size_t held() const;                              ///< by a call or a listener
    [[nodiscard]] const auto& all() const { return bindings_; }
    [[nodiscard]] static bool is_held(const Binding& binding) {
        return !binding.calls.empty() || binding.listens_until.has_value();
    }
    /// Ports taken of an outside address, for tests and the status.
    [[nodiscard]] std::size_t ports_taken(Transport transport, const IpAddress& outside) const;

   private:
    struct KeyHash {
        HashKey secret;
        std::size_t operator()(const BindingKey& key) const;
    };
    /// How a packet comes: from anybody if remote is 0.0.0.0.
    [[nodiscard]] static FlowTuple way(Transport transport, const Endpoint& outside, const IpAddress& remote) {
        return {{remote, 0}, outside, transport};
    }
    [[nodiscard]] static BindingKey nth(const BindingKey& first, std::size_t index) {
        BindingKey key = first;
        key.inside.port = static_cast<std::uint16_t>(first.inside.port + index);
        return key;
    }
    [[nodiscard]] bool make(const BindingKey& first, std::size_t count, PortRange range, std::uint16_t wanted_port);
    [[nodiscard]] bool has_room(const IpAddress& host, std::size_t count) const;
    /// asked: the whole block that is asked for, of which first may be one part.
    [[nodiscard]] std::optional<std::uint16_t> take(const BindingKey& first, std::size_t count, PortRange range,
                                                    std::uint16_t wanted_port, const BindingKey& asked,
                                                    std::size_t asked_count);
    [[nodiscard]] PortPool& pool(Transport transport, const IpAddress& outside);
    [[nodiscard]] bool evict_one(const BindingKey& first, std::size_t count);
    void insert(const BindingKey& key, std::uint16_t port);
    void erase(const BindingKey& key);
    void linger(const BindingKey& key, Binding& binding, TimePoint now);
    void look_later(const BindingKey& key, Binding& binding);

    /// Who has claims on one outside endpoint, and how many: by inside endpoint.
    using Claimants = std::unordered_map<Endpoint, std::size_t, KeyedHash>;

    const Policy& policy_;
    const Limits& limits_;
    HashKey secret_;
    std::unordered_map<BindingKey, Binding, KeyHash> bindings_;
    std::unordered_map<FlowTuple, Endpoint, KeyedHash> ways_;        ///< way() of each binding, from anybody
    std::unordered_map<FlowTuple, Endpoint, KeyedHash> claims_;      ///< way() of each claim
    std::unordered_map<FlowTuple, Claimants, KeyedHash> claimants_;  ///< way() from anybody, where there are claims
    /// Of each outside address that ever had a binding: way(transport, {address, 0}, 0.0.0.0).
    std::unordered_map<FlowTuple, PortPool, KeyedHash> pools_;
    std::unordered_map<IpAddress, std::size_t, KeyedHash> per_host_;
    Deadlines<BindingKey> deadlines_;
    std::deque<BindingKey> lingering_;  ///< in the order of their release; entries may have come to life again
};

}  // namespace messenger::alg
