// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <termios.h>

#include <chrono>
#include <csignal>
#include <optional>
#include <string_view>

#include "daemon/process/fd.h"

namespace messenger::daemon {

/// The terminal, taken over for a view that is refreshed in place, and given back as it was: the screen's content, the
/// cursor, and how keys are read. Also when a signal ends the program.
class Screen {
   public:
    /// Throws std::system_error. Standard output must be a terminal.
    Screen();
    ~Screen();
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;
    Screen(Screen&&) = delete;
    Screen& operator=(Screen&&) = delete;

    /// Shows as much of the text as there is room for. text: printable lines.
    void show(std::string_view text);
    /// Waits; false as soon as somebody wants to leave: by q, Ctrl-C, or a signal.
    [[nodiscard]] bool wait(std::chrono::milliseconds time);

   private:
    Fd signals_;
    sigset_t old_mask_{};
    std::optional<termios> old_mode_;  ///< of standard input, if that is a terminal
};

}  // namespace messenger::daemon
