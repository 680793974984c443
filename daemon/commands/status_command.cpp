// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/commands/status_command.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <utility>

#include "daemon/commands/nat_numbers.h"
#include "daemon/commands/queue_numbers.h"

namespace messenger::daemon {

namespace {

using nlohmann::json;

[[nodiscard]] std::size_t live_calls(const alg::Engine& engine) {
    const auto& calls = engine.calls().all();
    return static_cast<std::size_t>(
        std::count_if(calls.begin(), calls.end(), [](const auto& entry) { return entry.second.alive(); }));
}

template <class Counts>
[[nodiscard]] std::uint64_t sum(const Counts& counts) {
    return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

[[nodiscard]] json describe_queues(const DaemonParts& parts) {
    json queues = json::array();
    for (const QueueStatistics& queue : queue_numbers(parts)) {
        json one = {{"queue", queue.queue}, {"waiting", queue.waiting}, {"dropped_buffer", queue.user_dropped}};
        one["dropped_full"] = queue.queue_dropped ? json(*queue.queue_dropped) : json(nullptr);
        queues.push_back(std::move(one));
    }
    return queues;
}

[[nodiscard]] json describe_ports(const PortNumbers& ports) {
    return {{"used", ports.used}, {"lingering", ports.lingering}, {"free", ports.free}};
}

/// Null without NAT.
[[nodiscard]] json describe_nat(const DaemonParts& parts) {
    if (parts.outside.empty()) return nullptr;
    json interfaces = json::array();
    for (const OutsideNumbers& one : outside_numbers(parts)) {
        json object = {{"name", one.interface}, {"udp", describe_ports(one.udp)}, {"tcp", describe_ports(one.tcp)}};
        object["address"] = one.address ? json(one.address->to_string()) : json(nullptr);
        object["advertised"] = one.advertised ? json(one.advertised->to_string()) : json(nullptr);
        interfaces.push_back(std::move(object));
    }
    const EventCounts& events = parts.events.counts();
    const alg::Counters& engine = parts.engine.counters();
    const auto opaque = [&events](alg::OpaqueReason reason) {
        return events.opaque.at(static_cast<std::size_t>(reason));
    };
    json object = {{"interfaces", std::move(interfaces)},
                   {"bindings", parts.engine.bindings().size()},
                   {"callbacks", parts.engine.callbacks().all().size()},
                   {"exhausted", events.refused.at(static_cast<std::size_t>(alg::RefuseReason::no_outside_port))},
                   {"edited_messages", events.edited},
                   {"edited_bytes", events.edited_bytes},
                   {"edited_connections", events.edited_connections},
                   {"unedited_messages", engine.unedited},
                   {"not_translated", engine.not_translated},
                   {"held", parts.pipeline.held_now()},
                   {"held_total", parts.pipeline.counters().held},
                   {"too_much_held", opaque(alg::OpaqueReason::too_much_held)},
                   {"held_too_long", opaque(alg::OpaqueReason::held_too_long)}};
    if (const auto guard = parts.schema.guard_counts()) {
        object["guard_waited"] = guard->waited;
        object["guard_reset"] = guard->reset;
    }
    return object;
}

[[nodiscard]] json describe_features(const DaemonParts& parts) {
    const nft::Features& kernel = parts.features;
    const QueueFeatures& queue = parts.queue.features();
    return {{"queue", kernel.native_queue ? "native" : "xt"},
            {"conntrack_create", kernel.conntrack_create},
            {"destroy_element", kernel.destroy_element},
            {"timeout_update", kernel.timeout_update},
            {"flow_labels", kernel.flow_labels},
            {"queue_fail_open", queue.fail_open},
            {"queue_conntrack", queue.conntrack}};
}

[[nodiscard]] std::uint64_t verdicts_turned_down(const DaemonParts& parts) {
    return parts.warden ? parts.warden->verdicts_turned_down() : 0;
}

[[nodiscard]] json describe_work(const DaemonParts& parts) {
    const PinholeSync::Counters& sync = parts.sync.counters();
    const Pipeline::Counters& pipeline = parts.pipeline.counters();
    const QueueCounters& queue = parts.queue.counters();
    const EventCounts& events = parts.events.counts();
    return {{"packets", queue.packets},
            {"messages", parts.engine.counters().messages},
            {"not_understood", parts.engine.counters().not_understood},
            {"opened", events.opened},
            {"observed", events.observed},
            {"closed", sum(events.closed)},
            {"refused", sum(events.refused)},
            {"opaque", sum(events.opaque)},
            {"transactions", sync.transactions},
            {"failures", sync.failures},
            {"seeded", sync.seeded},
            {"admitted", sync.admitted},
            {"not_seeded", sync.not_seeded},
            {"no_room", sync.no_room},
            {"reinstalls", sync.reinstalls},
            {"fallbacks", pipeline.fallbacks},
            {"queue_overruns", queue.overruns},
            {"turned_down", sync.turned_down},
            {"elements_refused", sync.refused},
            {"verdict_errors", queue.verdict_errors + verdicts_turned_down(parts)},
            {"wake_ups", parts.loop.wake_ups()}};
}

[[nodiscard]] json describe_status(const DaemonParts& parts) {
    const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(parts.loop.now() - parts.started);
    json blocked = json::array();
    for (const alg::IpAddress& host : parts.steering.blocked()) blocked.push_back(host.to_string());
    return {{"version", MESSENGER_VERSION},
            {"uptime_seconds", uptime.count()},
            {"calls", live_calls(parts.engine)},
            {"pinholes", parts.engine.pinholes().size()},
            {"observed_pinholes", parts.sync.withheld()},
            {"registrations", parts.engine.registrations().size()},
            {"connections", parts.engine.connections()},
            {"bindings", parts.engine.bindings().held()},
            {"tls_connections", parts.engine.tls().live()},
            {"passage", parts.config.passage.mode == Passage::admit ? "admit" : "mark"},
            {"observe", parts.steering.observing()},
            {"blocked", std::move(blocked)},
            {"restart_needed", parts.waiting_keys},
            {"one_way", parts.media.one_way_now()},
            {"queues", describe_queues(parts)},
            {"unread_bytes", parts.queue.unread_bytes()},
            {"unread_packets", parts.unread.count()},
            {"table_missing", parts.sync.lacks_table()},
            {"nat", describe_nat(parts)},
            {"features", describe_features(parts)},
            {"counters", describe_work(parts)}};
}

}  // namespace

void add_status_command(CommandTable& commands, const DaemonParts& parts) {
    commands.add("status", [&parts](const CommandArguments& /*arguments*/) { return describe_status(parts); });
}

}  // namespace messenger::daemon
