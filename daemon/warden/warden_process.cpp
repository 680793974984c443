// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/warden/warden_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "daemon/config/config_file.h"
#include "daemon/config/reloadable.h"
#include "daemon/process/clock.h"
#include "daemon/process/interfaces.h"
#include "daemon/process/privileges.h"
#include "daemon/warden/heard_hosts.h"
#include "daemon/warden/opening_rules.h"
#include "daemon/warden/place_records.h"
#include "daemon/warden/verdict_check.h"
#include "daemon/warden/warden_request.h"
#include "nft/kernel_ruleset.h"
#include "nft/netlink_socket.h"

namespace messenger::daemon {

namespace {

constexpr std::size_t kFirstRoom = std::size_t{256} * 1024;
constexpr auto kPauseBetweenLooks = std::chrono::milliseconds(100);
constexpr auto kBetweenRounds = std::chrono::seconds(3);
constexpr auto kBetweenVerdictsTold = std::chrono::seconds(10);

/// Requests out of a stream. Keeps room for ordinary ones, of which only as much is touched as they need.
class RequestStream {
   public:
    explicit RequestStream(int link) : link_(link) { make_room(kFirstRoom); }

    struct Request {
        WardenRequest head;
        std::span<const std::byte> bytes;  ///< until the next call
    };
    /// Waits for one. Absent at the end of the stream, and where it makes no sense.
    [[nodiscard]] std::optional<Request> next() {
        Request request;
        if (!have(sizeof(WardenRequest))) return std::nullopt;
        std::memcpy(&request.head, buffer_.get() + begin_, sizeof(WardenRequest));
        if (request.head.size > kLongestWardenRequest || request.head.size % 4 != 0) return std::nullopt;
        if (!have(sizeof(WardenRequest) + request.head.size)) return std::nullopt;
        request.bytes = {buffer_.get() + begin_ + sizeof(WardenRequest), request.head.size};
        begin_ += sizeof(WardenRequest) + request.head.size;
        return request;
    }

   private:
    /// Waits until so many bytes are there, from begin_ on.
    [[nodiscard]] bool have(std::size_t size) {
        if (begin_ == end_) {
            begin_ = end_ = 0;
            if (room_ > kFirstRoom && size <= kFirstRoom) make_room(kFirstRoom);
        }
        while (end_ - begin_ < size) {
            if (room_ - begin_ < size) make_room(std::max(size, kFirstRoom));
            const ssize_t length = ::recv(link_, buffer_.get() + end_, room_ - end_, 0);
            if (length == 0 || (length < 0 && errno != EINTR)) return false;
            if (length > 0) end_ += static_cast<std::size_t>(length);
        }
        return true;
    }

    /// What is there moves to the front.
    void make_room(std::size_t room) {
        const std::size_t left = end_ - begin_;
        if (room == room_) {
            std::memmove(buffer_.get(), buffer_.get() + begin_, left);
        } else {
            auto other = std::make_unique_for_overwrite<std::byte[]>(room);  // NOLINT(modernize-avoid-c-arrays)
            if (left > 0) std::memcpy(other.get(), buffer_.get() + begin_, left);
            buffer_ = std::move(other);
            room_ = room;
        }
        begin_ = 0;
        end_ = left;
    }

    int link_;
    std::unique_ptr<std::byte[]> buffer_;  // NOLINT(modernize-avoid-c-arrays): not to be zeroed, as a vector would
    std::size_t room_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

class WardenProcess {
   public:
    /// own: whose answers nobody else reads.
    WardenProcess(int link, WardenDuty duty, nft::NetlinkSocket own, Log& log)
        : link_(link),
          duty_(std::move(duty)),
          log_(log),
          sets_(std::move(own)),
          sockets_{adopt(duty_.ruleset), adopt(duty_.schema), adopt(duty_.conntrack)} {
        look_at_host();
        take_up();
    }

