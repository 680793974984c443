// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <signal.h>

#include <array>
#include <exception>

namespace messenger::daemon {

/// Somebody wants this program to end. On its way out everything is taken away that was made for the trial.
class Interrupted : public std::exception {
   public:
    explicit Interrupted(int signal) : signal_(signal) {}
    [[nodiscard]] int signal() const { return signal_; }
    [[nodiscard]] const char* what() const noexcept override { return "interrupted"; }

   private:
    int signal_;
};

/// While one exists, SIGINT, SIGTERM and SIGHUP end the program where it looks for them, not at once. For one thread,
/// and one at a time.
class Interruption {
   public:
    Interruption();
    ~Interruption();
    Interruption(const Interruption&) = delete;
    Interruption& operator=(const Interruption&) = delete;
    Interruption(Interruption&&) = delete;
    Interruption& operator=(Interruption&&) = delete;

    /// Throws Interrupted if one of them has come.
    static void check();

   private:
    static constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP};
    std::array<struct sigaction, kSignals.size()> before_{};
};

}  // namespace messenger::daemon
