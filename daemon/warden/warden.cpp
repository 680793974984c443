// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/warden/warden.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <new>
#include <system_error>
#include <utility>

#include "daemon/warden/place_records.h"

namespace messenger::daemon {

namespace {

/// So that a batch of verdicts seldom waits for the one before.
constexpr int kLinkRoom = 1 << 20;

[[nodiscard]] WardenCounts* share_counts() {
    static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
    void* memory = ::mmap(nullptr, sizeof(WardenCounts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {  // NOLINT(*-no-int-to-ptr, *-cstyle-cast): the system's own macro
        throw std::system_error(errno, std::generic_category(), "sharing memory");
    }
    return new (memory) WardenCounts;  // NOLINT(*-owning-memory): the mapping owns it
}

}  // namespace

Warden::Warden(WardenDuty duty, Log& log) : counts_(share_counts()) {
    duty.counts = counts_;
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        throw std::system_error(errno, std::generic_category(), "making a pair of sockets");
    }
    link_ = Fd(ends[0]);
    const Fd other(ends[1]);
    // Best effort: with less room, the two only wait for each other more often.
    static_cast<void>(::setsockopt(link_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &kLinkRoom, sizeof(kLinkRoom)));
    child_ = ::fork();
    if (child_ < 0) throw std::system_error(errno, std::generic_category(), "starting a process");
    if (child_ == 0) serve_as_warden(other.get(), std::move(duty), log);
}

Warden::~Warden() {
    link_ = Fd();
    static_cast<void>(::waitpid(child_, nullptr, 0));
    static_cast<void>(::munmap(counts_, sizeof(WardenCounts)));
}

bool Warden::put(const WardenRequest& head, std::span<const std::byte> bytes) const noexcept {
    WardenRequest first = head;
    // sendmsg(2) only reads.
    std::array<iovec, 2> parts{iovec{&first, sizeof(first)},
                               iovec{const_cast<std::byte*>(bytes.data()), bytes.size()}};  // NOLINT(*-const-cast)
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    while (message.msg_iovlen > 0) {
        const ssize_t sent = ::sendmsg(link_.get(), &message, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return false;
        auto left = static_cast<std::size_t>(sent);
        while (message.msg_iovlen > 0 && left >= message.msg_iov->iov_len) {
            left -= message.msg_iov->iov_len;
            ++message.msg_iov;
            --message.msg_iovlen;
        }
        if (message.msg_iovlen == 0) break;
        message.msg_iov->iov_base = static_cast<std::byte*>(message.msg_iov->iov_base) + left;
        message.msg_iov->iov_len -= left;
    }
    return true;
}

int Warden::ask(const WardenRequest& head, std::span<const std::byte> bytes) const noexcept {
    int code = 0;
    return put(head, bytes) && take(std::as_writable_bytes(std::span(&code, 1))) ? code : EPIPE;
}

bool Warden::take(std::span<std::byte> answer) const noexcept {
    ssize_t length = -1;
    do {
        length = ::recv(link_.get(), answer.data(), answer.size(), MSG_WAITALL);
    } while (length < 0 && errno == EINTR);
    return length == static_cast<ssize_t>(answer.size());
}

std::vector<bool> Warden::ask_about_hosts(std::span<const nft::Place> places) {
    std::vector<bool> heard;
    heard.reserve(places.size());
    std::array<std::byte, kMostPlacesAtOnce> answers{};
    while (heard.size() < places.size()) {
        const auto some = places.subspan(heard.size(), std::min(kMostPlacesAtOnce, places.size() - heard.size()));
        const std::vector<std::byte> bytes = write_places(some);
        WardenRequest head;
        head.size = static_cast<std::uint32_t>(bytes.size());
        head.channel = WardenChannel::hosts;
        const auto answer = std::span(answers).first(some.size());
        const bool answered = ask(head, bytes) == 0 && take(answer);
        for (const std::byte one : answer) heard.push_back(answered && one != std::byte{});
    }
    return heard;
}

void Warden::forget_hosts() {
    WardenRequest head;
    head.channel = WardenChannel::hosts;
    static_cast<void>(ask(head, {}));
}

WardenRequest Warden::Gate::head_of(std::span<const std::byte> request, std::size_t answers) const {
    WardenRequest head;
    head.size = static_cast<std::uint32_t>(request.size());
    head.answers = static_cast<std::uint32_t>(std::min<std::size_t>(answers, std::numeric_limits<int>::max()));
    head.channel = channel_;
    return head;
}

int Warden::Gate::send(std::span<const std::byte> request, std::size_t answers) {
    turned_down_.clear();
    if (request.size() > kLongestWardenRequest) return EMSGSIZE;
    const int code = warden_.ask(head_of(request, answers), request);
    if (code != EACCES) return code;
    std::uint32_t count = 0;
    if (!warden_.take(std::as_writable_bytes(std::span(&count, 1)))) return EPIPE;
    turned_down_.resize(count);
    return count == 0 || warden_.take(std::as_writable_bytes(std::span(turned_down_))) ? code : EPIPE;
}

int Warden::Gate::post(std::span<const std::byte> request, std::size_t answers) {
    if (request.size() > kLongestWardenRequest) return EMSGSIZE;
    WardenRequest head = head_of(request, answers);
    head.answered = false;
    return warden_.put(head, request) ? 0 : EPIPE;
}

bool Warden::post_verdicts(std::span<const std::byte> bytes) noexcept {
    WardenRequest head;
    head.size = static_cast<std::uint32_t>(bytes.size());
    head.channel = WardenChannel::queue;
    head.answered = false;
    return put(head, bytes);
}

void Warden::order_reload() {
    // One that cannot be read has been told of by the daemon, and changes nothing in either.
    static_cast<void>(ask(WardenRequest{}, {}));
}

}  // namespace messenger::daemon
