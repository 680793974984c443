// SPDX-License-Identifier: GPL-2.0-or-later
// A candidate's texts lie inside the section and say what the endpoint says.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "alg/base/text.h"
#include "alg/sdp/candidate.h"
#include "tests/fuzz/require.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using messenger::test::lies_inside;
    using messenger::test::require;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    messenger::alg::CandidateReader reader(text);
    while (const auto candidate = reader.next()) {
        require(lies_inside(text, candidate->address_text), "address inside");
        require(lies_inside(text, candidate->port_text), "port inside");
        require(messenger::alg::IpAddress::parse(candidate->address_text) == candidate->endpoint.address,
                "same address");
        require(messenger::alg::parse_number(candidate->port_text) == candidate->endpoint.port, "same port");
        require(candidate->component >= 1 && candidate->component <= 256, "component");
        require(!candidate->draft06 || candidate->type == messenger::alg::CandidateType::host, "draft-06 is host");
    }
    return 0;
}
