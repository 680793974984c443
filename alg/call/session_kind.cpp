// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/session_kind.h"

#include <algorithm>
#include <array>
#include <utility>

#include "alg/base/text.h"

namespace messenger::alg {

namespace {

/// Of the services that Windows Messenger knew; file transfers have a function of their own.
constexpr std::array<std::pair<std::string_view, SessionKind>, 5> kApplications{{
    {"{F1B1920C-6A3C-4ce7-B18C-AFAB305FD03D}", SessionKind::netmeeting},
    {"{44BBA842-CC51-11CF-AAFA-00AA00B6015C}", SessionKind::netmeeting},
    {"{02D3C01F-BF30-4825-A83A-DE7AF41648AA}", SessionKind::voice_invitation},
    {"{56b994a7-380f-410b-9985-c809d78c1bdc}", SessionKind::remote_assistance},  // asks for it
    {"{703EA1A8-D73E-43e3-852C-EE85B5D872C2}", SessionKind::remote_assistance},  // offers it
}};

}  // namespace

SessionKind kind_of(const SdpMedia& media) {
    if (media.transport == MediaTransport::sip) return SessionKind::instant_messages;
    if (is_sharing(media)) return SessionKind::sharing;
    if (equals_ignoring_case(media.media, "x-ms-ra")) return SessionKind::remote_assistance;
    const bool udp = media.transport == MediaTransport::rtp || media.transport == MediaTransport::udp;
    if (!udp) return SessionKind::unknown_media;
    switch (media.kind) {
        case MediaKind::audio:
        case MediaKind::video: return SessionKind::audio_video;
        case MediaKind::image: return SessionKind::fax;
        case MediaKind::application:
        case MediaKind::text:
        case MediaKind::message:
        case MediaKind::other: break;
    }
    return SessionKind::other_media;
}

SessionKind kind_of(const InvitationView& invitation) {
    if (invitation.is_file_transfer()) return SessionKind::file_transfer;
    const auto* const known = std::find_if(kApplications.begin(), kApplications.end(), [&](const auto& application) {
        return equals_ignoring_case(application.first, invitation.application_guid);
    });
    return known == kApplications.end() ? SessionKind::other_invitation : known->second;
}

bool is_sharing(const SdpMedia& media) {
    return media.kind == MediaKind::application && media.transport == MediaTransport::tcp &&
           equals_ignoring_case(trim(media.formats), "msdata");
}

}  // namespace messenger::alg
