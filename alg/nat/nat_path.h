// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>

#include "alg/net/address.h"
#include "alg/net/tuple.h"

namespace messenger::alg {

/// A packet goes out through, or comes in from, an interface behind which the inside hosts are hidden.
struct NatPath {
    IpAddress outside;     ///< the gateway's address there: what the kernel translates to
    IpAddress advertised;  ///< what messages name: the same, or the public side of a 1:1 NAT in front of the gateway
    bool operator==(const NatPath&) const = default;
};

/// How the kernel translates a flow, for the flows whose messages would be edited: what is not translated is never
/// edited, whatever the configuration says.
class FlowTranslations {
   public:
    struct Answer {
        enum class Kind : std::uint8_t {
            unknown,         ///< no entry yet: the first packet of a flow
            not_translated,  ///< the flow passes as it is
            translated,
        };
        Kind kind = Kind::unknown;
        Endpoint outside;  ///< only with translated: the inside end as the other side sees it
    };
    FlowTranslations() = default;
    FlowTranslations(const FlowTranslations&) = delete;
    FlowTranslations& operator=(const FlowTranslations&) = delete;
    FlowTranslations(FlowTranslations&&) = delete;
    FlowTranslations& operator=(FlowTranslations&&) = delete;
    virtual ~FlowTranslations() = default;
    /// tuple: as the packet has it when it is forwarded, so with the inside host's own address.
    [[nodiscard]] virtual Answer find(const FlowTuple& tuple) = 0;
};

}  // namespace messenger::alg
