// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/queue/queue_socket.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

namespace messenger::daemon {

namespace {

// A whole IP packet and its attributes, a nested conntrack entry among them.
constexpr std::size_t kSlot = std::size_t{72} * 1024;
// Two replaced packets of the largest size, or some thousand plain verdicts.
constexpr std::size_t kVerdictBytes = std::size_t{256} * 1024;
constexpr std::uint32_t kCopyRange = 0xffff;
constexpr int kAnswerTimeoutMilliseconds = 5000;  // the first use of NFQUEUE may load a kernel module

[[noreturn]] void fail(int error, const std::string& what) {
    throw std::system_error(error, std::generic_category(), what);
}

[[nodiscard]] std::string queue_name(std::uint16_t queue) {
    return "NFQUEUE " + std::to_string(queue);
}

/// A configuration request under construction.
class ConfigRequest {
   public:
    ConfigRequest(std::uint16_t queue, std::uint32_t sequence) : header_(mnl_nlmsg_put_header(buffer_.data())) {
        header_->nlmsg_type = NFNL_SUBSYS_QUEUE << 8U | NFQNL_MSG_CONFIG;
        header_->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
        header_->nlmsg_seq = sequence;
        nfgenmsg generic{};
        generic.nfgen_family = AF_UNSPEC;
        generic.version = NFNETLINK_V0;
        generic.res_id = htons(queue);
        std::memcpy(mnl_nlmsg_put_extra_header(header_, sizeof(generic)), &generic, sizeof(generic));
    }
    ConfigRequest(const ConfigRequest&) = delete;
    ConfigRequest& operator=(const ConfigRequest&) = delete;
    ConfigRequest(ConfigRequest&&) = delete;
    ConfigRequest& operator=(ConfigRequest&&) = delete;
    ~ConfigRequest() = default;

    template <class T>
    void put(std::uint16_t type, const T& value) {
        mnl_attr_put(header_, type, sizeof(value), &value);
    }
    [[nodiscard]] const nlmsghdr& message() const { return *header_; }

   private:
    alignas(nlmsghdr) std::array<std::byte, 128> buffer_{};
    nlmsghdr* header_;
};

/// Options that the kernel has in the socket's queues, as the name of a kept socket.
[[nodiscard]] std::string identity_of(const QueueOptions& options) {
    std::string text = "nfqueue";
    for (const std::uint16_t queue : options.queues) text += ' ' + std::to_string(queue);
    text += " length " + std::to_string(options.length);
    text += options.fail_open ? " accept" : " drop";
    return text;
}

// What the kernel granted follows in the name: asking again would mean to read packets before anyone is there for them.
constexpr std::string_view kGranted = " granted ";
constexpr std::size_t kFeatures = 2;

[[nodiscard]] std::string text_of(const QueueFeatures& features) {
    std::string text(kGranted);
    for (const bool feature : {features.fail_open, features.conntrack}) text += feature ? '1' : '0';
    return text;
}

[[nodiscard]] QueueFeatures features_of(std::string_view digits) {
    return {digits[0] == '1', digits[1] == '1'};
}

void set_option(int fd, int level, int option, int value) {
    // Best effort: what an old kernel lacks costs speed, or shows in the queue's own counters, and nothing else.
    static_cast<void>(setsockopt(fd, level, option, &value, sizeof(value)));
}

}  // namespace

QueueSocket::QueueSocket(const QueueOptions& options, std::vector<KeptDescriptor> kept)
    : identity_(identity_of(options)),
      fallback_(options.fallback),
      batch_(kVerdictBytes),
      buffer_(std::make_unique_for_overwrite<std::byte[]>(kBatch * kSlot)),  // NOLINT(modernize-avoid-c-arrays)
      headers_(kBatch),
      slots_(kBatch) {
    packets_.reserve(kBatch);
    for (std::size_t i = 0; i < kBatch; ++i) {
        slots_[i] = {buffer_.get() + i * kSlot, kSlot};
        headers_[i].msg_hdr.msg_iov = &slots_[i];
        headers_[i].msg_hdr.msg_iovlen = 1;
    }
    adopted_ = adopt(std::move(kept));
    // The kernel numbers the packets of a queue from 1 on; of an adopted one, somebody else has had the first.
    for (const std::uint16_t queue : options.queues) {
        seen_.push_back({queue, adopted_ ? std::nullopt : std::optional<std::uint32_t>(0), 0, 0});
    }
    if (!adopted_) bind_all(options);
}

bool QueueSocket::adopt(std::vector<KeptDescriptor> kept) {
    const std::string wanted = identity_ + std::string(kGranted);
    for (KeptDescriptor& one : kept) {
        if (one.name.size() != wanted.size() + kFeatures || one.name.compare(0, wanted.size(), wanted) != 0) continue;
        socket_ = std::move(one.fd);
        features_ = features_of(std::string_view(one.name).substr(wanted.size()));
        return true;
    }
    // Closed before the queues are bound anew: these may have some of them.
    kept.clear();
    return false;
}

void QueueSocket::bind_all(const QueueOptions& options) {
    open(options);
    for (const std::uint16_t queue : options.queues) bind_queue(queue, options.length);
    // NFQA_CFG_F_GSO is not asked for: without it the kernel cuts what is several segments in one before it queues it.
    // Packets that wait or are replaced must be such as the network carries, and each datagram is a message.
    features_ = {options.fail_open, true};
    for (const std::uint16_t queue : options.queues) {
        features_.fail_open &= request_flag(queue, NFQA_CFG_F_FAIL_OPEN, options.fail_open);
        features_.conntrack &= request_flag(queue, NFQA_CFG_F_CONNTRACK, true);
    }
    for (const QueuedPacket& packet : packets_) add({packet.queue, packet.id, fallback_, std::nullopt, {}});
    packets_.clear();
    flush();
}

QueueSocket::~QueueSocket() {
    flush();
}

KeptDescriptor QueueSocket::hand_over() {
    flush();
    return {identity_ + text_of(features_), std::move(socket_)};
}

void QueueSocket::open(const QueueOptions& options) {
    socket_.reset(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER));
    if (!socket_) fail(errno, "opening a netfilter netlink socket");
    sockaddr_nl self{};
    self.nl_family = AF_NETLINK;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): how the sockets API takes addresses
    if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&self), sizeof(self)) != 0) {
        fail(errno, "binding a netfilter netlink socket");
    }
    // From here on only the kernel can send to us: netlink lets a connected socket hear nobody else.
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&self), sizeof(self)) != 0) {
        fail(errno, "connecting a netfilter netlink socket");
    }
    set_option(socket_.get(), SOL_SOCKET, SO_RCVBUFFORCE, static_cast<int>(options.receive_buffer));
    set_option(socket_.get(), SOL_SOCKET, SO_SNDBUFFORCE, static_cast<int>(2 * kVerdictBytes));
    // Without it, one overrun makes the next receive fail; the packets behind it are fine, and the kernel counts.
    set_option(socket_.get(), SOL_NETLINK, NETLINK_NO_ENOBUFS, 1);
    // A refused verdict comes back with its header only, not with the packet that it replaced.
    set_option(socket_.get(), SOL_NETLINK, NETLINK_CAP_ACK, 1);
}

