// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/state_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <system_error>

namespace messenger::daemon {

namespace {

// After that, connections have been reset (the guard's patience is shorter), and lists cost nobody who waits.
constexpr std::time_t kOldest = 60;
constexpr std::size_t kLargest = std::size_t{64} << 20U;

[[nodiscard]] std::string text_of(int error) {
    return std::generic_category().message(error);
}

}  // namespace

StateFile::StateFile(const std::string& path)
    : path_(path), file_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) {
    if (!file_) error_ = path_ + ": " + text_of(errno);
}

std::optional<StateFile::Bytes> StateFile::take() {
    struct stat about {};
    if (!file_ || ::fstat(file_.get(), &about) != 0 || !S_ISREG(about.st_mode) || about.st_size == 0) {
        return std::nullopt;
    }
    std::optional<Bytes> state;
    const std::time_t age = std::time(nullptr) - about.st_mtime;
    const auto size = static_cast<std::size_t>(about.st_size);
    if (age >= 0 && age <= kOldest && size <= kLargest) {
        state.emplace(size, boost::container::default_init);
        std::size_t done = 0;
        while (done < size) {
            const ssize_t got = ::pread(file_.get(), state->data() + done, size - done, static_cast<off_t>(done));
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) break;
            done += static_cast<std::size_t>(got);
        }
        if (done < size) state.reset();
    }
    if (::ftruncate(file_.get(), 0) != 0) {
        // It would be there after a crash as well, and say what is not true any more.
        error_ = path_ + ": " + text_of(errno);
        state.reset();
    }
    return state;
}

std::string StateFile::write(std::span<const std::byte> state) {
    if (!error_.empty()) return error_;
    std::size_t done = 0;
    while (done < state.size()) {
        const ssize_t written = ::write(file_.get(), state.data() + done, state.size() - done);
        if (written < 0 && errno == EINTR) continue;
        // The reader notices that the rest is missing.
        if (written <= 0) return path_ + ": " + text_of(errno);
        done += static_cast<std::size_t>(written);
    }
    return {};
}

}  // namespace messenger::daemon
