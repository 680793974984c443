// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <boost/container/small_vector.hpp>

#include "alg/base/time.h"
#include "alg/call/dialog.h"
#include "alg/nat/binding_table.h"
#include "alg/plan.h"

namespace messenger::alg {

/// A pinhole that a call has open.
struct OpenPinhole {
    PinholeKey key;
    Purpose purpose;
    bool on_hold = false;
    std::uint16_t remote_port = 0;     ///< the exact other end, 0 when not known
    std::optional<TimePoint> until{};  ///< it lives so long, with or without packets
};

/// What somebody outside has told an inside host of ports inside: hearsay.h.
struct Hearsay {
    IpAddress listener;
    Tag speaker = 0;  ///< of the party; 0 if the message named none
    Endpoint said;
    bool operator==(const Hearsay&) const = default;
};

/// The dialogs that share a Call-ID, and what is open for them. What a new member holds goes into call_record.cpp, too.
struct Call {
    std::uint64_t key = 0;     ///< make_call_key() of the Call-ID
    std::uint32_t number = 0;  ///< CallTable's
    std::string_view call_id;  ///< at most kCallIdShown bytes, for people; CallTable says how long it lives
    IpAddress charged_to;      ///< the inside host whose limits it counts against
    std::optional<IpAddress> uninvited_by;  ///< IpAddress::site() of the outside host that began it; absent as soon as
                                            ///< an inside host has answered
    TimePoint started;
    TimePoint last_message;
    std::uint32_t sessions = 0;  ///< the kinds that have been reported, a bit for each SessionKind
    boost::container::small_vector<Dialog, 2> dialogs;
    boost::container::small_vector<OpenPinhole, 4> open;
    boost::container::small_vector<BindingKey, 0> bindings;  ///< NAT: those that it holds
    boost::container::small_vector<Hearsay, 0> heard;
    std::uint64_t told_dialog = 0;    ///< CallLabel::dialog of what has been opened
    bool heard_too_much = false;      ///< there was no room in `heard` for all of it
    bool t120_refused = false;        ///< NAT: another inside host has the port for its peer
    bool told_taken = false;          ///< NAT: that another inside host has fixed ports of its own has been reported
    bool closed_by_operator = false;  ///< it goes on, but has nothing open any more
    bool told_blocked = false;        ///< that nothing is opened for it has been reported

    [[nodiscard]] std::string_view id() const { return call_id; }
    [[nodiscard]] CallLabel label() const;
    [[nodiscard]] bool alive() const;  ///< a dialog is
    /// Leaves out the streams that it has been told of beyond so many: what has been answered comes first, and the
    /// branches of a fork share the rest. False if there were more.
    bool keep_streams(std::size_t most);
};

constexpr std::size_t kCallIdShown = 128;

}  // namespace messenger::alg
