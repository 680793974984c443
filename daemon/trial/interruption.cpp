// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/trial/interruption.h"

#include <csignal>
#include <cstddef>

namespace messenger::daemon {

namespace {

volatile std::sig_atomic_t came = 0;

void note_signal(int signal) {
    came = signal;
}

}  // namespace

Interruption::Interruption() {
    came = 0;
    // Without SA_RESTART: whoever waits is woken up.
    struct sigaction action {};
    action.sa_handler = note_signal;
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
        static_cast<void>(::sigaction(kSignals.at(i), nullptr, &before_.at(i)));
        // What was ignored before stays so (nohup).
        if (before_.at(i).sa_handler != SIG_IGN) static_cast<void>(::sigaction(kSignals.at(i), &action, nullptr));
    }
}

Interruption::~Interruption() {
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
        static_cast<void>(::sigaction(kSignals.at(i), &before_.at(i), nullptr));
    }
}

void Interruption::check() {
    if (came != 0) throw Interrupted(came);
}

}  // namespace messenger::daemon
