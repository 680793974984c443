// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <libmnl/libmnl.h>

#include "nft/expected.h"
#include "nft/netlink_socket.h"

namespace messenger::nft {

/// One message of a batch that the kernel refused.
struct BatchFailure {
    std::size_t tag = 0;  ///< what put() was told
    int code = 0;         ///< errno, positive
};

/// The netlink envelope of a transaction: NFNL_MSG_BATCH_BEGIN, messages, NFNL_MSG_BATCH_END. All of it happens or
/// nothing. Keeps its storage, so that a warm one does not allocate. There is no limit on its size but memory.
class Batch {
   public:
    /// Room that put() provides for one message; what it builds must fit (asserted).
    static constexpr std::size_t kMaxMessage = 4096;
    /// The tag of a failure of the commit itself, which no message is to blame for.
    static constexpr std::size_t kNoTag = NftError::kNoIndex;

    void begin(NetlinkSocket& socket) { begin(socket.next_sequence()); }
    /// sequence: of the envelope's first message; each message after it has the next number.
    void begin(std::uint32_t sequence);
    [[nodiscard]] bool empty() const { return tags_.empty(); }
    /// What has been put so far, the envelope's first message included. Borrowed until the next put() or begin().
    [[nodiscard]] std::span<const std::byte> bytes() const { return {bytes_.data(), size_}; }
    /// Appends one message. type: NFT_MSG_*; flags: beyond NLM_F_REQUEST; tag: returned with a failure.
    /// build(nlmsghdr*) appends its attributes.
    template <class Build>
    void put(std::uint16_t type, std::uint8_t family, std::uint16_t flags, std::size_t tag, Build build) {
        nlmsghdr* message = start(type, family, flags, tag);
        build(message);
        finish(message);
    }
    /// Ends, sends, and reads every answer. Empty: committed. The refused messages otherwise; borrowed until begin().
    /// One that who sends for us turned down is refused with EACCES. operation: for errors of the socket.
    [[nodiscard]] Expected<std::span<const BatchFailure>> commit(NetlinkSocket& socket, std::string_view operation);

   private:
    nlmsghdr* start(std::uint16_t type, std::uint8_t family, std::uint16_t flags, std::size_t tag);
    void finish(nlmsghdr* message);
    void append_envelope(std::uint16_t type, std::uint32_t sequence);
    /// False if nobody can say which messages were turned down.
    [[nodiscard]] bool blame(std::span<const std::uint32_t> sequences);
    /// True if the answer to the last message was among them.
    [[nodiscard]] bool take_answers(std::span<const std::byte> bytes, std::uint32_t last);

    std::vector<std::byte> bytes_;
    std::size_t size_ = 0;
    std::size_t last_message_ = 0;      // where the last message starts: it alone asks for an acknowledgement
    std::vector<std::size_t> tags_;     // by sequence number, counted from first_sequence_
    std::uint32_t first_sequence_ = 0;  // of the batch's begin message
    std::vector<BatchFailure> failures_;
};

}  // namespace messenger::nft
