// SPDX-License-Identifier: GPL-2.0-or-later
// libosip2. A file of its own: its names clash with those of the other stack.
#include <sys/time.h>

#include <cstdarg>

#include <osipparser2/osip_message.h>
#include <osipparser2/osip_parser.h>
#include <osipparser2/osip_port.h>
#include <osipparser2/sdp_message.h>

#include "tests/bench/samples.h"

namespace messenger::bench {

namespace {

void say_nothing(const char* /*file*/, int /*line*/, osip_trace_level_t /*level*/, const char* /*format*/,
                 va_list /*values*/) {}

[[nodiscard]] bool prepare() {
    // It prints what it does not understand among the results.
    osip_trace_initialize_func(OSIP_FATAL, say_nothing);
    return parser_init() == 0;
}

}  // namespace

bool read_with_osip(const Sample& sample) {
    static const bool ready = prepare();
    osip_message_t* message = nullptr;
    osip_message_init(&message);
    bool good = ready && osip_message_parse(message, sample.text.data(), sample.text.size()) == 0;
    if (good && sample.sdp) {
        sdp_message_t* sdp = nullptr;
        sdp_message_init(&sdp);
        osip_body_t* body = nullptr;
        good = osip_message_get_body(message, 0, &body) == 0 && sdp_message_parse(sdp, body->body) == 0;
        sdp_message_free(sdp);
    }
    osip_message_free(message);
    return good;
}

}  // namespace messenger::bench
