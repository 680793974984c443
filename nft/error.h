// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace messenger::nft {

/// What the caller can do about a failure; errno alone does not say (ENOENT is a lost table or a lost element).
enum class Failure : std::uint8_t {
    schema_gone,    ///< our table, or a set of it, is not there: install the schema again, then repeat
    set_full,       ///< the set has reached its size
    not_permitted,  ///< CAP_NET_ADMIN is missing
    not_supported,  ///< this kernel lacks what was asked for
    timed_out,      ///< no answer before the deadline; whether it happened is unknown
    replies_lost,   ///< the receive buffer overflowed; whether it happened is unknown
    turned_down,    ///< a NetlinkGate did not even pass it on to the kernel
    refused,        ///< anything else the kernel said; see code
};

/// Why the kernel did not do what it was told.
struct NftError {
    static constexpr std::size_t kNoIndex = std::numeric_limits<std::size_t>::max();

    Failure failure = Failure::refused;
    int code = 0;                  ///< errno, positive
    std::string operation;         ///< what was attempted and on what: "add element pinholes4 { ... }"
    std::size_t index = kNoIndex;  ///< which operation of the transaction, from 0

    /// One sentence for a log: the operation, the reason, and what it means for us.
    [[nodiscard]] std::string message() const;
};

/// An error whose Failure follows from code alone (so never schema_gone).
[[nodiscard]] NftError system_error(int code, std::string_view operation);

/// "the table inet messenger_alg or one of its sets is missing"; static storage.
[[nodiscard]] std::string_view describe(Failure failure);

}  // namespace messenger::nft
