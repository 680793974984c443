// SPDX-License-Identifier: GPL-2.0-or-later
// The least that a user of NFQUEUE can do: receive a packet, accept it, the next. It is what messenger-algd is measured
// against, so its socket is set up as that of the daemon: whole packets, fail-open, no GSO, the same queue length and
// buffers. By default one system call for each packet and one for each verdict, as most programs do; --batch N reads up
// to N packets and sends their verdicts with one call each, as the daemon does. --hand-over has the verdicts sent by a
// second process, which is the least that one whose reader has no privileges can do.
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <vector>

namespace {

constexpr std::uint32_t kQueueLength = 4096;
constexpr std::uint32_t kCopyRange = 0xffff;
constexpr int kReceiveBuffer = 16 << 20;
constexpr int kSendBuffer = 512 << 10;
constexpr std::size_t kSlot = std::size_t{72} << 10U;
constexpr std::size_t kVerdict = 64;  // more than one verdict takes

int check(int result, const char* what) {
    if (result < 0) throw std::system_error(errno, std::generic_category(), what);
    return result;
}

class Queue {
   public:
    explicit Queue(std::size_t batch) : batch_(batch), in_(batch * kSlot), slots_(batch), headers_(batch) {
        socket_ = mnl_socket_open(NETLINK_NETFILTER);
        if (socket_ == nullptr) throw std::system_error(errno, std::generic_category(), "opening a netlink socket");
        check(mnl_socket_bind(socket_, 0, MNL_SOCKET_AUTOPID), "binding a netlink socket");
        const int on = 1;
        check(setsockopt(fd(), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof kReceiveBuffer), "SO_RCVBUFFORCE");
        check(setsockopt(fd(), SOL_SOCKET, SO_SNDBUFFORCE, &kSendBuffer, sizeof kSendBuffer), "SO_SNDBUFFORCE");
        check(mnl_socket_setsockopt(socket_, NETLINK_NO_ENOBUFS, const_cast<int*>(&on), sizeof on), "NO_ENOBUFS");
        check(mnl_socket_setsockopt(socket_, NETLINK_CAP_ACK, const_cast<int*>(&on), sizeof on), "CAP_ACK");
        for (std::size_t i = 0; i < batch; ++i) {
            slots_[i] = {in_.data() + i * kSlot, kSlot};
            headers_[i].msg_hdr.msg_iov = &slots_[i];
            headers_[i].msg_hdr.msg_iovlen = 1;
        }
        out_.reserve(batch * kVerdict);
    }
    ~Queue() { mnl_socket_close(socket_); }
    Queue(const Queue&) = delete;
    Queue& operator=(const Queue&) = delete;
    Queue(Queue&&) = delete;
    Queue& operator=(Queue&&) = delete;

    void bind(std::uint16_t number) {
        nlmsghdr* header = begin(NFQNL_MSG_CONFIG, number);
        nfq_nlmsg_cfg_put_cmd(header, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
        nfq_nlmsg_cfg_put_params(header, NFQNL_COPY_PACKET, static_cast<int>(kCopyRange));
        nfq_nlmsg_cfg_put_qmaxlen(header, kQueueLength);
        ask(*header);
        // GSO is not asked for: the kernel cuts what is several packets in one.
        header = begin(NFQNL_MSG_CONFIG, number);
        mnl_attr_put_u32(header, NFQA_CFG_MASK, htonl(NFQA_CFG_F_FAIL_OPEN));
        mnl_attr_put_u32(header, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_FAIL_OPEN));
        ask(*header);
    }

    /// From now on, what sends the verdicts is a process of its own.
    void hand_over() {
        std::array<int, 2> ends{};
        check(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), "making a pair of sockets");
        const pid_t parent = getpid();
        if (check(fork(), "starting a process") == 0) {
            // However the first one ends, this one goes with it.
            check(prctl(PR_SET_PDEATHSIG, SIGKILL), "PR_SET_PDEATHSIG");
            if (getppid() == parent) send_for(ends[1]);
            _exit(1);
        }
        verdicts_to_ = ends[0];
    }