    void serve() {
        RequestStream requests(link_);
        while (const auto request = requests.next()) {
            // An address that this host had is somebody else's to open something for.
            if (read_clock() >= next_round_) look_at_host();
            if (request->head.channel == WardenChannel::hosts) {
                if (!answer_about_hosts(request->bytes)) return;
                continue;
            }
            const int code = carry_out(request->head, request->bytes);
            if (!request->head.answered) continue;
            if (!reply(std::as_bytes(std::span(&code, 1)))) return;
            if (code == EACCES && !name_to_blame()) return;
        }
    }

   private:
    [[nodiscard]] static nft::NetlinkSocket adopt(int descriptor) {
        auto socket = nft::NetlinkSocket::adopt(descriptor);
        if (!socket) throw std::runtime_error(socket.error().message());
        return *std::move(socket);
    }

    [[nodiscard]] int carry_out(const WardenRequest& head, std::span<const std::byte> bytes) {
        switch (head.channel) {
            case WardenChannel::ruleset:
            case WardenChannel::schema:
            case WardenChannel::conntrack:
                return send(sockets_.at(static_cast<std::size_t>(head.channel)), bytes, head.answers);
            case WardenChannel::queue: return send_verdicts(bytes);
            case WardenChannel::orders: return read_configuration();
            case WardenChannel::hosts: break;
        }
        return EINVAL;
    }

