// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/part_options.h"

#include <chrono>
#include <numeric>

#include "daemon/gateway/schema_options.h"

namespace messenger::daemon {

PinholeSync::Options sync_options(const Config& config, const nft::SchemaOptions& schema) {
    PinholeSync::Options options;
    options.marks = marks_of(config);
    options.admit = config.passage.mode == Passage::admit;
    options.admitted = schema.admitted_silence;
    options.first_packet = std::chrono::duration_cast<std::chrono::seconds>(config.limits.first_packet);
    options.sip_ports = config.sip.ports;
    options.nat = !config.nat.interfaces.empty();
    options.tls = schema.tls.has_value();
    options.longest_call = config.limits.call;
    return options;
}

QueueOptions queue_options(const Config& config) {
    QueueOptions options;
    const NumberRange& range = config.queue.signalling;
    options.queues.resize(static_cast<std::size_t>(range.last - range.first) + 1);
    std::iota(options.queues.begin(), options.queues.end(), range.first);
    if (config.passage.mode == Passage::admit) options.queues.push_back(config.queue.admit);
    options.length = config.queue.length;
    options.fail_open = config.queue.on_overload == Fallback::accept;
    options.fallback = config.queue.fallback == Fallback::accept ? Verdict::Action::accept : Verdict::Action::drop;
    return options;
}

ControlOptions control_options(const Config& config) {
    ControlOptions options;
    options.path = config.control.socket;
    if (!config.control.group.empty()) options.group = find_group(config.control.group);
    return options;
}

Pipeline::Options pipeline_options(const Config& config) {
    Pipeline::Options options;
    options.marks = marks_of(config);
    if (config.passage.mode == Passage::admit) options.admit_queue = config.queue.admit;
    options.fallback = config.queue.fallback == Fallback::accept ? Verdict::Action::accept : Verdict::Action::drop;
    return options;
}

}  // namespace messenger::daemon
