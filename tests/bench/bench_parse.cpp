// SPDX-License-Identifier: GPL-2.0-or-later
// Reading one INVITE with its SDP: ours, the parsers of two SIP stacks, and the bare scan for line ends that no parser
// can do without.
#include <benchmark/benchmark.h>

#include <cstring>
#include <string>

#include <osipparser2/osip_message.h>
#include <osipparser2/osip_parser.h>
#include <osipparser2/sdp_message.h>
#include <sofia-sip/msg.h>
#include <sofia-sip/sdp.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/su_alloc.h>

#include "alg/sdp/sdp.h"
#include "alg/sip/message.h"
#include "tests/bench/invite.h"

namespace {

const std::string kInvite = messenger::bench::invite("0f3c9a77d2@10.1.2.3", "10.1.2.3");

void count_bytes(benchmark::State& state) {
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(kInvite.size()));
}

void ours(benchmark::State& state) {
    const messenger::alg::Limits limits;
    messenger::alg::SipMessageView message;
    messenger::alg::SdpView sdp;
    for (auto _ : state) {
        const bool good = message.parse(kInvite, limits) && sdp.parse(message.body(), limits);
        if (!good) state.SkipWithError("not understood");
        benchmark::DoNotOptimize(message.from_tag());
        benchmark::DoNotOptimize(sdp.media().size());
    }
    count_bytes(state);
}
BENCHMARK(ours);

void libosip2(benchmark::State& state) {
    parser_init();
    for (auto _ : state) {
        osip_message_t* message = nullptr;
        osip_message_init(&message);
        sdp_message_t* sdp = nullptr;
        sdp_message_init(&sdp);
        osip_body_t* body = nullptr;
        const bool good = osip_message_parse(message, kInvite.data(), kInvite.size()) == 0 &&
                          osip_message_get_body(message, 0, &body) == 0 && sdp_message_parse(sdp, body->body) == 0;
        if (!good) state.SkipWithError("not understood");
        sdp_message_free(sdp);
        osip_message_free(message);
    }
    count_bytes(state);
}
BENCHMARK(libosip2);

void sofia_sip(benchmark::State& state) {
    su_home_t home{};
    home.suh_size = sizeof home;
    su_home_init(&home);
    for (auto _ : state) {
        msg_t* message = msg_make(sip_default_mclass(), 0, kInvite.data(), static_cast<ssize_t>(kInvite.size()));
        const sip_t* sip = message != nullptr ? sip_object(message) : nullptr;
        const sip_payload_t* payload = sip != nullptr ? sip->sip_payload : nullptr;
        if (payload == nullptr) {
            state.SkipWithError("not understood");
            break;
        }
        sdp_parser_t* parser = sdp_parse(&home, payload->pl_data, static_cast<issize_t>(payload->pl_len), 0);
        if (sdp_session(parser) == nullptr) state.SkipWithError("SDP not understood");
        sdp_parser_free(parser);
        msg_destroy(message);
    }
    su_home_deinit(&home);
    count_bytes(state);
}
BENCHMARK(sofia_sip);

void line_scan(benchmark::State& state) {
    for (auto _ : state) {
        std::size_t lines = 0;
        const char* at = kInvite.data();
        const char* const end = at + kInvite.size();
        while (at != end) {
            const void* found = std::memchr(at, '\n', static_cast<std::size_t>(end - at));
            if (found == nullptr) break;
            at = static_cast<const char*>(found) + 1;
            ++lines;
        }
        benchmark::DoNotOptimize(lines);
    }
    count_bytes(state);
}
BENCHMARK(line_scan);

}  // namespace

BENCHMARK_MAIN();
