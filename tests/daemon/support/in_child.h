// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <exception>

namespace messenger::daemon {

/// Runs the body in a child process, for what cannot be undone. Returns the status as waitpid gives it; the exit code
/// is what the body returns, 99 if it throws.
template <class Body>
[[nodiscard]] int run_in_child(Body body) {
    const pid_t child = ::fork();
    if (child == 0) {
        try {
            ::_exit(body());
        } catch (const std::exception&) {
            ::_exit(99);
        }
    }
    int status = -1;
    static_cast<void>(::waitpid(child, &status, 0));
    return status;
}

[[nodiscard]] inline bool exited_with(int status, int code) {
    return WIFEXITED(status) && WEXITSTATUS(status) == code;
}

}  // namespace messenger::daemon
