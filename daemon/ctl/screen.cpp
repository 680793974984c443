// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/ctl/screen.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <system_error>

namespace messenger::daemon {

namespace {

constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l";  // the other screen; no cursor
constexpr std::string_view kLeave = "\x1b[?25h\x1b[?1049l";
constexpr std::string_view kHome = "\x1b[H";
constexpr std::string_view kEndOfLine = "\x1b[K\r\n";
constexpr std::string_view kEndOfScreen = "\x1b[J";

struct Size {
    std::size_t rows = 24;
    std::size_t columns = 80;
};

[[nodiscard]] Size read_size() {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) return {};
    return {size.ws_row, size.ws_col};
}

void write_all(std::string_view text) {
    while (!text.empty()) {
        const ssize_t length = ::write(STDOUT_FILENO, text.data(), text.size());
        if (length > 0) {
            text.remove_prefix(static_cast<std::size_t>(length));
        } else if (errno != EINTR) {
            return;  // the terminal has gone; SIGHUP comes
        }
    }
}

}  // namespace

Screen::Screen() {
    sigset_t ending{};
    sigemptyset(&ending);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) sigaddset(&ending, signal);
    if (const int error = ::pthread_sigmask(SIG_BLOCK, &ending, &old_mask_); error != 0) {
        throw std::system_error(error, std::generic_category(), "blocking signals");
    }
    signals_ = Fd(::signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_) throw std::system_error(errno, std::generic_category(), "waiting for signals");
    termios mode{};
    if (::tcgetattr(STDIN_FILENO, &mode) == 0) {
        old_mode_ = mode;
        mode.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
        static_cast<void>(::tcsetattr(STDIN_FILENO, TCSANOW, &mode));
    }
    write_all(kEnter);
}

Screen::~Screen() {
    write_all(kLeave);
    if (old_mode_) static_cast<void>(::tcsetattr(STDIN_FILENO, TCSANOW, &*old_mode_));
    static_cast<void>(::pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr));
}

void Screen::show(std::string_view text) {
    const Size size = read_size();
    std::string out(kHome);
    for (std::size_t row = 0; row + 1 < size.rows && !text.empty(); ++row) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        out += text.substr(0, std::min(end, size.columns));
        out += kEndOfLine;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    out += kEndOfScreen;
    write_all(out);
}

bool Screen::wait(std::chrono::milliseconds time) {
    std::array<pollfd, 2> watched{pollfd{signals_.get(), POLLIN, 0}, pollfd{STDIN_FILENO, POLLIN, 0}};
    const nfds_t count = old_mode_ ? 2 : 1;
    if (::poll(watched.data(), count, static_cast<int>(time.count())) <= 0) return true;
    if (watched[0].revents != 0) {
        // Taken, so that it does not end the program once the mask is as it was.
        signalfd_siginfo signal{};
        static_cast<void>(::read(signals_.get(), &signal, sizeof signal) < 0);
        return false;
    }
    char key = 'q';
    const ssize_t length = ::read(STDIN_FILENO, &key, 1);
    return length == 1 && key != 'q' && key != 'Q';
}

}  // namespace messenger::daemon
