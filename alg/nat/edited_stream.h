// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "alg/nat/custody.h"
#include "alg/nat/edit_list.h"
#include "alg/nat/held_segments.h"
#include "alg/nat/release_list.h"
#include "alg/nat/sequence_map.h"
#include "alg/net/packet.h"
#include "alg/net/packet_writer.h"

namespace messenger::alg {

struct EditLimits {
    std::size_t held_bytes = std::size_t{128} << 10U;  ///< packets of one direction, with their headers
    std::size_t held_segments = 128;                   ///< of one direction
    std::uint16_t mss_room = 64;  ///< by so much the MSS is lowered: what a full segment may grow by
};

/// One direction of an edited TCP connection: the segments that wait until the reader knows what they become, and the
/// edits made so far. Used through EditedConnection, which knows both directions.
///
/// Nobody acknowledges what is held. A sender with the algorithm of RFC 896 keeps its last short segment back until
/// everything before is acknowledged: it would wait for us, and we for it. Such a sender is stalled, and repeats what
/// it has sent. The repetition of a segment that is held goes out without data, as a question to the receiver, and the
/// receiver's answer tells the sender that the bytes held so far have arrived; a Custody keeps them. No other sender is
/// acknowledged early: as long as the sender repeats what gets lost, we need not.
///
/// What is held comes to the receiver behind the segment that it waited for, which may be younger: a repetition. A
/// receiver drops what is older than what it has (RFC 7323 section 5). So what was held gets the time of the youngest
/// segment that went before it.
///
/// What custody loses on its way to the receiver comes with other segments of the sender: its repetitions, its FIN and
/// its segments without data take the missing bytes along, in place of their own when these do not follow them.
class EditedStream {
   public:
    /// What segments of this direction need of the rest of the connection.
    struct Exchange {
        const EditedStream& reverse;  ///< the other direction: acknowledgements and SACK blocks are in its output
        bool edited;                  ///< either direction is altered()
        const EditLimits& limits;
    };
    enum class Outcome : std::uint8_t {
        released,  ///< its release is in the list
        held,      ///< until decide() or give_up()
        overflow,  ///< too much would be held: all of it has been released, and the stream is given_up() from now on
    };

    /// Output that found no room and waits for the next packet; more is left to retransmissions.
    static constexpr std::size_t kMostCarried = std::size_t{16} << 10U;

    /// Anew: the first byte of data has the number first, and what comes before next has passed. Nothing is held.
    void begin(std::uint32_t first, std::uint32_t next);
    /// What the receiver's SYN says it takes; 0: nothing.
    void set_receiver_mss(std::uint16_t mss) { receiver_mss_ = mss; }

    /// A segment with data or FIN, and no SYN. packet is borrowed until decide() or give_up() when it is held.
    [[nodiscard]] Outcome push(PacketToken token, std::span<const std::byte> packet, const PacketView& view,
                               const Exchange& exchange, ReleaseList& releases);
    /// Any segment, at once.
    void pass(PacketToken token, std::span<const std::byte> packet, const PacketView& view, const Exchange& exchange,
              ReleaseList& releases);
    [[nodiscard]] bool edit(std::uint32_t sequence, const EditList& edits);
    void decide(std::uint32_t sequence, const Exchange& exchange, ReleaseList& releases);
    void give_up(const Exchange& exchange, ReleaseList& releases);
    /// Releases what is held, as it was; for a reset at this sequence number. Not if that number lies outside of what
    /// is held: then nobody believes the reset.
    void on_reset(std::uint32_t sequence, const Exchange& exchange, ReleaseList& releases);
    /// The receiver has everything before this output position.
    void on_acknowledgement(std::uint32_t sequence);

