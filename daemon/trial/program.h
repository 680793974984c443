// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace messenger::daemon {

/// What came of a program.
struct Finished {
    int status = -1;     ///< of its exit; -1: it could not be started, was killed, or took too long
    std::string output;  ///< standard output and standard error, as they came
};

/// Runs a program found by PATH, in the network namespace of the calling thread, and waits for its end.
/// input: what it reads; at most what a pipe holds (64 kB).
[[nodiscard]] Finished run_program(const std::vector<std::string>& command, std::string_view input = {},
                                   std::chrono::milliseconds patience = std::chrono::seconds(10));

/// What a program said, for the middle of a sentence: its lines one behind the other.
[[nodiscard]] std::string one_line(std::string_view output);

/// A program that runs beside this one, and ends with this object at the latest.
class Companion {
   public:
    /// Writes its standard output and standard error to the file. environment: NAME=VALUE, beside our own.
    /// Throws std::system_error, also if it cannot be started.
    Companion(const std::vector<std::string>& command, const std::string& output_file,
              const std::vector<std::string>& environment);
    ~Companion();
    Companion(const Companion&) = delete;
    Companion& operator=(const Companion&) = delete;
    Companion(Companion&&) = delete;
    Companion& operator=(Companion&&) = delete;

    [[nodiscard]] bool runs();
    /// How it ended, once it does not run: "ended with status 1", "was killed by signal 9".
    [[nodiscard]] std::string ending() const;

   private:
    pid_t process_ = -1;
    int status_ = 0;  ///< of waitpid()
};

}  // namespace messenger::daemon
