// SPDX-License-Identifier: GPL-2.0-or-later
// libosip2 reading the same INVITE. A file of its own: its names clash with those of the other stack.
#include <benchmark/benchmark.h>

#include <sys/time.h>

#include <osipparser2/osip_message.h>
#include <osipparser2/osip_parser.h>
#include <osipparser2/sdp_message.h>

#include "tests/bench/invite.h"

namespace {

using messenger::bench::count_bytes;
using messenger::bench::kInvite;

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

}  // namespace