    [[noreturn]] void run() {
        for (;;) {
            if (batch_ == 1) {
                const auto size = recv(fd(), in_.data(), kSlot, 0);
                if (size < 0 && errno == EINTR) continue;
                accept(in_.data(), static_cast<std::size_t>(check(static_cast<int>(size), "receiving a packet")));
            } else {
                const int count =
                    recvmmsg(fd(), headers_.data(), static_cast<unsigned>(batch_), MSG_WAITFORONE, nullptr);
                if (count < 0 && errno == EINTR) continue;
                check(count, "receiving packets");
                for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
                    accept(in_.data() + i * kSlot, headers_[i].msg_len);
                }
            }
            const int to = verdicts_to_ < 0 ? fd() : verdicts_to_;
            if (!out_.empty()) check(static_cast<int>(send(to, out_.data(), out_.size(), 0)), "sending verdicts");
            out_.clear();
        }
    }

   private:
    [[nodiscard]] int fd() const { return mnl_socket_get_fd(socket_); }

    void send_for(int from) {
        for (;;) {
            const auto size = recv(from, in_.data(), in_.size(), 0);
            if (size < 0 && errno == EINTR) continue;
            if (size <= 0 || send(fd(), in_.data(), static_cast<std::size_t>(size), 0) < 0) return;
        }
    }

    [[nodiscard]] nlmsghdr* begin(int type, std::uint16_t number) {
        nlmsghdr* const header = nfq_nlmsg_put(request_.data(), type, number);
        header->nlmsg_seq = ++sequence_;
        return header;
    }

    void ask(nlmsghdr& request) {
        request.nlmsg_flags |= NLM_F_ACK;
        check(static_cast<int>(mnl_socket_sendto(socket_, &request, request.nlmsg_len)), "configuring a queue");
        const auto size = mnl_socket_recvfrom(socket_, in_.data(), in_.size());
        check(static_cast<int>(size), "configuring a queue");
        const int answer = mnl_cb_run(in_.data(), static_cast<std::size_t>(size), sequence_,
                                      mnl_socket_get_portid(socket_), nullptr, nullptr);
        check(answer, "configuring a queue");
    }

    /// Puts the verdict for the packet of this message into out_.
    void accept(char* message, std::size_t size) {
        const auto* const header = reinterpret_cast<const nlmsghdr*>(message);  // as the kernel wrote it
        if (size < sizeof *header || (header->nlmsg_type & 0xffU) != NFQNL_MSG_PACKET) return;
        std::array<nlattr*, NFQA_MAX + 1> attributes{};
        if (nfq_nlmsg_parse(header, attributes.data()) < 0 || attributes[NFQA_PACKET_HDR] == nullptr) return;
        const auto* const packet =
            static_cast<const nfqnl_msg_packet_hdr*>(mnl_attr_get_payload(attributes[NFQA_PACKET_HDR]));
        const auto* const generic = static_cast<const nfgenmsg*>(mnl_nlmsg_get_payload(header));
        const std::size_t at = out_.size();
        out_.resize(at + kVerdict);
        nlmsghdr* const verdict = nfq_nlmsg_put(out_.data() + at, NFQNL_MSG_VERDICT, ntohs(generic->res_id));
        nfq_nlmsg_verdict_put(verdict, static_cast<int>(ntohl(packet->packet_id)), NF_ACCEPT);
        out_.resize(at + verdict->nlmsg_len);
    }

    std::size_t batch_;
    mnl_socket* socket_ = nullptr;
    int verdicts_to_ = -1;  ///< in place of the socket
    std::uint32_t sequence_ = 0;
    alignas(nlmsghdr) std::array<char, 256> request_{};
    std::vector<char> in_;
    std::vector<char> out_;
    std::vector<iovec> slots_;
    std::vector<mmsghdr> headers_;
};

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Receives packets from NFQUEUE and accepts them.");
    std::vector<std::uint16_t> queues;
    std::size_t batch = 1;
    bool hand_over = false;
    app.add_option("--queue", queues, "Queues to bind")->required();
    app.add_option("--batch", batch, "Packets read, and verdicts sent, at once")->check(CLI::Range(1, 64));
    app.add_flag("--hand-over", hand_over, "A second process sends the verdicts");
    CLI11_PARSE(app, argc, argv);
    try {
        Queue queue(batch);
        for (const std::uint16_t number : queues) queue.bind(number);
        if (hand_over) queue.hand_over();
        std::puts("ready");
        static_cast<void>(std::fflush(stdout));
        queue.run();
    } catch (const std::exception& error) {
        static_cast<void>(std::fprintf(stderr, "bare_queue: %s\n", error.what()));
        return 1;
    }
}
