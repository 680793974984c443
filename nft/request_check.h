// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <libmnl/libmnl.h>

#include "nft/conntrack.h"
#include "nft/schema.h"
#include "nft/transaction.h"

namespace messenger::nft {

/// Judges what a process without rights wants to have sent to the kernel. It lets through what this library writes:
/// reading our table, changing elements of its sets, making the table with exactly the chains and rules of the schema,
/// seeding, naming and deleting single conntrack entries. Which elements and entries, a judge says who knows what they
/// mean. Nothing else passes: no other table, no rule of somebody's own, no flush of all connections.
class RequestCheck {
   public:
    class Judge {
       public:
        Judge() = default;
        Judge(const Judge&) = delete;
        Judge& operator=(const Judge&) = delete;
        Judge(Judge&&) = delete;
        Judge& operator=(Judge&&) = delete;
        virtual ~Judge() = default;
        [[nodiscard]] virtual bool may_add(SetId set, const Element& element) const = 0;
        [[nodiscard]] virtual bool may_seed(const FlowEntry& entry) const = 0;
    };

    /// judge: borrowed, outlives this. Throws std::bad_alloc.
    RequestCheck(const SchemaOptions& options, const Judge& judge);

    /// What is wrong with the bytes of one send, for the log; empty if nothing is. Aligned like nlmsghdr.
    [[nodiscard]] std::string find_fault(std::span<const std::byte> request) const {
        std::vector<std::uint32_t> to_blame;
        return find_fault(request, to_blame);
    }
    /// to_blame: gets the numbers of the messages without which nothing would be wrong; none if there are no such.
    [[nodiscard]] std::string find_fault(std::span<const std::byte> request,
                                         std::vector<std::uint32_t>& to_blame) const;

   private:
    class Reader;
    [[nodiscard]] std::string judge_batch(Reader& messages, std::vector<std::uint32_t>& to_blame) const;
    [[nodiscard]] std::string judge_alone(const nlmsghdr& message) const;

    const Judge& judge_;
    std::vector<std::vector<std::byte>> schema_;  ///< the messages that make it
};

}  // namespace messenger::nft
