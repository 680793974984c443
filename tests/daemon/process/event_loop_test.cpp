// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/process/event_loop.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <string>

#include <gtest/gtest.h>

#include "daemon/process/clock.h"
#include "tests/daemon/support/in_child.h"

namespace messenger::daemon {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

struct Pipe {
    Pipe() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
        read.reset(ends[0]);
        write.reset(ends[1]);
    }
    void put() const { EXPECT_EQ(::write(write.get(), "x", 1), 1); }
    void take() const {
        char c = 0;
        EXPECT_EQ(::read(read.get(), &c, 1), 1);
    }
    Fd read;
    Fd write;
};

TEST(EventLoop, CallsTheHandlerOfAReadableDescriptor) {
    EventLoop loop;
    const Pipe pipe;
    int calls = 0;
    loop.watch(pipe.read.get(), EPOLLIN, [&](std::uint32_t events) {
        EXPECT_EQ(events, static_cast<std::uint32_t>(EPOLLIN));
        pipe.take();
        ++calls;
    });
    loop.run_once(false);
    EXPECT_EQ(calls, 0);
    pipe.put();
    loop.run_once();
    EXPECT_EQ(calls, 1);
    loop.unwatch(pipe.read.get());
    pipe.put();
    loop.run_once(false);
    EXPECT_EQ(calls, 1);
}

TEST(EventLoop, ChangesWhatItWaitsFor) {
    EventLoop loop;
    const Pipe pipe;
    int calls = 0;
    loop.watch(pipe.write.get(), 0, [&](std::uint32_t /*events*/) { ++calls; });
    loop.run_once(false);
    EXPECT_EQ(calls, 0);
    loop.change_events(pipe.write.get(), EPOLLOUT);
    loop.run_once();
    EXPECT_EQ(calls, 1);
}

TEST(EventLoop, LetsAHandlerRemoveItselfAndOthersOfTheSameRound) {
    EventLoop loop;
    const Pipe first;
    const Pipe second;
    int calls = 0;
    const auto remove_both = [&](std::uint32_t /*events*/) {
        ++calls;
        loop.unwatch(first.read.get());
        loop.unwatch(second.read.get());
        ++calls;  // what the handler captured is still alive
    };
    loop.watch(first.read.get(), EPOLLIN, remove_both);
    loop.watch(second.read.get(), EPOLLIN, remove_both);
    first.put();
    second.put();
    loop.run_once();
    loop.run_once(false);
    EXPECT_EQ(calls, 2);
}

TEST(EventLoop, DoesNotGiveAnEventToTheNextOwnerOfTheDescriptor) {
    EventLoop loop;
    const Pipe first;
    const Pipe second;
    int strangers = 0;
    const auto replace_other = [&](const Pipe& other) {
        return [&](std::uint32_t /*events*/) {
            loop.unwatch(other.read.get());
            loop.watch(other.read.get(), 0, [&](std::uint32_t /*events*/) { ++strangers; });
        };
    };
    loop.watch(first.read.get(), EPOLLIN, replace_other(second));
    loop.watch(second.read.get(), EPOLLIN, replace_other(first));
    first.put();
    second.put();
    loop.run_once();
    EXPECT_EQ(strangers, 0);
}

TEST(EventLoop, RunsTimersInTimeAndOnce) {
    EventLoop loop;
    int early = 0;
    int late = 0;
    const auto first = loop.add_timer([&] { ++early; });
    const auto second = loop.add_timer([&] { ++late; });
    const auto start = read_clock();
    loop.set_timer(first, start + milliseconds(10));
    loop.set_timer(second, start + hours(1));
    loop.run_once();
    EXPECT_GE(read_clock() - start, milliseconds(10));
    EXPECT_GE(loop.now() - start, milliseconds(10));
    EXPECT_EQ(early, 1);
    EXPECT_EQ(late, 0);
    loop.set_timer(second, start);  // has passed
    loop.run_once();
    EXPECT_EQ(early, 1);
    EXPECT_EQ(late, 1);
    loop.set_timer(first, alg::TimePoint());  // the clock's very beginning, too
    loop.run_once();
    EXPECT_EQ(early, 2);
}

