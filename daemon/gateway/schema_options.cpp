// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/schema_options.h"

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "daemon/translate.h"

namespace messenger::daemon {

namespace {

/// Within a transaction what is opened comes before what is closed, so for a moment there is more than the limit.
constexpr std::uint32_t kOpenedInOneTransaction = 4096;

}  // namespace

nft::MarkLayout marks_of(const Config& config) {
    return {config.marks.base_bit};
}

nft::SchemaOptions schema_options(const Config& config, const nft::Features& features, nft::QueueKind queue_kind) {
    nft::SchemaOptions options;
    options.queue_kind = queue_kind;
    options.nat_interfaces = config.nat.interfaces;
    for (const alg::Prefix& prefix : config.nat.no_rewrite) {
        options.nat_exempt.push_back({to_nft(prefix.address()), prefix.length()});
    }
    options.sees_ipsec = features.ipsec_route;
    options.tcp_reset = features.tcp_reset;
    if (features.flow_labels) options.other_label = config.marks.label;
    const NumberRange& range = config.queue.signalling;
    options.signalling_queue = {range.first, static_cast<std::uint16_t>(range.last - range.first + 1)};
    if (config.passage.mode == Passage::admit) options.admit_queue = config.queue.admit;
    if (config.passage.mode == Passage::mark) options.passage_mark = {config.passage.mark, config.passage.mark_mask};
    options.marks = marks_of(config);
    options.set_size =
        std::max(options.set_size, static_cast<std::uint32_t>(config.limits.pinholes) + kOpenedInOneTransaction);
    options.sip_ports_room = std::max(options.sip_ports_room, 2 * static_cast<std::uint32_t>(config.sip.ports.size()));
    options.media_silence = std::chrono::duration_cast<std::chrono::milliseconds>(config.limits.media_silence);
    options.stream_silence = std::chrono::duration_cast<std::chrono::milliseconds>(config.limits.stream_silence);
    if (config.tls.media == TlsMedia::static_range) {
        nft::TlsWatch& watch = options.tls.emplace();
        for (const alg::Prefix& prefix : config.tls.servers) {
            watch.servers.push_back({to_nft(prefix.address()), prefix.length()});
        }
        watch.port = config.tls.port;
        watch.silence = std::chrono::duration_cast<std::chrono::milliseconds>(config.tls.silence);
    }
    return options;
}

}  // namespace messenger::daemon
