// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "daemon/process/event_loop.h"
#include "daemon/process/interfaces.h"
#include "daemon/process/log.h"
#include "daemon/process/privileges.h"
#include "tests/daemon/support/in_child.h"

namespace messenger::daemon {
namespace {

/// Runs in a child under the filter. 0: all as it should be; else the number of the first line that was not.
template <class Body>
[[nodiscard]] int run_filtered(Body body) {
    return run_in_child([&] {
        install_syscall_filter();
        return body();
    });
}

[[nodiscard]] bool refused(long result) {
    return result < 0 && errno == EPERM;
}

TEST(SyscallFilter, RefusesToOpenFilesForWriting) {
    const int status = run_filtered([] {
        if (!refused(::open("/dev/null", O_WRONLY | O_CLOEXEC))) return 1;
        if (!refused(::open("/dev/null", O_RDWR | O_CLOEXEC))) return 2;
        if (!refused(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600))) return 3;
        if (!refused(::open("/dev/null", O_RDONLY | O_TRUNC | O_CLOEXEC))) return 4;
        if (!refused(::open("/tmp/messenger-alg-must-not-be", O_RDONLY | O_CREAT | O_CLOEXEC, 0600))) return 5;
        if (!refused(::unlink("/tmp/messenger-alg-must-not-be"))) return 6;
        if (!refused(::mkdir("/tmp/messenger-alg-must-not-be", 0700))) return 7;
        return 0;
    });
    EXPECT_TRUE(exited_with(status, 0)) << status;
}

TEST(SyscallFilter, LeavesTheWardenLessThanTheDaemon) {
    const int status = run_in_child([] {
        install_warden_filter();
        if (!refused(::open("/dev/null", O_WRONLY | O_CLOEXEC))) return 1;
        if (!refused(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))) return 2;
        if (!refused(::listen(STDIN_FILENO, 1))) return 3;
        if (!refused(::accept(STDIN_FILENO, nullptr, nullptr))) return 4;
        if (!refused(::connect(STDIN_FILENO, nullptr, 0))) return 5;
        if (!refused(::kill(::getppid(), 0))) return 6;
        if (!refused(::fork())) return 7;
        if (!refused(::dup(STDERR_FILENO))) return 8;
        // What it reads again when the daemon says so.
        if (std::ifstream("/etc/passwd").get() == EOF) return 9;
        if (list_interface_addresses().empty()) return 10;
        return 0;
    });
    EXPECT_TRUE(exited_with(status, 0)) << status;
}

TEST(SyscallFilter, RefusesOtherSocketsNewProcessesAndExecutableMemory) {
    const int status = run_filtered([] {
        if (!refused(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))) return 1;
        if (!refused(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0))) return 2;
        if (!refused(::fork())) return 3;
        if (!refused(::kill(::getppid(), 0))) return 4;
        if (::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED) return 5;
        void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED) return 6;
        if (!refused(::mprotect(page, 4096, PROT_READ | PROT_EXEC))) return 7;
        if (!refused(::setuid(1))) return 8;
        return 0;
    });
    EXPECT_TRUE(exited_with(status, 0)) << status;
}

TEST(SyscallFilter, KillsWhoRunsAProgramTracesOrLeavesTheNamespace) {
    const auto killed = [](int status) { return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS; };
    EXPECT_TRUE(killed(run_filtered([] { return ::execl("/bin/true", "true", nullptr); })));
    EXPECT_TRUE(killed(run_filtered([] { return static_cast<int>(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)); })));
    EXPECT_TRUE(killed(run_filtered([] { return ::unshare(CLONE_NEWNET); })));
    EXPECT_TRUE(killed(run_filtered([] { return ::chroot("/"); })));
}

TEST(SyscallFilter, LetsTheDaemonDoItsWork) {
    const int status = run_filtered([] {
        EventLoop loop;
        const auto timer = loop.add_timer([&] { loop.stop(); });
        loop.on_signal(SIGHUP, [] {});
        loop.set_timer(timer, loop.now());
        loop.run();
        if (list_interface_addresses().empty()) return 1;
        InterfaceMonitor monitor;
        if (monitor.take_changes()) return 2;
        Log log(LogLevel::error, LogFormat::people);
        log.info("test", "not written");
        std::ifstream self("/proc/self/stat");
        if (std::string word; !(self >> word)) return 3;
        const Fd unix_socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (!unix_socket) return 4;
        if (!refused(::dup(STDERR_FILENO))) return 5;  // not needed, so not allowed
        const std::string large(1 << 20, 'x');         // memory from mmap
        return large.size() == 1 << 20 ? 0 : 6;
    });
    EXPECT_TRUE(exited_with(status, 0)) << status;
}

}  // namespace
}  // namespace messenger::daemon
