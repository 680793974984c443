// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/sdp/candidate.h"

#include <array>

#include "alg/base/text.h"

namespace messenger::alg {

namespace {

constexpr std::uint32_t kMaxComponent = 256;
constexpr std::size_t kWords = 8;  // up to and with the type

[[nodiscard]] bool read_endpoint(std::string_view address, std::string_view port, IceCandidate& candidate) {
    const auto ip = IpAddress::parse(address);
    const auto number = parse_number(port, UINT16_MAX);
    if (!ip || !number) return false;
    candidate.endpoint = {*ip, static_cast<std::uint16_t>(*number)};
    candidate.address_text = address;
    candidate.port_text = port;
    return true;
}

[[nodiscard]] bool read_type(std::string_view word, CandidateType& type) {
    if (equals_ignoring_case(word, "host")) {
        type = CandidateType::host;
    } else if (equals_ignoring_case(word, "srflx")) {
        type = CandidateType::srflx;
    } else if (equals_ignoring_case(word, "prflx")) {
        type = CandidateType::prflx;
    } else if (equals_ignoring_case(word, "relay")) {
        type = CandidateType::relay;
    } else {
        return false;
    }
    return true;
}

/// extensions: name and value pairs behind the type, raddr and rport among them.
[[nodiscard]] bool read_transport(std::string_view word, std::string_view extensions, CandidateTransport& transport) {
    if (equals_ignoring_case(word, "UDP")) {
        transport = CandidateTransport::udp;
        return true;
    }
    if (equals_ignoring_case(word, "TCP-ACT")) {
        transport = CandidateTransport::tcp_active;
        return true;
    }
    if (equals_ignoring_case(word, "TCP-PASS")) {
        transport = CandidateTransport::tcp_passive;
        return true;
    }
    if (!equals_ignoring_case(word, "TCP")) return false;
    for (auto name = next_word(extensions); !name.empty(); name = next_word(extensions)) {
        const auto value = next_word(extensions);
        if (name != "tcptype") continue;
        transport = value == "active" ? CandidateTransport::tcp_active : CandidateTransport::tcp_passive;
        return value == "active" || value == "passive" || value == "so";
    }
    return false;
}

[[nodiscard]] bool read_candidate(std::string_view value, IceCandidate& candidate) {
    std::array<std::string_view, kWords> word;
    for (auto& each : word) each = next_word(value);
    const auto component = parse_number(word[1], kMaxComponent);
    if (!component || *component == 0) return false;
    candidate.component = static_cast<std::uint16_t>(*component);

    if (equals_ignoring_case(word[6], "typ")) {
        return read_transport(word[2], value, candidate.transport) && read_type(word[7], candidate.type) &&
               read_endpoint(word[4], word[5], candidate);
    }
    candidate.draft06 = true;
    const bool tcp = equals_ignoring_case(word[3], "TCP");
    if (!tcp && !equals_ignoring_case(word[3], "UDP")) return false;
    candidate.transport = tcp ? CandidateTransport::tcp_passive : CandidateTransport::udp;
    return read_endpoint(word[5], word[6], candidate);
}

}  // namespace

std::optional<IceCandidate> CandidateReader::next() {
    constexpr std::array<std::string_view, 2> kNames{"a=candidate:", "a=x-candidate-ipv6:"};
    std::string_view line;
    while (lines_.next(line)) {
        for (const std::string_view name : kNames) {
            if (!line.starts_with(name)) continue;
            IceCandidate candidate;
            if (read_candidate(line.substr(name.size()), candidate)) return candidate;
            ++unreadable_;
        }
    }
    return std::nullopt;
}

}  // namespace messenger::alg
