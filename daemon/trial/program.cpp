// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/trial/program.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <system_error>

#include "daemon/process/fd.h"

namespace messenger::daemon {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kNotStarted = 127;

[[nodiscard]] std::vector<char*> as_arguments(const std::vector<std::string>& command) {
    std::vector<char*> arguments;
    arguments.reserve(command.size() + 1);
    for (const std::string& word : command) {
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): execvp() changes none of them
        arguments.push_back(const_cast<char*>(word.c_str()));
    }
    arguments.push_back(nullptr);
    return arguments;
}

/// What a child does before it is another program. Only system calls.
void become(int input, int output) {
    static_cast<void>(::prctl(PR_SET_PDEATHSIG, SIGKILL));
    static_cast<void>(::dup2(input, STDIN_FILENO));
    static_cast<void>(::dup2(output, STDOUT_FILENO));
    static_cast<void>(::dup2(output, STDERR_FILENO));
}

struct Pipe {
    Fd out;
    Fd in;
    Pipe() {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
            throw std::system_error(errno, std::generic_category(), "making a pipe");
        }
        out = Fd(ends[0]);
        in = Fd(ends[1]);
    }
};

/// Until the other end is closed. False if that takes too long.
[[nodiscard]] bool read_all(int from, Clock::time_point deadline, std::string& text) {
    std::array<char, 4096> part{};
    while (true) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        pollfd waiting{from, POLLIN, 0};
        if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) == 0) return false;
        const ssize_t length = ::read(from, part.data(), part.size());
        if (length == 0) return true;
        if (length > 0) text.append(part.data(), static_cast<std::size_t>(length));
        if (length < 0 && errno != EINTR) return true;
    }
}

}  // namespace

Finished run_program(const std::vector<std::string>& command, std::string_view input,
                     std::chrono::milliseconds patience) {
    const std::vector<char*> arguments = as_arguments(command);
    Pipe to;
    Pipe from;
    if (::write(to.in.get(), input.data(), input.size()) != static_cast<ssize_t>(input.size())) return {};
    to.in = Fd();
    const pid_t child = ::fork();
    if (child < 0) return {};
    if (child == 0) {
        become(to.out.get(), from.in.get());
        ::execvp(arguments[0], arguments.data());
        ::_exit(kNotStarted);
    }
    from.in = Fd();
    Finished finished;
    if (!read_all(from.out.get(), Clock::now() + patience, finished.output)) static_cast<void>(::kill(child, SIGKILL));
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) != kNotStarted) finished.status = WEXITSTATUS(status);
    return finished;
}

std::string one_line(std::string_view output) {
    std::string text;
    while (!output.empty()) {
        const std::size_t end = std::min(output.find('\n'), output.size());
        if (!text.empty() && end > 0) text += "; ";
        text += output.substr(0, end);
        output.remove_prefix(std::min(end + 1, output.size()));
    }
    return text;
}

Companion::Companion(const std::vector<std::string>& command, const std::string& output_file,
                     const std::vector<std::string>& environment) {
    const std::vector<char*> arguments = as_arguments(command);
    std::vector<std::string> variables = environment;
    for (char** variable = environ; *variable != nullptr; ++variable) variables.emplace_back(*variable);
    const std::vector<char*> all = as_arguments(variables);
    constexpr mode_t kOurs = 0600;
    const Fd output(::open(output_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kOurs));
    const Fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!output || !nothing) throw std::system_error(errno, std::generic_category(), "opening " + output_file);
    // Closed by the start of the program; until then the child can tell why there is none.
    Pipe trouble;
    process_ = ::fork();
    if (process_ < 0) throw std::system_error(errno, std::generic_category(), "starting a process");
    if (process_ == 0) {
        become(nothing.get(), output.get());
        ::execvpe(arguments[0], arguments.data(), all.data());
        const int error = errno;
        const ssize_t told = ::write(trouble.in.get(), &error, sizeof error);
        static_cast<void>(told);
        ::_exit(kNotStarted);
    }
    trouble.in = Fd();
    int error = 0;
    ssize_t length = 0;
    while ((length = ::read(trouble.out.get(), &error, sizeof error)) < 0 && errno == EINTR) {
    }
    if (length != static_cast<ssize_t>(sizeof error)) return;
    while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
    }
    throw std::system_error(error, std::generic_category(), "starting " + command.front());
}

Companion::~Companion() {
    if (!runs()) return;
    static_cast<void>(::kill(process_, SIGKILL));
    while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

bool Companion::runs() {
    if (process_ > 0 && ::waitpid(process_, &status_, WNOHANG) != 0) process_ = -1;
    return process_ > 0;
}

std::string Companion::ending() const {
    if (WIFSIGNALED(status_)) return "was killed by signal " + std::to_string(WTERMSIG(status_));
    return "ended with status " + std::to_string(WEXITSTATUS(status_));
}

}  // namespace messenger::daemon
