// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "alg/plan.h"
#include "alg/sdp/invitation.h"
#include "alg/sdp/sdp.h"

namespace messenger::alg {

/// What an m= line offers.
[[nodiscard]] SessionKind kind_of(const SdpMedia& media);
/// What an invitation is to, by its Application-GUID. For an INVITE: other commands carry none.
[[nodiscard]] SessionKind kind_of(const InvitationView& invitation);
/// Messenger's sharing and whiteboard, "m=application 1503 tcp msdata" ([MS-SDP] 3.1.5.2.1), whatever its port.
[[nodiscard]] bool is_sharing(const SdpMedia& media);

}  // namespace messenger::alg