void QueueSocket::bind_queue(std::uint16_t queue, std::uint32_t length) {
    // One message: a queue that is bound but has no copy mode yet drops what it gets.
    ConfigRequest request(queue, ++sequence_);
    nfqnl_msg_config_cmd command{};
    command.command = NFQNL_CFG_CMD_BIND;
    request.put(NFQA_CFG_CMD, command);
    nfqnl_msg_config_params parameters{};
    parameters.copy_range = htonl(kCopyRange);
    parameters.copy_mode = NFQNL_COPY_PACKET;
    request.put(NFQA_CFG_PARAMS, parameters);
    request.put(NFQA_CFG_QUEUE_MAXLEN, htonl(length));
    const int error = transact(request.message());
    // The kernel says the same of a queue that is taken.
    if (error == EPERM)
        fail(error, "binding " + queue_name(queue) + " (CAP_NET_ADMIN missing, or another process has it)");
    if (error != 0) fail(error, "binding " + queue_name(queue));
}

bool QueueSocket::request_flag(std::uint16_t queue, std::uint32_t flag, bool wanted) {
    ConfigRequest request(queue, ++sequence_);
    request.put(NFQA_CFG_MASK, htonl(flag));
    request.put(NFQA_CFG_FLAGS, htonl(wanted ? flag : 0));
    return transact(request.message()) == 0 && wanted;
}

int QueueSocket::transact(const nlmsghdr& request) {
    if (::send(socket_.get(), &request, request.nlmsg_len, 0) < 0) return errno;
    return find_acknowledgement(request.nlmsg_seq);
}

int QueueSocket::find_acknowledgement(std::uint32_t sequence) {
    awaited_ = sequence;
    awaited_error_ = kNotFound;
    while (awaited_error_ == kNotFound) {
        pollfd waiting{socket_.get(), POLLIN, 0};
        const int ready = ::poll(&waiting, 1, kAnswerTimeoutMilliseconds);
        if (ready == 0) return ETIMEDOUT;
        if (ready < 0 && errno != EINTR) return errno;
        for (const QueuedPacket& packet : packets_) add({packet.queue, packet.id, fallback_, std::nullopt, {}});
        receive_messages();
    }
    awaited_ = 0;
    return awaited_error_;
}