TEST(EventLoop, ForgetsATimerThatIsTakenBack) {
    EventLoop loop;
    int calls = 0;
    const auto timer = loop.add_timer([&] { ++calls; });
    const auto other = loop.add_timer([&] { loop.stop(); });
    loop.set_timer(timer, read_clock() + milliseconds(5));
    loop.run_once(false);
    loop.set_timer(timer, std::nullopt);
    loop.set_timer(other, read_clock() + milliseconds(20));
    loop.run();
    EXPECT_EQ(calls, 0);
    EXPECT_EQ(loop.wake_ups(), 1U);
}

TEST(EventLoop, LetsATimerSetItselfAgain) {
    EventLoop loop;
    int calls = 0;
    EventLoop::TimerId timer = 0;
    timer = loop.add_timer([&] {
        if (++calls < 3) {
            loop.set_timer(timer, loop.now());
        } else {
            loop.stop();
        }
    });
    loop.set_timer(timer, read_clock());
    loop.run();
    EXPECT_EQ(calls, 3);
    EXPECT_EQ(loop.wake_ups(), 3U);
}

TEST(EventLoop, EndsEachRoundWithOneCall) {
    EventLoop loop;
    const Pipe first;
    const Pipe second;
    std::string order;
    loop.watch(first.read.get(), EPOLLIN, [&](std::uint32_t /*events*/) {
        first.take();
        order += 'h';
    });
    loop.watch(second.read.get(), EPOLLIN, [&](std::uint32_t /*events*/) {
        second.take();
        order += 'h';
    });
    loop.after_each_round([&] { order += '.'; });
    first.put();
    second.put();
    loop.run_once();
    EXPECT_EQ(order, "hh.");
}

TEST(EventLoop, HandlesSignals) {
    // In a child: which signals are blocked is not undone.
    const int status = run_in_child([] {
        EventLoop loop;
        int hangups = 0;
        loop.on_signal(SIGHUP, [&] { ++hangups; });
        loop.on_signal(SIGTERM, [&] { loop.stop(); });
        static_cast<void>(::kill(::getpid(), SIGHUP));
        loop.run_once();
        static_cast<void>(::kill(::getpid(), SIGTERM));
        loop.run();
        return hangups;
    });
    EXPECT_TRUE(exited_with(status, 1)) << status;
}

TEST(EventLoop, RestsBeforeTheNextRoundOnly) {
    EventLoop loop;
    const Pipe pipe;
    alg::TimePoint called;
    loop.watch(pipe.read.get(), EPOLLIN, [&](std::uint32_t /*events*/) { called = loop.now(); });
    pipe.put();
    const alg::TimePoint until = read_clock() + milliseconds(20);
    loop.rest_until(until);
    loop.run_once();
    EXPECT_GE(called, until);
    const alg::TimePoint again = read_clock();
    loop.rest_until(again + hours(1));
    loop.run_once(false);
    EXPECT_GE(called, again) << "who does not want to wait does not rest either";
    loop.run_once();
    EXPECT_LT(called, again + hours(1)) << "nor does the round after that one";
    loop.unwatch(pipe.read.get());
}

TEST(EventLoop, DoesNotRestWhileSeveralDescriptorsAreReady) {
    EventLoop loop;
    const std::array<Pipe, 2> pipes;
    for (const Pipe& pipe : pipes) {
        loop.watch(pipe.read.get(), EPOLLIN, [&](std::uint32_t /*events*/) { loop.rest_until(loop.now() + hours(1)); });
        pipe.put();
    }
    const alg::TimePoint begun = read_clock();
    loop.run_once();
    loop.run_once();
    EXPECT_LT(read_clock(), begun + hours(1));
}

}  // namespace
}  // namespace messenger::daemon
