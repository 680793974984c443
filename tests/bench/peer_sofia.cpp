// SPDX-License-Identifier: GPL-2.0-or-later
// sofia-sip. A file of its own: its names clash with those of the other stack.
#include <sofia-sip/msg.h>
#include <sofia-sip/sdp.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/su_alloc.h>

#include "tests/bench/samples.h"

namespace messenger::bench {

namespace {

/// What sofia-sip allocates from; made once, as a program does that uses it.
[[nodiscard]] su_home_t* home() {
    static su_home_t kept{};
    static const bool ready = [] {
        kept.suh_size = sizeof kept;
        return su_home_init(&kept) == 0;
    }();
    return ready ? &kept : nullptr;
}

}  // namespace

bool read_with_sofia(const Sample& sample) {
    msg_t* const message =
        msg_make(sip_default_mclass(), 0, sample.text.data(), static_cast<ssize_t>(sample.text.size()));
    const sip_t* const sip = message != nullptr ? sip_object(message) : nullptr;
    bool good = sip != nullptr && (sip->sip_request != nullptr || sip->sip_status != nullptr);
    if (good && sample.sdp) {
        const sip_payload_t* const payload = sip->sip_payload;
        sdp_parser_t* const parser =
            payload != nullptr ? sdp_parse(home(), payload->pl_data, static_cast<issize_t>(payload->pl_len), 0)
                               : nullptr;
        good = parser != nullptr && sdp_session(parser) != nullptr;
        if (parser != nullptr) sdp_parser_free(parser);
    }
    if (message != nullptr) msg_destroy(message);
    return good;
}

}  // namespace messenger::bench
