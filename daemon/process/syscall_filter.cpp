// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>

#include "daemon/process/privileges.h"

namespace messenger::daemon {

namespace {

struct ReleaseFilter {
    void operator()(void* filter) const { seccomp_release(filter); }
};

// What every process needs that talks through sockets which exist already, with what the sanitizers and the C library
// ask for besides; all that the warden needs.
constexpr auto kAllowedToBoth = std::to_array<int>({
    // what is open already
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(close),
    SCMP_SYS(lseek),
    SCMP_SYS(fstat),
    SCMP_SYS(fstat64),
    SCMP_SYS(newfstatat),
    SCMP_SYS(fstatat64),
    SCMP_SYS(statx),
    // a pipe is where the undefined behaviour sanitizer tries whether memory can be read
    SCMP_SYS(pipe),
    SCMP_SYS(pipe2),
    // sockets that exist; new ones below
    SCMP_SYS(bind),
    SCMP_SYS(send),
    SCMP_SYS(sendto),
    SCMP_SYS(sendmsg),
    SCMP_SYS(recv),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(recvmmsg),
    SCMP_SYS(recvmmsg_time64),
    SCMP_SYS(getsockname),
    SCMP_SYS(setsockopt),
    // memory
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    // time, signals, threads that exist
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_gettime64),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(futex),
    SCMP_SYS(futex_time64),
    SCMP_SYS(sched_yield),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    // who and what we are
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getrandom),
});

constexpr auto kAllowedToDaemon = std::to_array<int>({
    // what is open already
    SCMP_SYS(readv),
    SCMP_SYS(pread64),
    SCMP_SYS(_llseek),
    SCMP_SYS(fcntl),
    SCMP_SYS(fcntl64),
    SCMP_SYS(stat),
    SCMP_SYS(stat64),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(getdents64),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    // waiting
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(ppoll_time64),
    SCMP_SYS(eventfd2),
    SCMP_SYS(timerfd_create),
    SCMP_SYS(timerfd_settime),
    SCMP_SYS(timerfd_settime64),
    SCMP_SYS(timerfd_gettime),
    SCMP_SYS(signalfd4),
    // sockets that exist; new ones below
    SCMP_SYS(connect),
    SCMP_SYS(listen),
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(shutdown),
    SCMP_SYS(sendmmsg),
    SCMP_SYS(getpeername),
    SCMP_SYS(getsockopt),
    // time, signals, threads that exist
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(clock_nanosleep_time64),
    SCMP_SYS(nanosleep),
    SCMP_SYS(time),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(rseq),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(membarrier),
    // who and what we are
    SCMP_SYS(getppid),
    SCMP_SYS(getuid),
    SCMP_SYS(getuid32),
    SCMP_SYS(geteuid),
    SCMP_SYS(geteuid32),
    SCMP_SYS(getgid),
    SCMP_SYS(getgid32),
    SCMP_SYS(getegid),
    SCMP_SYS(getegid32),
    SCMP_SYS(getrusage),
    SCMP_SYS(sysinfo),
    SCMP_SYS(uname),
});

// No library of ours ever falls back on one of these: an attempt means that somebody else gives the orders.
constexpr auto kDeadly = std::to_array<int>({
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(bpf),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(setns),
    SCMP_SYS(unshare),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
});

class Filter {
   public:
    Filter() : filter_(seccomp_init(SCMP_ACT_ERRNO(EPERM))) {
        if (!filter_) throw std::runtime_error("making a system call filter failed");
    }

    void add(std::uint32_t action, int call) { check(seccomp_rule_add(filter_.get(), action, call, 0), call); }
    /// Allows a call if one of its arguments is as said.
    void allow_if(int call, scmp_arg_cmp condition) {
        check(seccomp_rule_add_array(filter_.get(), SCMP_ACT_ALLOW, call, 1, &condition), call);
    }
    void load() {
        // All threads at once: one left out could be made to act for the others.
        int error = seccomp_attr_set(filter_.get(), SCMP_FLTATR_CTL_TSYNC, 1);
        if (error == 0) error = seccomp_load(filter_.get());
        if (error != 0)
            throw std::runtime_error("installing the system call filter failed: errno " + std::to_string(-error));
    }

   private:
    static void check(int error, int call) {
        // The lists name calls of several architectures; those unknown to this one are negative and need no rule.
        if (error != 0 && call >= 0) {
            throw std::runtime_error("a rule for system call " + std::to_string(call) + " failed: errno " +
                                     std::to_string(-error));
        }
    }
    std::unique_ptr<void, ReleaseFilter> filter_;
};

[[nodiscard]] scmp_arg_cmp argument_is(unsigned argument, std::uint64_t value) {
    return {argument, SCMP_CMP_EQ, value, 0};
}

/// None of the bits is set.
[[nodiscard]] scmp_arg_cmp argument_lacks(unsigned argument, std::uint64_t bits) {
    return {argument, SCMP_CMP_MASKED_EQ, bits, 0};
}

void allow_calls_by_argument(Filter& filter) {
    // Reading only: O_TMPFILE and O_CREAT without O_WRONLY would still make a file, and O_TRUNC would empty one.
    constexpr std::uint64_t kChanges = O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
    filter.allow_if(SCMP_SYS(open), argument_lacks(1, kChanges));
    filter.allow_if(SCMP_SYS(openat), argument_lacks(2, kChanges));
    filter.allow_if(SCMP_SYS(socket), argument_is(0, AF_UNIX));
    filter.allow_if(SCMP_SYS(socket), argument_is(0, AF_NETLINK));
    filter.allow_if(SCMP_SYS(mmap), argument_lacks(2, PROT_EXEC));
    filter.allow_if(SCMP_SYS(mmap2), argument_lacks(2, PROT_EXEC));
    filter.allow_if(SCMP_SYS(mprotect), argument_lacks(2, PROT_EXEC));
    // Is this a terminal; what is this interface called.
    for (const std::uint64_t request :
         {std::uint64_t{TCGETS}, std::uint64_t{SIOCGIFNAME}, std::uint64_t{SIOCGIFINDEX}}) {
        filter.allow_if(SCMP_SYS(ioctl), argument_is(1, request));
    }
    // Reading a limit is a call that sets nothing; names of threads.
    filter.allow_if(SCMP_SYS(prlimit64), argument_is(2, 0));
    filter.allow_if(SCMP_SYS(prctl), argument_is(0, PR_SET_NAME));
    // abort() sends its own process a signal.
    filter.allow_if(SCMP_SYS(tgkill), argument_is(0, static_cast<std::uint64_t>(::getpid())));
}

void install(std::span<const int> more) {
    Filter filter;
    for (const auto& allowed : {std::span<const int>(kAllowedToBoth), more}) {
        for (const int call : allowed) filter.add(SCMP_ACT_ALLOW, call);
    }
    for (const int call : kDeadly) filter.add(SCMP_ACT_KILL_PROCESS, call);
    allow_calls_by_argument(filter);
    filter.load();
}

}  // namespace

void install_syscall_filter() {
    install(kAllowedToDaemon);
}

void install_warden_filter() {
    install({});
}

}  // namespace messenger::daemon
