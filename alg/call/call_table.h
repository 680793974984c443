// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <boost/container/small_vector.hpp>
#include <boost/container/static_vector.hpp>

#include "alg/base/deadlines.h"
#include "alg/call/dialog.h"
#include "alg/limits.h"
#include "alg/nat/binding_table.h"
#include "alg/net/hash.h"

namespace messenger::alg {

/// A pinhole that a call has open.
struct OpenPinhole {
    PinholeKey key;
    Purpose purpose;
    bool on_hold = false;
    std::uint16_t remote_port = 0;     ///< the exact other end, 0 when not known
    std::optional<TimePoint> until{};  ///< it lives so long, with or without packets
};

/// The dialogs that share a Call-ID, and what is open for them.
struct Call {
    std::uint64_t key = 0;                             ///< make_call_key() of the Call-ID
    boost::container::small_vector<char, 48> call_id;  ///< at most kCallIdShown bytes, for people
    IpAddress charged_to;                              ///< the inside host whose limits it counts against
    std::optional<IpAddress> uninvited_by;             ///< IpAddress::site() of the outside host that began it; absent
                                                       ///< as soon as an inside host has answered
    TimePoint started;
    TimePoint last_message;
    std::uint32_t sessions = 0;  ///< the kinds that have been reported, a bit for each SessionKind
    TimePoint queued;            ///< the earliest entry for it in the deadline queue
    boost::container::small_vector<Dialog, 2> dialogs;
    boost::container::small_vector<OpenPinhole, 4> open;
    boost::container::small_vector<BindingKey, 0> bindings;  ///< NAT: those that it holds
    bool t120_refused = false;                               ///< NAT: another inside host has the port for its peer
    bool told_taken = false;          ///< NAT: that another inside host has fixed ports of its own has been reported
    bool closed_by_operator = false;  ///< it goes on, but has nothing open any more
    bool told_blocked = false;        ///< that nothing is opened for it has been reported

    [[nodiscard]] std::string_view id() const { return {call_id.data(), call_id.size()}; }
    [[nodiscard]] CallLabel label() const;
    [[nodiscard]] bool alive() const;  ///< a dialog is
};

constexpr std::size_t kCallIdShown = 128;

/// Every call, by Call-ID. Owns them. Calls that have been erased stay readable until release_erased(), because the
/// plan of the moment points at their Call-IDs.
class CallTable {
   public:
    CallTable(const Limits& limits, const HashKey& secret)
        : limits_(limits), calls_(0, KeyHash{secret}), hosts_(0, KeyedHash{secret}), peers_(0, KeyedHash{secret}) {}

    [[nodiscard]] Call* find(std::uint64_t key);
    [[nodiscard]] const Call* find(std::uint64_t key) const;
    /// A new call; nullptr if the table is full, or one of its hosts has too many. charged_to: an inside host. caller:
    /// the outside host that begins it; absent for a call that an inside host begins.
    [[nodiscard]] Call* add(std::uint64_t key, std::string_view call_id, const IpAddress& charged_to,
                            const std::optional<IpAddress>& caller, TimePoint now);
    /// An inside host takes part of its own will: the call does not count as a stranger's any more.
    void set_invited(Call& call);
    /// A call from before a restart, whatever the limits say: it exists.
    [[nodiscard]] Call& restore(std::uint64_t key, std::string_view call_id, const IpAddress& charged_to,
                                TimePoint now);
    void erase(std::uint64_t key);
    void release_erased() { erased_.clear(); }

    /// Makes sure that the call is looked at when its earliest dialog ends.
    void schedule(Call& call);
    [[nodiscard]] Call* pop_due(TimePoint now);
    [[nodiscard]] std::optional<TimePoint> next_deadline() const { return deadlines_.next(); }

    [[nodiscard]] std::size_t size() const { return calls_.size(); }
    [[nodiscard]] const auto& all() const { return calls_; }
    [[nodiscard]] auto& all() { return calls_; }

   private:
    struct KeyHash {
        HashKey secret;
        std::size_t operator()(std::uint64_t key) const;
    };
    using Calls = std::unordered_map<std::uint64_t, Call, KeyHash>;

    const Limits& limits_;
    Calls calls_;
    std::vector<Calls::node_type> erased_;
    struct Share {
        std::size_t calls = 0;
        std::size_t uninvited = 0;
    };
    std::unordered_map<IpAddress, Share, KeyedHash> hosts_;        ///< inside
    std::unordered_map<IpAddress, std::size_t, KeyedHash> peers_;  ///< outside: the uninvited calls of each
    std::size_t uninvited_ = 0;
    Deadlines<std::uint64_t> deadlines_;
};

}  // namespace messenger::alg
