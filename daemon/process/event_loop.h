// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <csignal>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "alg/base/time.h"
#include "daemon/process/fd.h"

namespace messenger::daemon {

/// One thread's wait for descriptors, times and signals. It sleeps until one of them is due: an idle loop never wakes
/// up. Handlers run in this thread, may add and remove anything, also themselves, and must not throw: what they throw
/// ends run().
class EventLoop {
   public:
    /// events: EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR, as epoll(7) reports them.
    using FdHandler = std::function<void(std::uint32_t events)>;
    using Handler = std::function<void()>;
    using TimerId = std::size_t;

    /// Throws std::system_error.
    EventLoop();
    ~EventLoop();
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;
    EventLoop(EventLoop&&) = delete;
    EventLoop& operator=(EventLoop&&) = delete;

    /// Level-triggered. The descriptor stays the caller's, who calls unwatch before closing it.
    void watch(int fd, std::uint32_t events, FdHandler handler);
    void change_events(int fd, std::uint32_t events);
    void unwatch(int fd);

    /// A timer without a time; it lives as long as the loop.
    [[nodiscard]] TimerId add_timer(Handler handler);
    /// When it shall run, once; absent: never. A time that has passed runs in the next round.
    void set_timer(TimerId timer, std::optional<alg::TimePoint> when);

    /// Blocks the signal in this thread, and in threads that it starts from now on, and has it handled here.
    /// Call it before any thread is started.
    void on_signal(int signal, Handler handler);

    /// Runs at the end of each round, when all handlers of a wake-up have run: the place for a group commit.
    void after_each_round(Handler handler) { after_round_ = std::move(handler); }

    /// The next round does not begin before then, if in this one a single descriptor was ready: everything waits,
    /// signals too, and somebody may send so much that it has to be read at once. So some milliseconds at most.
    void rest_until(alg::TimePoint when) { rests_until_ = when; }

    /// Until stop().
    void run();
    /// One round; waits for an event unless wait is false.
    void run_once(bool wait = true);
    void stop() { stopping_ = true; }

    /// The time at which the present round began: one reading of the clock for all its handlers.
    [[nodiscard]] alg::TimePoint now() const { return now_; }
    /// How often the loop has woken up.
    [[nodiscard]] std::uint64_t wake_ups() const { return wake_ups_; }

   private:
    struct Watch {
        std::uint32_t generation;
        FdHandler handler;
    };
    struct Timer {
        std::optional<alg::TimePoint> when;
        Handler handler;
    };

    void dispatch(std::uint64_t key, std::uint32_t events);
    void run_timers();
    void arm_timer_fd();
    void read_signals();

    Fd epoll_;
    Fd timer_fd_;
    Fd signal_fd_;
    sigset_t signals_{};
    std::unordered_map<int, std::unique_ptr<Watch>> watches_;
    std::vector<std::unique_ptr<Watch>> retired_;  ///< unwatched in this round; one of them may be running
    std::vector<std::unique_ptr<Timer>> timers_;   ///< a handful, so looked through
    std::unordered_map<int, Handler> signal_handlers_;
    Handler after_round_;
    std::optional<alg::TimePoint> armed_;
    std::optional<alg::TimePoint> rests_until_;
    alg::TimePoint now_;
    std::uint64_t wake_ups_ = 0;
    std::uint32_t generation_ = 0;
    bool stopping_ = false;
};

}  // namespace messenger::daemon
