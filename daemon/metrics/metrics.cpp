// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/metrics/metrics.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <string_view>
#include <utility>

#include <prometheus/text_serializer.h>

#include "daemon/commands/nat_numbers.h"
#include "daemon/commands/queue_numbers.h"

namespace messenger::daemon {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

[[nodiscard]] double seconds(alg::Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

/// Families being made.
class Collector {
   public:
    using Labels = std::vector<ClientMetric::Label>;

    void gauge(std::string_view name, std::string_view help, std::size_t value) {
        begin(MetricType::Gauge, name, help);
        add({}, static_cast<double>(value));
    }
    void counter(std::string_view name, std::string_view help, std::uint64_t value) {
        begin(MetricType::Counter, name, help);
        add({}, static_cast<double>(value));
    }
    /// Values follow by add().
    void begin(MetricType type, std::string_view name, std::string_view help) {
        MetricFamily& family = families_.emplace_back();
        family.name = "messenger_alg_" + std::string(name);
        family.help = help;
        family.type = type;
    }
    void add(Labels labels, double value) {
        ClientMetric& metric = families_.back().metric.emplace_back();
        metric.label = std::move(labels);
        metric.counter.value = value;
        metric.gauge.value = value;
    }
    /// One value for each enumerator.
    template <class Reason, std::size_t size>
    void by_reason(std::string_view name, std::string_view help, const std::array<std::uint64_t, size>& counts,
                   std::string_view label = "reason") {
        begin(MetricType::Counter, name, help);
        for (std::size_t i = 0; i < size; ++i) {
            const std::string_view reason = alg::name(static_cast<Reason>(i));
            add({{std::string(label), std::string(reason)}}, static_cast<double>(counts.at(i)));
        }
    }
    void histogram(std::string_view name, std::string_view help, const LatencyHistogram& histogram) {
        begin(MetricType::Histogram, name, help);
        ClientMetric& metric = families_.back().metric.emplace_back();
        std::uint64_t count = 0;
        for (std::size_t i = 0; i < LatencyHistogram::kBounds.size(); ++i) {
            count += histogram.counts().at(i);
            metric.histogram.bucket.push_back({count, seconds(LatencyHistogram::kBounds.at(i))});
        }
        metric.histogram.sample_count = count + histogram.counts().back();
        metric.histogram.sample_sum = seconds(histogram.sum());
    }
    [[nodiscard]] std::vector<MetricFamily> take() { return std::move(families_); }

   private:
    std::vector<MetricFamily> families_;
};

void collect_calls(Collector& to, const DaemonParts& parts) {
    const auto& calls = parts.engine.calls().all();
    const auto live = std::count_if(calls.begin(), calls.end(), [](const auto& call) { return call.second.alive(); });
    to.gauge("calls", "Calls that are up or being made.", static_cast<std::size_t>(live));
    to.counter("calls_total", "Calls that have been seen.", parts.journal.counters().calls);
    std::map<alg::Purpose, std::size_t> open;
    for (const auto kind : {alg::MediaKind::audio, alg::MediaKind::video}) {
        for (const auto role : {alg::PortRole::rtp, alg::PortRole::rtcp}) open[{kind, role}] = 0;
    }
    for (const auto& [key, pinhole] : parts.engine.pinholes().all()) ++open[pinhole.purpose];
    to.begin(MetricType::Gauge, "pinholes", "Pinholes that are open.");
    for (const auto& [purpose, number] : open) {
        to.add({{"kind", std::string(alg::name(purpose.kind))}, {"role", std::string(alg::name(purpose.role))}},
               static_cast<double>(number));
    }
    to.gauge("registrations", "Contacts that a registrar has accepted.", parts.engine.registrations().size());
    to.gauge("tcp_connections", "TCP connections under inspection.", parts.engine.connections());
    to.gauge("tls_connections", "Connections to TLS servers that keep static ranges open.", parts.engine.tls().live());
    to.gauge("one_way_streams", "Audio streams that flow one way only.", parts.media.one_way_now());
    to.counter("one_way_streams_total", "Audio streams that have been found so.", parts.media.counters().one_way);
    to.gauge("journal_bytes", "Memory for what is remembered of calls.", parts.journal.memory());
}

void collect_decisions(Collector& to, const DaemonParts& parts) {
    const EventCounts& events = parts.events.counts();
    const alg::Counters& engine = parts.engine.counters();
    to.counter("messages_total", "SIP messages that were understood.", engine.messages);
    to.counter("messages_not_understood_total", "SIP messages that were not.", engine.not_understood);
    to.counter("messages_over_rate_total", "SIP messages passed unread, for their sender sent too many.",
               engine.over_rate);
    to.counter("not_sip_datagrams_total", "Keep-alives and the like on a SIP port.", engine.not_sip_datagrams);
    to.counter("unreadable_packets_total", "Packets that are neither UDP nor TCP, or broken.",
               engine.unreadable_packets);
    to.counter("pinholes_opened_total", "Pinholes that were opened.", events.opened);
    to.by_reason<alg::CloseReason>("pinholes_closed_total", "Pinholes that were closed.", events.closed);
    to.by_reason<alg::RefuseReason>("refusals_total", "What messages asked for and did not get.", events.refused);
    to.by_reason<alg::OpaqueReason>("opaque_flows_total", "TCP connections that are no SIP, or no longer.",
                                    events.opaque);
    to.by_reason<alg::SessionKind>("sessions_total", "What calls, and invitations in them, have been about.",
                                   events.sessions, "kind");
    to.gauge("observing", "1 while the daemon only looks on.", parts.steering.observing() ? 1 : 0);
    to.gauge("blocked_hosts", "Hosts that an operator has blocked.", parts.steering.blocked().size());
}

void collect_kernel(Collector& to, const DaemonParts& parts) {
    const PinholeSync::Counters& sync = parts.sync.counters();
    to.counter("transactions_total", "Changes of the kernel's sets.", sync.transactions);
    to.counter("transaction_failures_total", "Those that the kernel refused, tables that could not be made among them.",
               sync.failures);
    to.counter("turned_down_total",
               "What calls wanted opened and the configuration does not allow, as after a change of it.",
               sync.turned_down);
    to.counter("elements_refused_total", "Elements that the warden left out of a change, for its view was another.",
               sync.refused);
    to.gauge("table_missing", "1 while the table is not there, or not whole, and cannot be made.",
             parts.sync.lacks_table() ? 1 : 0);
    to.counter("unproven_total",
               "Openings that waited for another message, because the kernel had not heard their inside host.",
               sync.unproven);
    to.counter("table_installs_total", "How often the table was made, the start included.", sync.reinstalls);
    to.counter("flows_seeded_total", "Conntrack entries made when a call was answered.", sync.seeded);
    to.counter("flows_admitted_total", "Conntrack entries made at the first packet of a flow.", sync.admitted);
    to.counter("flows_not_seeded_total", "Flows of both that no conntrack entry could be made for.", sync.not_seeded);
    to.counter("flows_untracked_total", "Flows of signalling that conntrack has no entry of, as in a zone of its own.",
               parts.tracking.count());
    to.counter("admissions_full_total",
               "Changes that found no room to note that a flow is admitted: its packets go through the queue.",
               sync.no_room);
    to.histogram("transaction_seconds", "Time for one change of the kernel's sets.", parts.sync.commit_times());
    to.histogram("batch_seconds", "Time to decide about the packets of one wake-up.", parts.latencies.batch);
    to.histogram("verdict_seconds", "Time from reading a packet to its verdict.", parts.latencies.verdict);
}

void collect_queue(Collector& to, const DaemonParts& parts) {
    const QueueCounters& queue = parts.queue.counters();
    to.counter("packets_total", "Packets that came through the queues.", queue.packets);
    to.counter("fallback_verdicts_total", "Packets that got the fallback verdict.",
               parts.pipeline.counters().fallbacks);
    to.counter("verdict_errors_total", "Verdicts that the kernel did not take.", queue.verdict_errors);
    to.counter("verdicts_turned_down_total", "Verdicts that the warden did not give; it dropped their packets.",
               parts.warden ? parts.warden->verdicts_turned_down() : 0);
    to.counter("queue_overruns_total", "Times that packets did not fit into the daemon's buffer.", queue.overruns);
    to.begin(MetricType::Gauge, "gather_seconds", "How long packets wait for others at present, to be read together.");
    to.add({}, seconds(parts.gathering.interval()));
    to.gauge("queue_unread_bytes", "Memory of packets that the daemon has not read yet.", parts.queue.unread_bytes());
    to.counter("queue_unread_packets_total", "Packets that found a queue full and were never read.",
               parts.unread.count());
    const auto statistics = queue_numbers(parts);
    const auto number = [](const QueueStatistics& one) { return std::to_string(one.queue); };
    to.begin(MetricType::Gauge, "queue_waiting", "Packets that wait in the kernel's queue.");
    for (const QueueStatistics& one : statistics) to.add({{"queue", number(one)}}, one.waiting);
    to.begin(MetricType::Counter, "queue_dropped_total", "Packets that the kernel's queue dropped.");
    for (const QueueStatistics& one : statistics) {
        if (one.queue_dropped) to.add({{"queue", number(one)}, {"reason", "full"}}, *one.queue_dropped);
        to.add({{"queue", number(one)}, {"reason", "buffer"}}, one.user_dropped);
    }
}

void collect_edits(Collector& to, const DaemonParts& parts) {
    const EventCounts& events = parts.events.counts();
    const alg::Counters& engine = parts.engine.counters();
    to.counter("edited_messages_total", "Messages that left other than they came.", events.edited);
    to.counter("edited_bytes_total", "Bytes put into them.", events.edited_bytes);
    to.counter("edited_connections_total", "TCP connections that carried such messages.", events.edited_connections);
    to.counter("unedited_messages_total", "Messages that should have been edited and could not be.", engine.unedited);
    to.counter("not_translated_flows_total", "Flows by an outside interface that the kernel does not translate.",
               engine.not_translated);
    to.gauge("held_packets", "TCP packets that wait for the rest of their message.", parts.pipeline.held_now());
    to.counter("held_packets_total", "Those that have waited.", parts.pipeline.counters().held);
    const auto counted = parts.schema.guard_counts();
    const nft::GuardCounts guard = counted ? *counted : nft::GuardCounts{};
    to.begin(MetricType::Counter, "guard_segments_total",
             "Segments of edited connections that no daemon saw to, since the table was made.");
    to.add({{"fate", "dropped"}}, static_cast<double>(guard.waited));
    to.add({{"fate", "reset"}}, static_cast<double>(guard.reset));
}

void collect_nat(Collector& to, const DaemonParts& parts) {
    to.begin(MetricType::Gauge, "outside_ports", "Ports of outside addresses; free ones are those of nat.media_ports.");
    for (const OutsideNumbers& one : outside_numbers(parts)) {
        const std::string address = one.address ? one.address->to_string() : "";
        for (const auto& [transport, ports] : {std::pair{"udp", one.udp}, std::pair{"tcp", one.tcp}}) {
            for (const auto& [state, number] : {std::pair{"used", ports.used}, std::pair{"lingering", ports.lingering},
                                                std::pair{"free", ports.free}}) {
                to.add({{"interface", one.interface}, {"address", address}, {"transport", transport}, {"state", state}},
                       static_cast<double>(number));
            }
        }
    }
    to.gauge("callbacks",
             "Registrars that may reach an inside host at its Contact, and servers and peers of calls that may.",
             parts.engine.callbacks().all().size());
}

}  // namespace

std::vector<MetricFamily> collect_metrics(const DaemonParts& parts) {
    Collector to;
    to.begin(MetricType::Gauge, "info", "The daemon's version.");
    to.add({{"version", MESSENGER_VERSION}}, 1);
    to.gauge("uptime_seconds", "Time since the daemon's start.",
             static_cast<std::size_t>(
                 std::chrono::duration_cast<std::chrono::seconds>(parts.loop.now() - parts.started).count()));
    collect_calls(to, parts);
    collect_decisions(to, parts);
    collect_kernel(to, parts);
    collect_queue(to, parts);
    collect_edits(to, parts);
    collect_nat(to, parts);
    to.counter("control_refused_total", "Connections to the control socket without permission.",
               parts.control.counters().refused);
    return to.take();
}

std::string metrics_text(const std::vector<MetricFamily>& families) {
    return prometheus::TextSerializer().Serialize(families);
}

nlohmann::json metrics_json(const std::vector<MetricFamily>& families) {
    nlohmann::json list = nlohmann::json::array();
    for (const MetricFamily& family : families) {
        for (const ClientMetric& metric : family.metric) {
            nlohmann::json labels = nlohmann::json::object();
            for (const auto& label : metric.label) labels[label.name] = label.value;
            nlohmann::json object = {{"name", family.name}, {"labels", std::move(labels)}};
            if (family.type == MetricType::Histogram) {
                object["count"] = metric.histogram.sample_count;
                object["sum"] = metric.histogram.sample_sum;
            } else {
                object["value"] = metric.gauge.value;
            }
            list.push_back(std::move(object));
        }
    }
    return list;
}

}  // namespace messenger::daemon
