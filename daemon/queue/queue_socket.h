// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "daemon/process/fd.h"
#include "daemon/process/kept_descriptor.h"
#include "daemon/queue/queue_message.h"
#include "daemon/queue/queue_statistics.h"
#include "daemon/queue/verdict.h"
#include "daemon/queue/verdict_batch.h"

struct nlmsghdr;

namespace messenger::daemon {

struct QueueOptions {
    std::vector<std::uint16_t> queues;  ///< all read through one socket; a packet says which it is from
    std::uint32_t length = 4096;        ///< packets without verdict that each queue holds
    bool fail_open = true;              ///< packets that find the queue full pass; else they are dropped
    Verdict::Action fallback = Verdict::Action::accept;  ///< for packets of which we can read no more than the id
    std::size_t receive_buffer = std::size_t{16} << 20U;
};

/// What the kernel granted. Each is asked for alone, for one refusal fails a whole configuration message.
struct QueueFeatures {
    bool fail_open = false;
    bool conntrack = false;  ///< packets come with their conntrack entry (NETFILTER_NETLINK_GLUE_CT)
};

struct QueueCounters {
    std::uint64_t packets = 0;
    std::uint64_t batches = 0;    ///< receive calls that brought packets
    std::uint64_t malformed = 0;  ///< messages that could not be read
    std::uint64_t overruns = 0;   ///< times that the kernel said that packets did not fit into our buffer
    std::uint64_t verdicts = 0;
    std::uint64_t verdict_errors = 0;  ///< refused by the kernel, or not sent at all
};

/// NFQUEUE: packets in, verdicts out, both in batches. Not for several threads at once.
class QueueSocket final : public VerdictSink {
   public:
    static constexpr std::size_t kBatch = 64;

    /// Binds every queue. Packets that come before the last one is bound get the fallback verdict.
    /// Throws std::system_error, with the queue's number in its text: EPERM without CAP_NET_ADMIN, and also if another
    /// process has the queue.
    /// kept: if one of them is the socket that a QueueSocket with the same options handed over, it is used as it is,
    /// and what has come since waits in it. The others are closed.
    explicit QueueSocket(const QueueOptions& options, std::vector<KeptDescriptor> kept = {});
    /// Sends what is left. Packets still without verdict are dropped by the kernel.
    ~QueueSocket() override;
    QueueSocket(const QueueSocket&) = delete;
    QueueSocket& operator=(const QueueSocket&) = delete;
    QueueSocket(QueueSocket&&) = delete;
    QueueSocket& operator=(QueueSocket&&) = delete;

    /// Readable when packets wait.
    [[nodiscard]] int fd() const { return socket_.get(); }
    [[nodiscard]] const QueueFeatures& features() const { return features_; }
    /// The socket came from the process before.
    [[nodiscard]] bool is_adopted() const { return adopted_; }
    [[nodiscard]] const QueueCounters& counters() const { return counters_; }
    /// Of each queue what this side of it can know: waiting are the packets that we have and have not decided about;
    /// losses for want of buffer show as gaps in the kernel's numbering.
    [[nodiscard]] std::vector<QueueStatistics> statistics() const;
    /// Bytes of the kernel's memory that packets take which we have not read yet.
    [[nodiscard]] std::size_t unread_bytes() const;

    /// Up to kBatch packets that wait now, without blocking; fewer do not mean that no more wait (acknowledgements come
    /// the same way). The packets live until the next call. Throws std::system_error if the socket is broken.
    [[nodiscard]] std::span<const QueuedPacket> receive();

    /// Puts the verdict into the batch; one that does not fit sends the batch first.
    void add(const Verdict& verdict) noexcept override;
    /// Sends the batch: one system call for all its verdicts.
    void flush() noexcept;

    /// From now on another process sends the verdicts: netfilter takes them from nobody without CAP_NET_ADMIN, reading
    /// asks for nothing. False: they are lost.
    using SendVerdicts = std::function<bool(std::span<const std::byte>)>;
    void send_through(SendVerdicts send) { send_through_ = std::move(send); }

    /// Gives up the socket with its queues bound: packets wait in it for the next owner. This object is of no use then.
    [[nodiscard]] KeptDescriptor hand_over();

   private:
    [[nodiscard]] bool adopt(std::vector<KeptDescriptor> kept);
    void bind_all(const QueueOptions& options);
    void open(const QueueOptions& options);
    void bind_queue(std::uint16_t queue, std::uint32_t length);
    [[nodiscard]] bool request_flag(std::uint16_t queue, std::uint32_t flag, bool wanted);
    [[nodiscard]] int transact(const nlmsghdr& request);
    [[nodiscard]] int find_acknowledgement(std::uint32_t sequence);
    void receive_messages();
    void take_messages(std::size_t slot);
    void on_message(const QueueMessage& message);
    [[nodiscard]] bool send_bytes(std::span<const std::byte> bytes) const noexcept;
    void send_one_by_one() noexcept;

    static constexpr int kNotFound = -1;

    /// What has been seen of one queue.
    struct Seen {
        std::uint16_t queue = 0;
        std::optional<std::uint32_t> last_id;  ///< absent: whatever comes first is the first
        std::uint32_t undecided = 0;
        std::uint32_t missed = 0;
    };
    [[nodiscard]] Seen* find_seen(std::uint16_t queue);
    void count_packet(const QueuedPacket& packet);

    Fd socket_;
    SendVerdicts send_through_;  ///< empty: this process itself
    std::string identity_;       ///< what a kept socket must have been made with to be taken
    Verdict::Action fallback_;
    QueueFeatures features_;
    bool adopted_ = false;
    QueueCounters counters_;
    std::vector<Seen> seen_;  ///< a handful, in the order of the options
    std::uint32_t sequence_ = 0;
    VerdictBatch batch_;
    // One slot per message. Touched only as far as messages reach, so that an idle daemon stays small.
    std::unique_ptr<std::byte[]> buffer_;  // NOLINT(modernize-avoid-c-arrays): not to be zeroed, as a vector would
    std::vector<mmsghdr> headers_;
    std::vector<iovec> slots_;
    std::vector<QueuedPacket> packets_;
    std::uint32_t awaited_ = 0;  ///< sequence of the request whose acknowledgement is waited for; 0 is none
    int awaited_error_ = kNotFound;
};

}  // namespace messenger::daemon