    [[nodiscard]] bool reply(std::span<const std::byte> bytes) const {
        return ::send(link_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
    }

    [[nodiscard]] bool name_to_blame() const {
        const auto count = static_cast<std::uint32_t>(to_blame_.size());
        return reply(std::as_bytes(std::span(&count, 1))) && (count == 0 || reply(std::as_bytes(std::span(to_blame_))));
    }

    [[nodiscard]] bool answer_about_hosts(std::span<const std::byte> bytes) {
        if (bytes.empty()) heard_.forget_all();
        const auto places = read_places(bytes);
        const int code = places ? 0 : EINVAL;
        const auto code_bytes = std::as_bytes(std::span(&code, 1));
        std::vector<std::byte> answer(code_bytes.begin(), code_bytes.end());
        if (places) {
            for (const bool heard : heard_.look(*places)) answer.push_back(static_cast<std::byte>(heard ? 1 : 0));
        }
        return reply(answer);
    }

    [[nodiscard]] int send(nft::NetlinkSocket& socket, std::span<const std::byte> bytes, std::size_t answers) {
        std::string fault = check_->find_fault(bytes, to_blame_);
        if (!fault.empty() && may_look_again()) {  // this host may have another address since
            look_at_host();
            fault = check_->find_fault(bytes, to_blame_);
        }
        if (!fault.empty()) {
            const std::size_t more = std::max<std::size_t>(to_blame_.size(), 1) - 1;
            log_.error("warden", "turned down, and nothing of it was done: {}{}", fault,
                       more == 0 ? "" : " and " + std::to_string(more) + " more");
            return EACCES;
        }
        if (const auto room = socket.reserve(bytes.size(), answers); !room) return room.error().code;
        const auto sent = socket.send(bytes, "pass on a request");
        return sent ? 0 : sent.error().code;
    }

    [[nodiscard]] int send_verdicts(std::span<const std::byte> bytes) {
        bool good = verdicts_.holds_only_verdicts(bytes);
        if (!good && may_look_again()) {
            look_at_host();
            good = verdicts_.holds_only_verdicts(bytes);
        }
        if (good) return give(bytes);
        const VerdictCheck::Mended mended = verdicts_.mend(bytes);
        duty_.counts->verdicts += mended.turned_down;
        tell_of_verdicts(mended.turned_down);
        return mended.bytes.empty() ? EACCES : give(mended.bytes);
    }

    void tell_of_verdicts(std::size_t turned_down) {
        untold_verdicts_ += turned_down;
        const alg::TimePoint now = read_clock();
        if (now < next_told_) return;
        next_told_ = now + kBetweenVerdictsTold;
        log_.error("warden",
                   "turned down {} verdicts, and dropped their packets: they are not as the daemon gives them, or what "
                   "a packet was to become is no signalling of an inside host",
                   std::exchange(untold_verdicts_, 0));
    }

    [[nodiscard]] int give(std::span<const std::byte> bytes) {
        if (send_to_queue(bytes)) return 0;
        // When the kernel has no room for a whole batch, it may still have for each of its messages.
        int code = 0;
        while (!bytes.empty()) {
            nlmsghdr head{};
            std::memcpy(&head, bytes.data(), sizeof(head));
            if (!send_to_queue(bytes.first(head.nlmsg_len))) code = errno;
            bytes = bytes.subspan(head.nlmsg_len);
        }
        if (code != 0) log_.error("warden", "verdicts could not be given: {}", std::generic_category().message(code));
        return code;
    }

    [[nodiscard]] bool send_to_queue(std::span<const std::byte> bytes) const {
        ssize_t sent = -1;
        do {
            sent = ::send(duty_.queue, bytes.data(), bytes.size(), 0);
        } while (sent < 0 && errno == EINTR);
        return sent >= 0;
    }

    /// A configuration that is wrong changes nothing, as in the daemon.
    [[nodiscard]] int read_configuration() {
        const ConfigResult result = read_config_file(duty_.config_file);
        if (!result.config) return EINVAL;
        take_reloadable(*result.config, duty_.config);
        log_.set_level(duty_.config.log.level);
        look_at_host();
        take_up();
        return 0;
    }

    [[nodiscard]] bool may_look_again() { return read_clock() >= next_look_; }

    void look_at_host() {
        const alg::TimePoint now = read_clock();
        next_look_ = now + kPauseBetweenLooks;
        next_round_ = now + kBetweenRounds;
        auto addresses = list_interface_addresses();
        if (addresses == addresses_) return;
        addresses_ = std::move(addresses);
        take_up();
    }

    /// What there is to judge by.
    void take_up() {
        check_.reset();
        verdicts_.update(duty_.config, addresses_);
        rules_.emplace(duty_.config, addresses_, &heard_);
        check_.emplace(duty_.schema_options, *rules_);
    }

    int link_;
    WardenDuty duty_;
    Log& log_;
    nft::KernelRuleset sets_;
    HeardHosts heard_{sets_};
    std::array<nft::NetlinkSocket, 3> sockets_;  ///< by WardenChannel
    std::vector<std::uint32_t> to_blame_;        ///< of the last request
    alg::TimePoint next_look_;                   ///< not before, whatever seems to be wrong
    alg::TimePoint next_round_;  ///< then at the latest, for what is to be opened may be allowed no more
    alg::TimePoint next_told_;
    std::size_t untold_verdicts_ = 0;
    std::vector<InterfaceAddress> addresses_;  ///< of this host, when it looked last
    VerdictCheck verdicts_;
    std::optional<OpeningRules> rules_;
    std::optional<nft::RequestCheck> check_;
};

/// Only what it works with stays open, and standard error.
void close_others(int link, const WardenDuty& duty) {
    std::array<int, 6> kept{STDERR_FILENO, link, duty.ruleset, duty.schema, duty.conntrack, duty.queue};
    std::sort(kept.begin(), kept.end());
    unsigned next = 0;
    for (const int descriptor : kept) {
        const auto number = static_cast<unsigned>(descriptor);
        if (number > next) static_cast<void>(::close_range(next, number - 1, 0));
        next = number + 1;
    }
    static_cast<void>(::close_range(next, UINT_MAX, 0));
}

}  // namespace

void serve_as_warden(int link, WardenDuty duty, Log& log) {
    try {
        static_cast<void>(::prctl(PR_SET_NAME, "messenger-wardn"));
        // It ends with the daemon and not before, for the daemon has to put things in order.
        for (const int signal : {SIGTERM, SIGINT, SIGHUP}) static_cast<void>(std::signal(signal, SIG_IGN));
        close_others(link, duty);
        auto own = nft::NetlinkSocket::open();
        if (!own) throw std::runtime_error(own.error().message());
        keep_only_net_admin();
        install_warden_filter();
        WardenProcess(link, std::move(duty), *std::move(own), log).serve();
        ::_exit(0);
    } catch (const std::exception& error) {
        log.error("warden", "{}", error.what());
    }
    ::_exit(1);
}

}  // namespace messenger::daemon