    /// Whether numbers that come out may differ from those that come in. Once it is so, it stays so.
    [[nodiscard]] bool altered() const { return map_.edited() || custody_.taken(); }
    /// Whether something waits for a decision.
    [[nodiscard]] bool waits() const { return !held_.empty() || !unread().empty(); }
    /// Bytes from decided() on that the sender will not repeat.
    [[nodiscard]] std::string_view unread() const { return custody_.between(decided_, custody_.end()); }
    [[nodiscard]] std::size_t custody_bytes() const { return custody_.size(); }
    [[nodiscard]] bool given_up() const { return given_up_; }
    [[nodiscard]] std::optional<std::uint32_t> decided() const {
        return begun_ ? std::optional(decided_) : std::nullopt;
    }
    [[nodiscard]] std::optional<std::uint32_t> first() const { return begun_ ? std::optional(first_) : std::nullopt; }
    [[nodiscard]] std::size_t held_segments() const { return held_.size(); }
    [[nodiscard]] std::size_t held_bytes() const { return held_.bytes(); }
    [[nodiscard]] std::uint32_t cut_tails() const { return cut_tails_; }

    void save(std::vector<std::byte>& to) const;
    [[nodiscard]] static std::optional<EditedStream> load(std::span<const std::byte>& from);

   private:
    /// What a segment brings.
    struct Input {
        std::uint32_t begin = 0;
        std::string_view custody;  ///< first, what the receiver lacks
        std::string_view bytes;    ///< behind that, the segment's own
        bool more_follows = false;
        std::optional<std::uint32_t> timestamp{};  ///< in place of the segment's own
    };
    /// What a segment says when it goes.
    struct Rendering {
        std::uint32_t sequence = 0;
        bool more_follows = false;
        std::optional<std::uint32_t> timestamp{};
        std::string& payload;
    };

    // edited_stream.cpp: what waits, for how long, and what goes in its place.
    [[nodiscard]] bool is_held(std::uint32_t begin, std::uint32_t end, bool fin) const;
    void release_front(std::size_t count, const Exchange& exchange, ReleaseList& releases);
    void decide_before_fin();
    void answer_repetition(PacketToken token, std::span<const std::byte> packet, const PacketView& view,
                           const Exchange& exchange, ReleaseList& releases);
    void take_custody(const EditLimits& limits);
    [[nodiscard]] std::string_view missing() const;
    [[nodiscard]] Input take_along(const PacketView& view, Input input);
    // edited_segments.cpp: the segments that go.
    void emit(PacketToken token, std::span<const std::byte> packet, const PacketView& view, const Input& input,
              const Exchange& exchange, ReleaseList& releases);
    void write(PacketToken token, std::span<const std::byte> packet, const PacketView& view, const Rendering& rendering,
               const Exchange& exchange, ReleaseList& releases) const;
    void translate_back(std::span<const std::byte> packet, const PacketView& view, SegmentChange& change) const;
    bool advance(std::uint32_t begin, std::uint32_t end);
    void render(const Input& input, std::size_t room, const PacketView& view, Rendering& rendering);
    [[nodiscard]] std::uint32_t before_data(std::uint32_t sequence) const;
    [[nodiscard]] std::size_t room(std::span<const std::byte> packet, const PacketView& view) const;
    void note_timestamp(std::span<const std::byte> packet, const PacketView& view);
    [[nodiscard]] std::optional<std::uint32_t> later_timestamp(std::span<const std::byte> packet,
                                                               const PacketView& view) const;

    SequenceMap map_;
    Custody custody_;
    HeldSegments held_;
    std::string carry_;               ///< output that ends at released_ and found no room in the packet that brought it
    std::uint32_t first_ = 0;         ///< of the data
    std::uint32_t seen_ = 0;          ///< input before this has been here
    std::uint32_t decided_ = 0;       ///< input before this is final
    std::uint32_t released_ = 0;      ///< the end of the data released so far, input
    std::uint32_t acknowledged_ = 0;  ///< by the receiver, output
    std::uint32_t cut_tails_ = 0;
    std::optional<std::uint32_t> timestamp_;  ///< of the youngest segment that has gone, or been answered
    std::uint16_t receiver_mss_ = 0;
    bool begun_ = false;
    bool given_up_ = false;
    bool laden_ = false;  ///< the last segment without data took custody bytes along
};

}  // namespace messenger::alg
