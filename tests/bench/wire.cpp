// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench/wire.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace messenger::bench {

namespace {

constexpr int kBuffer = 64 << 20;

int check(int result, const std::string& what) {
    if (result < 0) throw std::system_error(errno, std::generic_category(), what);
    return result;
}

[[nodiscard]] std::uint64_t read(clockid_t clock) {
    timespec now{};
    check(clock_gettime(clock, &now), "reading a clock");
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

/// The calling thread is in that namespace until the end of the block.
class Entered {
   public:
    explicit Entered(const std::string& name)
        : home_(check(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), "opening the own namespace")) {
        const int there =
            check(open(("/run/netns/" + name).c_str(), O_RDONLY | O_CLOEXEC), "opening namespace " + name);
        check(setns(there, CLONE_NEWNET), "entering namespace " + name);
        close(there);
    }
    ~Entered() {
        // Sockets made from here on would be in the wrong place.
        if (setns(home_, CLONE_NEWNET) != 0) std::terminate();
        close(home_);
    }
    Entered(const Entered&) = delete;
    Entered& operator=(const Entered&) = delete;
    Entered(Entered&&) = delete;
    Entered& operator=(Entered&&) = delete;

   private:
    int home_;
};

[[nodiscard]] std::uint64_t stamp_of(msghdr& message) {
    for (cmsghdr* one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
        if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_TIMESTAMPNS) continue;
        timespec stamp{};
        std::memcpy(&stamp, CMSG_DATA(one), sizeof stamp);
        return static_cast<std::uint64_t>(stamp.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(stamp.tv_nsec);
    }
    return 0;
}

}  // namespace

std::uint64_t wall_clock() {
    return read(CLOCK_REALTIME);
}

std::uint64_t own_cpu_time() {
    return read(CLOCK_PROCESS_CPUTIME_ID);
}

void stay_on(int processor) {
    if (processor < 0) return;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<unsigned>(processor), &set);
    check(sched_setaffinity(0, sizeof set, &set), "staying on one processor");
}

Wire::Wire(const std::string& name)
    : name_(name),
      out_(kBatch * kSlot),
      in_(kBatch * kSlot),
      control_(kBatch * kControl),
      to_(kBatch),
      out_slots_(kBatch),
      in_slots_(kBatch),
      out_headers_(kBatch),
      in_headers_(kBatch) {
    const Entered entered(name);
    const int on = 1;
    // IPPROTO_RAW: the IP header is ours, the kernel fills in its checksum.
    sender_ = check(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW), "opening a raw socket");
    check(setsockopt(sender_, SOL_SOCKET, SO_SNDBUFFORCE, &kBuffer, sizeof kBuffer), "making the send buffer larger");
    // Below the hosts' own IP: no UDP socket has to be there, and whatever this host sends is not seen.
    receiver_ = check(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "opening a packet socket");
    check(setsockopt(receiver_, SOL_SOCKET, SO_RCVBUFFORCE, &kBuffer, sizeof kBuffer),
          "making the receive buffer larger");
    check(setsockopt(receiver_, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on), "asking for time stamps");
    sockaddr_ll where{};
    where.sll_family = AF_PACKET;
    where.sll_protocol = htons(ETH_P_IP);
    where.sll_ifindex = static_cast<int>(if_nametoindex("eth0"));
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): how the sockets API takes addresses
    check(bind(receiver_, reinterpret_cast<const sockaddr*>(&where), sizeof where), "binding a packet socket");
    count_ = check(open("/proc/thread-self/net/dev", O_RDONLY | O_CLOEXEC), "opening the interface's counters");
    for (std::size_t i = 0; i < kBatch; ++i) {
        to_[i].sin_family = AF_INET;
        out_slots_[i] = {out_.data() + i * kSlot, 0};
        out_headers_[i].msg_hdr = {&to_[i], sizeof to_[i], &out_slots_[i], 1, nullptr, 0, 0};
        in_slots_[i] = {in_.data() + i * kSlot, kSlot};
        in_headers_[i].msg_hdr = {nullptr, 0, &in_slots_[i], 1, control_.data() + i * kControl, kControl, 0};
    }
}

Wire::~Wire() {
    for (const int fd : {sender_, receiver_, count_}) close(fd);
}

void Wire::put(ByteSpan packet) {
    if (packet.size() > kSlot) throw std::length_error("a packet is longer than the generator's slots");
    std::memcpy(out_slots_[waiting_].iov_base, packet.data(), packet.size());
    out_slots_[waiting_].iov_len = packet.size();
    std::memcpy(&to_[waiting_].sin_addr, packet.data() + 16, sizeof to_[waiting_].sin_addr);
    if (++waiting_ == kBatch) flush();
}

void Wire::flush() {
    for (std::size_t sent = 0; sent < waiting_;) {
        const int count = sendmmsg(sender_, out_headers_.data() + sent, static_cast<unsigned>(waiting_ - sent), 0);
        if (count < 0 && (errno == EINTR || errno == ENOBUFS)) continue;
        sent += static_cast<std::size_t>(check(count, "sending packets"));
    }
    waiting_ = 0;
}

std::size_t Wire::receive(const Receiver& receiver) {
    std::size_t all = 0;
    for (;;) {
        for (mmsghdr& header : in_headers_) header.msg_hdr.msg_controllen = kControl;
        const int count = recvmmsg(receiver_, in_headers_.data(), kBatch, MSG_DONTWAIT, nullptr);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) return all;
        check(count, "receiving packets");
        for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
            receiver(ByteSpan(in_.data() + i * kSlot, in_headers_[i].msg_len), stamp_of(in_headers_[i].msg_hdr));
        }
        all += static_cast<std::size_t>(count);
        if (static_cast<std::size_t>(count) < kBatch) return all;
    }
}

std::uint64_t Wire::arrived() const {
    // "  eth0: BYTES PACKETS ..."; the file stays that of the namespace it was opened in.
    std::array<char, 4096> text{};
    const auto size = pread(count_, text.data(), text.size() - 1, 0);
    check(static_cast<int>(size), "reading the interface's counters");
    const char* const line = std::strstr(text.data(), "eth0:");
    if (line == nullptr) throw std::runtime_error("no eth0 in namespace " + name_);
    char* end = nullptr;
    static_cast<void>(std::strtoull(line + 5, &end, 10));
    return std::strtoull(end, nullptr, 10);
}

}  // namespace messenger::bench
