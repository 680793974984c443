// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/process/event_loop.h"

#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "daemon/process/clock.h"
#include "daemon/process/throw_errno.h"

namespace messenger::daemon {

namespace {

constexpr std::size_t kEventsPerRound = 32;

/// What epoll hands back to us. A number of a descriptor may be given away again while an event of its former owner is
/// still in the batch; the generation tells the two apart.
[[nodiscard]] std::uint64_t make_key(int fd, std::uint32_t generation) {
    return std::uint64_t{generation} << 32U | static_cast<std::uint32_t>(fd);
}

}  // namespace

EventLoop::EventLoop()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      timer_fd_(::timerfd_create(kClock, TFD_CLOEXEC | TFD_NONBLOCK)),
      now_(read_clock()) {
    if (!epoll_) throw_errno("creating an epoll descriptor");
    if (!timer_fd_) throw_errno("creating a timer descriptor");
    static_cast<void>(sigemptyset(&signals_));
    watch(timer_fd_.get(), EPOLLIN, [this](std::uint32_t /*events*/) { run_timers(); });
}

EventLoop::~EventLoop() = default;

void EventLoop::watch(int fd, std::uint32_t events, FdHandler handler) {
    assert(watches_.find(fd) == watches_.end());
    const std::uint32_t generation = ++generation_;
    epoll_event event{};
    event.events = events;
    event.data.u64 = make_key(fd, generation);
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
        throw_errno("watching descriptor " + std::to_string(fd));
    watches_[fd] = std::make_unique<Watch>(Watch{generation, std::move(handler)});
}

void EventLoop::change_events(int fd, std::uint32_t events) {
    const auto found = watches_.find(fd);
    assert(found != watches_.end());
    if (found == watches_.end()) return;
    epoll_event event{};
    event.events = events;
    event.data.u64 = make_key(fd, found->second->generation);
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0)
        throw_errno("watching descriptor " + std::to_string(fd));
}

void EventLoop::unwatch(int fd) {
    const auto found = watches_.find(fd);
    if (found == watches_.end()) return;
    // Fails only for a descriptor that was closed before, which epoll has then forgotten by itself.
    static_cast<void>(::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr));
    retired_.push_back(std::move(found->second));
    watches_.erase(found);
}

EventLoop::TimerId EventLoop::add_timer(Handler handler) {
    timers_.push_back(std::make_unique<Timer>(Timer{std::nullopt, std::move(handler)}));
    return timers_.size() - 1;
}

void EventLoop::set_timer(TimerId timer, std::optional<alg::TimePoint> when) {
    assert(timer < timers_.size());
    timers_[timer]->when = when;
}

void EventLoop::on_signal(int signal, Handler handler) {
    static_cast<void>(sigaddset(&signals_, signal));
    if (const int error = pthread_sigmask(SIG_BLOCK, &signals_, nullptr); error != 0) {
        throw std::system_error(error, std::generic_category(), "blocking signals");
    }
    const int fd = ::signalfd(signal_fd_.get(), &signals_, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) throw_errno("creating a signal descriptor");
    if (!signal_fd_) {
        signal_fd_.reset(fd);
        watch(fd, EPOLLIN, [this](std::uint32_t /*events*/) { read_signals(); });
    }
    signal_handlers_[signal] = std::move(handler);
}

void EventLoop::run() {
    stopping_ = false;
    while (!stopping_) run_once();
}

void EventLoop::run_once(bool wait) {
    if (rests_until_ && wait) sleep_until(*rests_until_);
    rests_until_.reset();
    arm_timer_fd();
    std::array<epoll_event, kEventsPerRound> events{};
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait ? -1 : 0);
    if (count < 0 && errno != EINTR) throw_errno("waiting for events");
    now_ = read_clock();
    if (count <= 0) return;
    ++wake_ups_;
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) dispatch(events[i].data.u64, events[i].events);
    if (after_round_) after_round_();
    if (count > 1) rests_until_.reset();
    retired_.clear();
}

void EventLoop::dispatch(std::uint64_t key, std::uint32_t events) {
    const auto found = watches_.find(static_cast<int>(key & 0xffffffffU));
    if (found == watches_.end() || make_key(found->first, found->second->generation) != key) return;
    found->second->handler(events);
}

void EventLoop::run_timers() {
    std::uint64_t expirations = 0;
    // Only takes the mark off; what is due, the timers themselves say.
    [[maybe_unused]] const ssize_t taken = ::read(timer_fd_.get(), &expirations, sizeof(expirations));
    armed_.reset();
    // By index: a handler may add timers. One that sets itself to a time that has passed runs in the next round.
    const std::size_t count = timers_.size();
    for (std::size_t i = 0; i < count; ++i) {
        Timer& timer = *timers_[i];
        if (!timer.when || *timer.when > now_) continue;
        timer.when.reset();
        timer.handler();
    }
}

void EventLoop::arm_timer_fd() {
    std::optional<alg::TimePoint> earliest;
    for (const auto& timer : timers_) {
        if (timer->when && (!earliest || *timer->when < *earliest)) earliest = timer->when;
    }
    if (earliest == armed_) return;
    itimerspec spec{};
    if (earliest) {
        // All zeros would disarm it; a time that has passed fires at once.
        const auto since_epoch = std::max(earliest->time_since_epoch(), alg::Duration(1));
        const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
        spec.it_value.tv_sec = seconds.count();
        spec.it_value.tv_nsec = (since_epoch - seconds).count();
    }
    if (::timerfd_settime(timer_fd_.get(), TFD_TIMER_ABSTIME, &spec, nullptr) != 0) throw_errno("setting a timer");
    armed_ = earliest;
}

void EventLoop::read_signals() {
    signalfd_siginfo info{};
    while (::read(signal_fd_.get(), &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) {
        const auto found = signal_handlers_.find(static_cast<int>(info.ssi_signo));
        if (found != signal_handlers_.end()) found->second();
    }
}

}  // namespace messenger::daemon