std::span<const QueuedPacket> QueueSocket::receive() {
    receive_messages();
    if (!packets_.empty()) ++counters_.batches;
    counters_.packets += packets_.size();
    return packets_;
}

void QueueSocket::receive_messages() {
    packets_.clear();
    int count = 0;
    do {
        count = ::recvmmsg(socket_.get(), headers_.data(), kBatch, MSG_DONTWAIT, nullptr);
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        const int error = errno;
        if (error == EAGAIN) return;
        if (error != ENOBUFS) fail(error, "receiving from NFQUEUE");
        ++counters_.overruns;
        return;
    }
    for (std::size_t slot = 0; slot < static_cast<std::size_t>(count); ++slot) take_messages(slot);
}

void QueueSocket::take_messages(std::size_t slot) {
    std::span<const std::byte> rest(buffer_.get() + slot * kSlot, headers_[slot].msg_len);
    // The kernel sends one packet per datagram; more than that would overfill what was reserved.
    while (packets_.size() < kBatch) {
        const auto message = take_queue_message(rest);
        if (!message) return;
        on_message(*message);
    }
}

void QueueSocket::on_message(const QueueMessage& message) {
    switch (message.kind) {
        case QueueMessage::Kind::packet:
            count_packet(message.packet);
            packets_.push_back(message.packet);
            return;
        case QueueMessage::Kind::acknowledgement:
            if (awaited_ != 0 && message.sequence == awaited_) {
                awaited_error_ = message.error;
            } else if (message.error != 0) {
                ++counters_.verdict_errors;
            }
            return;
        case QueueMessage::Kind::malformed:
            ++counters_.malformed;
            if (!message.has_id) return;
            count_packet(message.packet);
            add({message.packet.queue, message.packet.id, fallback_, std::nullopt, {}});
            return;
        case QueueMessage::Kind::other: return;
    }
}

QueueSocket::Seen* QueueSocket::find_seen(std::uint16_t queue) {
    const auto found =
        std::find_if(seen_.begin(), seen_.end(), [queue](const Seen& one) { return one.queue == queue; });
    return found == seen_.end() ? nullptr : &*found;
}

void QueueSocket::count_packet(const QueuedPacket& packet) {
    Seen* seen = find_seen(packet.queue);
    if (seen == nullptr) return;
    // A packet gets its number before it turns out that our buffer has no room for it.
    if (seen->last_id) seen->missed += packet.id - *seen->last_id - 1;
    seen->last_id = packet.id;
    ++seen->undecided;
}

std::vector<QueueStatistics> QueueSocket::statistics() const {
    std::vector<QueueStatistics> all;
    for (const Seen& seen : seen_) all.push_back({seen.queue, seen.undecided, std::nullopt, seen.missed});
    return all;
}

std::size_t QueueSocket::unread_bytes() const {
    std::array<std::uint32_t, SK_MEMINFO_VARS> memory{};
    socklen_t size = sizeof memory;
    if (::getsockopt(socket_.get(), SOL_SOCKET, SO_MEMINFO, memory.data(), &size) != 0) return 0;
    return memory[SK_MEMINFO_RMEM_ALLOC];
}

void QueueSocket::add(const Verdict& verdict) noexcept {
    ++counters_.verdicts;
    if (Seen* seen = find_seen(verdict.queue); seen != nullptr && seen->undecided > 0) --seen->undecided;
    if (batch_.add(verdict, ++sequence_)) return;
    flush();
    if (!batch_.add(verdict, sequence_)) ++counters_.verdict_errors;  // a packet of more than 65531 bytes
}

void QueueSocket::flush() noexcept {
    if (batch_.empty()) return;
    if (send_through_) {
        if (!send_through_(batch_.bytes())) ++counters_.verdict_errors;
    } else if (!send_bytes(batch_.bytes())) {
        send_one_by_one();
    }
    batch_.clear();
}

bool QueueSocket::send_bytes(std::span<const std::byte> bytes) const noexcept {
    ssize_t sent = -1;
    do {
        sent = ::send(socket_.get(), bytes.data(), bytes.size(), 0);
    } while (sent < 0 && errno == EINTR);
    return sent >= 0;
}

/// When the kernel has no room for a whole batch, it may still have for each of its messages.
void QueueSocket::send_one_by_one() noexcept {
    std::span<const std::byte> rest = batch_.bytes();
    while (rest.size() >= sizeof(nlmsghdr)) {
        nlmsghdr header{};
        std::memcpy(&header, rest.data(), sizeof(header));
        if (!send_bytes(rest.first(header.nlmsg_len))) ++counters_.verdict_errors;
        rest = rest.subspan(header.nlmsg_len);
    }
}

}  // namespace messenger::daemon
