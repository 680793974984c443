// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "alg/limits.h"
#include "alg/nat/edit_list.h"
#include "alg/nat/invitation_rewriter.h"
#include "alg/nat/translation.h"
#include "alg/net/tuple.h"
#include "alg/sdp/sdp.h"
#include "alg/sip/fields.h"
#include "alg/sip/message.h"

namespace messenger::alg {

/// What is asked of a rewriter.
struct Rewrite {
    enum class Direction : std::uint8_t {
        outbound,  ///< from an inside host: its own endpoints become outside ones
        inbound,   ///< to an inside host: outside endpoints of ours become inside ones
    };
    Direction direction = Direction::outbound;
    const Translation& translation;        // NOLINT(*-avoid-const-or-ref-data-members): lives for one call
    Transport transport = Transport::udp;  ///< of the flow: that of a URI that does not say
    /// What the sent-by port of the top Via becomes, in an outbound request or an inbound response; 0 takes the port
    /// away. Absent: Via is left alone, as it always is in the other messages.
    std::optional<std::uint16_t> via_port;
};

/// Why addresses that a message may hold were left alone.
enum class Skipped : std::uint8_t {
    none,
    encoded,      ///< Content-Encoding: the body cannot be read
    signed_body,  ///< S/MIME, or an Identity header of RFC 4474, which signs the body and the Contact
    too_many,     ///< more edits than an EditList has room for
    unreadable,   ///< a body, or a part of one, that is no SDP, no multipart or no invitation as its type says
};
[[nodiscard]] std::string_view name(Skipped reason);

/// Whether MessageRewriter::rewrite could change a body of this type. If not, the head can go on its way before the
/// body is there: rewrite_head makes the same edits.
[[nodiscard]] bool body_may_carry_addresses(std::string_view content_type, std::string_view content_encoding);

/// Makes the edits of one whole message. Big: keep one and use it again; after warming up it allocates nothing.
class MessageRewriter {
   public:
    /// Begins edits with message.whole() and fills it in: addresses in the body, in the Contact headers, the
    /// Request-URI and Via as what says, and Content-Length last. Addresses that the translation has nothing for stay,
    /// and so do From, To, Call-ID, CSeq, Expires, Route, Record-Route, and all authentication: what clients sign.
    /// When the body has to be left alone, the head is edited all the same; only an Identity header that signs the
    /// Contact keeps that as it is. When not even the head's edits fit, there are none. edits is never spoilt
    /// afterwards.
    Skipped rewrite(const SipMessageView& message, const Limits& limits, const Rewrite& what, EditList& edits);

    /// The same without the body, for a head of which no body is there (SipMessageView::parse_head), or will be looked
    /// at. Content-Length stays.
    Skipped rewrite_head(const SipMessageView& message, const Rewrite& what, EditList& edits);

    /// Of the last rewrite(): whether a session description has other endpoints of its own now. The receiver's, that
    /// it repeats as a=remote-candidates, say nothing of where its own are.
    [[nodiscard]] bool moved_session() const { return moved_session_; }

   private:
    void rewrite_headers(const SipMessageView& message, const Rewrite& what, EditList& edits);
    [[nodiscard]] Skipped rewrite_body(std::string_view content_type, std::string_view body, int nesting);
    [[nodiscard]] Skipped rewrite_parts(const ContentType& type, std::string_view body, int nesting);

    SdpView sdp_;
    InvitationHeaderRewriter invitation_header_;
    // Of the call to rewrite() under way.
    const Limits* limits_ = nullptr;
    const Translation* translation_ = nullptr;
    EditList* edits_ = nullptr;
    bool moved_session_ = false;
};

}  // namespace messenger::alg
