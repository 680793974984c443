// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "alg/nat/edit_list.h"
#include "alg/nat/translation.h"
#include "alg/sdp/sdp.h"

namespace messenger::alg {

/// Edits the addresses of one session description, IPv4 alone. sdp: parsed from a part of edits.text().
///
/// A c= line and the ports under it change together or not at all: all media under it must have a translation, to one
/// address. Media that nobody connects to (port 0, instant messages, the active side of a TCP medium) do not count;
/// under such media alone the c= line becomes Translation::address. Names, groups and 0.0.0.0 (hold) stay. o= follows
/// the session's c=, or the first c= of a medium when the session has none, if it names the same address. On hold
/// (0.0.0.0) it becomes Translation::address: o= has to be the same in all of a session (RFC 3264 section 8).
///
/// m= keeps its /n, and gets port 0 where the translation refuses. a=rtcp follows its own endpoint. If RTCP was implied
/// to be on the next port, and is not there outside, a medium gets an a=rtcp line (RFC 3605).
///
/// ICE: host candidates change together with the default (c=, m=) that must be one of them (RFC 8839 section 4.2.1);
/// a medium whose default is something else, such as a relay, stays as it is. Server-reflexive and relayed candidates,
/// raddr and rport stay. In a=remote-candidates (RFC 8839 section 5.2), which repeats candidates of the receiver, every
/// endpoint that has a translation changes.
/// True if an endpoint changed that is the session's own, and not just the receiver's that it repeats.
bool rewrite_sdp(const SdpView& sdp, const Translation& translation, EditList& edits);

}  // namespace messenger::alg
