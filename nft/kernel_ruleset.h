// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "nft/batch.h"
#include "nft/commit_order.h"
#include "nft/element_message.h"
#include "nft/netlink_socket.h"
#include "nft/requests.h"
#include "nft/ruleset.h"

namespace messenger::nft {

/// The sets in the kernel, over a netlink socket of its own. Not for two threads at once.
class KernelRuleset final : public Ruleset {
   public:
    /// destroys_elements: Features::destroy_element.
    explicit KernelRuleset(NetlinkSocket socket, bool destroys_elements = false)
        : socket_(std::move(socket)), destroys_elements_(destroys_elements) {}

    [[nodiscard]] Expected<CommitReport> commit(const Transaction& transaction) override;
    [[nodiscard]] Expected<std::vector<StoredElement>> list(SetId set) override;
    [[nodiscard]] Expected<std::optional<StoredElement>> find(SetId set, const Key& key) override;
    [[nodiscard]] Expected<void> find_each(std::span<const Place> places, const OnFound& on_found) override;

    /// For RulesetWatch: changes of this origin are ours.
    [[nodiscard]] std::uint32_t portid() const { return socket_.portid(); }
    /// What it speaks to the kernel through.
    [[nodiscard]] NetlinkSocket& socket() { return socket_; }

   private:
    /// Marks what the next attempt leaves out, or tells why there cannot be one.
    [[nodiscard]] Expected<void> leave_out(const Transaction& transaction, std::span<const BatchFailure> failures,
                                           CommitReport& report);
    [[nodiscard]] Expected<bool> set_exists(SetId set);
    /// How many elements there are, also such as have expired and not been taken away yet; absent where the kernel does
    /// not tell (6.18 does, 6.1 does not).
    [[nodiscard]] Expected<std::optional<std::size_t>> count(SetId set);
    [[nodiscard]] Expected<void> find_some(std::span<const Place> places, const OnFound& on_found);

    NetlinkSocket socket_;
    bool destroys_elements_;
    Batch batch_;
    Requests requests_;
    std::vector<LeaveOut> left_out_;  // per operation
    CommitOrder order_;
    std::vector<StoredElement> found_;  // in one answer
};

}  // namespace messenger::nft
