// SPDX-License-Identifier: GPL-2.0-or-later
// Every view lies inside the text, the sections are the text from the first m= line to the end, and what was read does
// not depend on what the view held before. Candidates are read from each section too.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "alg/sdp/candidate.h"
#include "alg/sdp/sdp.h"
#include "tests/fuzz/require.h"

namespace {

using messenger::alg::Limits;
using messenger::alg::SdpConnection;
using messenger::alg::SdpMedia;
using messenger::alg::SdpView;
using messenger::test::lies_inside;
using messenger::test::require;

void check_connection(std::string_view text, const SdpConnection& connection) {
    require(lies_inside(text, connection.text), "connection inside");
    if (connection.kind != SdpConnection::Kind::address) return;
    require(!connection.address.is_multicast(), "a group is no address");
    require(messenger::alg::IpAddress::parse(connection.text) == connection.address, "same address");
}

void check_media(std::string_view text, const SdpMedia& media) {
    for (const auto part : {media.media, media.protocol, media.formats, media.setup, media.section}) {
        require(lies_inside(text, part), "media inside");
    }
    check_connection(text, media.connection);
    check_connection(text, media.rtcp_connection);
    require(media.port_count >= 1 && !media.media.empty() && !media.protocol.empty(), "m= fields");
    require(media.section.starts_with("m="), "section begins with m=");
    messenger::alg::CandidateReader candidates(media.section);
    while (const auto candidate = candidates.next()) {
        require(lies_inside(media.section, candidate->address_text), "candidate inside");
    }
}

void check_equal(const SdpMedia& left, const SdpMedia& right) {
    require(left.port == right.port && left.port_count == right.port_count, "same ports");
    require(left.rtcp_port == right.rtcp_port && left.rtcp_mux == right.rtcp_mux, "same RTCP");
    require(left.connection.kind == right.connection.kind, "same kind of connection");
    require(left.connection.address == right.connection.address, "same connection");
    require(left.direction == right.direction && left.setup == right.setup, "same direction and setup");
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static SdpView used;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const Limits limits;
    SdpView fresh;
    const auto result = used.parse(text, limits);
    require(fresh.parse(text, limits).has_value() == result.has_value(), "same outcome");
    require(used.media().size() == fresh.media().size(), "same number of media");
    require(used.media().size() <= limits.media, "limit of media");
    if (!result) return 0;

    check_connection(text, used.connection());
    check_connection(text, used.origin());
    std::size_t covered = 0;
    for (std::size_t i = 0; i < used.media().size(); ++i) {
        check_media(text, used.media()[i]);
        check_equal(used.media()[i], fresh.media()[i]);
        covered += used.media()[i].section.size();
    }
    if (covered == 0) return 0;
    const char* const first = used.media()[0].section.data();
    require(first + covered == text.data() + text.size(), "sections cover the rest of the text");
    return 0;
}
