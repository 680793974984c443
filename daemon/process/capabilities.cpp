// SPDX-License-Identifier: GPL-2.0-or-later
#include <cap-ng.h>
#include <sys/prctl.h>

#include <optional>
#include <stdexcept>

#include "daemon/process/privileges.h"

namespace messenger::daemon {

namespace {

/// none: nothing is kept.
void keep(std::optional<unsigned> capability) {
    if (capng_get_caps_process() != 0) throw std::runtime_error("reading the capabilities of this process failed");
    if (capability && capng_have_capability(CAPNG_PERMITTED, *capability) == 0) {
        throw std::runtime_error("CAP_NET_ADMIN is missing; start as root, or by the unit that grants it");
    }
    // Without CAP_SETPCAP the bounding set cannot be emptied; a unit that grants CAP_NET_ADMIN alone has done it for
    // us, and no_new_privs below makes what is left of it worthless.
    const bool may_empty_bounding = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) != 0;
    const auto everything =
        may_empty_bounding ? CAPNG_SELECT_ALL : static_cast<capng_select_t>(CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT);
    capng_clear(everything);
    const auto kept = static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED);
    if ((capability && capng_update(CAPNG_ADD, kept, *capability) != 0) || capng_apply(everything) != 0) {
        throw std::runtime_error("giving up capabilities failed");
    }
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) throw std::runtime_error("setting no_new_privs failed");
}

}  // namespace

void keep_only_net_admin() {
    keep(CAP_NET_ADMIN);
}

void keep_no_capability() {
    keep(std::nullopt);
}

}  // namespace messenger::daemon
