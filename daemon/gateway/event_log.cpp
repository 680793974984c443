// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/event_log.h"

#include <chrono>
#include <variant>

#include "alg/base/error.h"
#include "alg/nat/changed_lines.h"

namespace messenger::daemon {

namespace {

using alg::RefuseReason;

template <class Enum, std::size_t size>
void count(std::array<std::uint64_t, size>& counts, Enum reason) {
    ++counts.at(static_cast<std::size_t>(reason));
}

[[nodiscard]] std::string remote_of(const alg::PinholeKey& key) {
    return key.any_remote ? "any host" : key.remote.to_string();
}

[[nodiscard]] std::string_view protocol_of(alg::Transport transport) {
    return transport == alg::Transport::tcp ? "TCP" : "UDP";
}

/// What the operator can do, where there is something.
[[nodiscard]] std::string_view remedy(RefuseReason reason) {
    switch (reason) {
        case RefuseReason::not_sender_address: return "; if that host may speak for others, list it in network.relays";
        case RefuseReason::not_own_word:
            return "; a proxy that carries media itself has to announce ports that nobody outside has named";
        case RefuseReason::not_inside_address: return "; if that network is yours, list it in network.inside";
        case RefuseReason::wrong_side:
            return "; it went on unread. rp_filter = 1 on the outside interface drops such packets; if routing is "
                   "asymmetric inside, list the interface in network.inside_interfaces";
        case RefuseReason::protected_port: return "; network.protected_ports has the list";
        case RefuseReason::port_out_of_range:
            return "; the range is network.media_ports here, and MinMediaPort to MaxMediaPort in the Group Policy that "
                   "pins clients to it (messenger-algctl export-policy writes that)";
        case RefuseReason::contact_out_of_range:
            return "; the range is sip.dynamic_ports here, and MinSipDynamicPort to MaxSipDynamicPort in the Group "
                   "Policy that pins clients to it (messenger-algctl export-policy writes that)";
        case RefuseReason::fixed_ranges_off: return "; policy.fixed_ranges says so";
        case RefuseReason::too_many_ports: return "; limits.port_count is the limit";
        case RefuseReason::too_many_calls:
            return "; limits.calls, limits.calls_per_host and limits.calls_per_peer are the limits";
        case RefuseReason::too_many_pinholes:
            return "; limits.pinholes, limits.pinholes_per_host and limits.pinholes_per_call are the limits";
        case RefuseReason::too_many_dialogs: return "; limits.dialogs_per_call is the limit";
        case RefuseReason::too_many_messages:
            return "; limits.messages_per_second is the limit, and limits.message_burst";
        case RefuseReason::too_many_registrations:
            return "; limits.registrations and limits.registrations_per_host are the limits";
        case RefuseReason::no_outside_port:
            return "; nat.media_ports is used up, or one of limits.bindings and limits.bindings_per_host";
        case RefuseReason::outside_port_reserved:
            return "; nat.reserved_ports has it, or a program of this host is bound to it (ss -tulpn)";
        case RefuseReason::blocked: return "; messenger-algctl unblock lets it again";
        case RefuseReason::too_many_flows: return "; limits.flows is the limit";
        default: return "";
    }
}

[[nodiscard]] std::string_view remedy(alg::Error error) {
    switch (error) {
        case alg::Error::too_large: return "; limits.head_bytes and limits.body_bytes are the limits";
        case alg::Error::too_many_headers: return "; limits.headers is the limit";
        case alg::Error::too_many_media: return "; limits.media is the limit";
        default: return "";
    }
}

[[nodiscard]] std::string_view remedy(alg::OpaqueReason reason) {
    switch (reason) {
        case alg::OpaqueReason::too_large: return "; limits.head_bytes is the limit";
        case alg::OpaqueReason::too_much_early_data:
            return "; limits.pending_bytes, limits.pending_segments and limits.buffered_bytes are the limits";
        case alg::OpaqueReason::too_much_held:
            return "; nat.hold_bytes and nat.hold_packets are the limits, for all connections a quarter of "
                   "queue.length";
        case alg::OpaqueReason::held_too_long: return "; nat.hold_time is the limit";
        default: return "";
    }
}

/// Whether the connection is SIP as far as was seen, only that it cannot be followed any more.
[[nodiscard]] bool is_still_sip(alg::OpaqueReason reason) {
    return reason != alg::OpaqueReason::not_sip && reason != alg::OpaqueReason::beginning_not_seen;
}

}  // namespace

void EventLog::on_plan(const alg::Plan& plan, alg::TimePoint /*now*/) {
    if (plan.first_edit) ++counts_.edited_connections;
    for (const alg::Event& event : plan.events) {
        std::visit([this](const auto& one) { on(one); }, event);
    }
}

void EventLog::on(const alg::MessageEvent& event) {
    ++counts_.messages;
    if (!log_.writes(LogLevel::debug)) return;
    const std::string from = event.tuple.source.to_string();
    const std::string to = event.tuple.destination.to_string();
    if (event.request) {
        log_.debug("message", "{} -> {} {} {} call {}", from, to, event.method, event.request_uri, event.call_id);
    } else {
        log_.debug("message", "{} -> {} {} {} ({}) call {}", from, to, event.status, event.reason, event.method,
                   event.call_id);
    }
}

void EventLog::on(const alg::MediaEvent& event) {
    if (!log_.writes(LogLevel::debug)) return;
    log_.debug("media", "{} {} {} at {} port {} by {} call {}", event.answer ? "answer" : "offer", event.media,
               event.protocol, event.address, event.port, event.tuple.source.address.to_string(), event.call_id);
}

void EventLog::on(const alg::SessionEvent& event) {
    count(counts_.sessions, event.kind);
    if (!log_.writes(LogLevel::info)) return;
    const bool nothing = !opens_ports(event.kind) && event.kind != alg::SessionKind::instant_messages;
    log_.info("session", "{} offers {} {} ({}){}, call {}", event.tuple.source.to_string(),
              event.tuple.destination.to_string(), describe(event.kind), event.what,
              nothing ? ": it passes and opens nothing" : "", event.call_id);
}

void EventLog::on(const alg::OpenEvent& event) {
    ++counts_.opened;
    if (observing_) ++counts_.observed;
    if (!log_.writes(LogLevel::info)) return;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(event.timeout).count();
    log_.info("open", "{} {} {} for {}, {} {}, {} s to the first packet, call {}{}",
              observing_ ? "only looking on, else opened" : "opened", protocol_of(event.key.transport),
              event.key.inside.to_string(), remote_of(event.key), name(event.purpose.kind), name(event.purpose.role),
              seconds, event.call_id,
              event.remote_is_private ? " (any host, because the peer's SDP names a private address)" : "");
}

void EventLog::on(const alg::CloseEvent& event) {
    count(counts_.closed, event.reason);
    if (!log_.writes(LogLevel::info)) return;
    log_.info("close", "closed {} {} for {}, {} {}, reason {}, call {}", protocol_of(event.key.transport),
              event.key.inside.to_string(), remote_of(event.key), name(event.purpose.kind), name(event.purpose.role),
              name(event.reason), event.call_id);
}

void EventLog::on(const alg::RefuseEvent& event) {
    count(counts_.refused, event.reason);
    if (!log_.writes(LogLevel::notice)) return;
    std::string asked;
    if (event.announced) {
        asked = " asked for " + alg::Endpoint{*event.announced, event.port}.to_string();
        if (event.last_port > event.port) asked += '-' + std::to_string(event.last_port);
    } else if (event.port != 0) {
        asked = " asked for port " + std::to_string(event.port);
    }
    std::string why;
    if (event.reason == RefuseReason::not_understood) why = ": " + std::string(alg::describe(event.error));
    if (event.allowed.last != 0) {
        why = " (" + std::to_string(event.allowed.first) + '-' + std::to_string(event.allowed.last) + ')';
    }
    if (event.owner) why = " (" + event.owner->to_string() + ')';
    log_.notice(name(event.reason), "refused: {}{}{} (sending to {}){}: {}{}{}, call {}",
                event.tuple.source.to_string(), event.user.empty() ? "" : " of ", event.user,
                event.tuple.destination.to_string(), asked, describe(event.reason), why,
                event.reason == RefuseReason::not_understood ? remedy(event.error) : remedy(event.reason),
                event.call_id.empty() ? "unknown" : event.call_id);
}

void EventLog::on(const alg::OpaqueEvent& event) {
    count(counts_.opaque, event.reason);
    log_.notice(name(event.reason), "{}: the TCP connection {} -> {} passes uninspected and opens nothing: {}{}",
                is_still_sip(event.reason) ? "given up" : "not SIP", event.tuple.source.to_string(),
                event.tuple.destination.to_string(), describe(event.reason), remedy(event.reason));
}

void EventLog::on(const alg::RegistrationEvent& event) {
    ++counts_.registrations;
    if (!log_.writes(LogLevel::info)) return;
    if (event.seconds == 0) {
        log_.info("register", "{} has signed off at {}", event.contact.to_string(),
                  event.tuple.source.address.to_string());
    } else {
        log_.info("register", "{} is registered at {} for {} s", event.contact.to_string(),
                  event.tuple.source.address.to_string(), event.seconds);
    }
}

void EventLog::on(const alg::EditEvent& event) {
    ++counts_.edited;
    for (std::size_t i = 0; i < event.edits->size(); ++i) counts_.edited_bytes += (*event.edits)[i].replacement.size();
    if (event.declines_compression) {
        log_.info("compression",
                  "{} offers {} to compress their connection: the offer goes on unknown, so it stays readable",
                  event.tuple.source.to_string(), event.tuple.destination.to_string());
    }
    if (!log_.writes(LogLevel::debug)) return;
    for (const alg::ChangedLine& line : alg::changed_lines(*event.edits)) {
        log_.debug("edit", "{} -> {} {} {}, call {}", event.tuple.source.to_string(),
                   event.tuple.destination.to_string(), line.added ? '+' : '-', line.text, event.call_id);
    }
}

}  // namespace messenger::daemon
