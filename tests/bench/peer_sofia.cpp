// SPDX-License-Identifier: GPL-2.0-or-later
// sofia-sip reading the same INVITE. A file of its own: its names clash with those of the other stack.
#include <benchmark/benchmark.h>

#include <sofia-sip/msg.h>
#include <sofia-sip/sdp.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/su_alloc.h>

#include "tests/bench/invite.h"

namespace {

using messenger::bench::count_bytes;
using messenger::bench::kInvite;

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

}  // namespace
