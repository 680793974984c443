// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/trial/trial_daemon.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "daemon/trial/interruption.h"

namespace messenger::daemon {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kStartPatience(20);  // the first use of a feature may load kernel modules
constexpr std::chrono::milliseconds kStartStep(50);
constexpr std::size_t kLogShown = 2000;

/// Where the daemon says that it is ready (sd_notify).
[[nodiscard]] Fd listen_for_notice(const std::string& path) {
    Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        throw std::runtime_error("the path of the temporary folder is too long");
    std::memcpy(&address.sun_path, path.c_str(), path.size() + 1);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): how the sockets API takes addresses
    if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        throw std::system_error(errno, std::generic_category(), "listening at " + path);
    }
    return fd;
}

[[nodiscard]] bool says_ready(int socket) {
    pollfd waiting{socket, POLLIN, 0};
    if (::poll(&waiting, 1, static_cast<int>(kStartStep.count())) != 1) return false;
    std::array<char, 4096> buffer{};
    const ssize_t length = ::recv(socket, buffer.data(), buffer.size(), 0);
    return length > 0 &&
           std::string_view(buffer.data(), static_cast<std::size_t>(length)).find("READY=1") != std::string_view::npos;
}

}  // namespace

TrialFolder::TrialFolder() {
    std::string path = std::filesystem::temp_directory_path() / "messenger-alg-trial-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) throw std::system_error(errno, std::generic_category(), "making " + path);
    path_ = path;
}

TrialFolder::~TrialFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

TrialDaemon::TrialDaemon(const std::string& program, const Config& config, const TrialFolder& folder,
                         const NetworkNamespace& gateway)
    : log_file_(folder.file("log")) {
    Config own = config;
    own.control.socket = folder.file("control");
    own.control.group.clear();
    own.metrics.textfile.clear();
    own.policy.observe = false;
    const std::string file = folder.file("config");
    std::ofstream(file) << format_config(own) << std::flush;
    const Fd notice = listen_for_notice(folder.file("notify"));
    gateway.enter([&] {
        process_.emplace(std::vector<std::string>{program, "--config", file}, log_file_,
                         std::vector<std::string>{"NOTIFY_SOCKET=" + folder.file("notify")});
    });
    const auto deadline = Clock::now() + kStartPatience;
    while (!says_ready(notice.get())) {
        Interruption::check();
        if (!process_->runs()) throw std::runtime_error(program + " " + process_->ending() + said());
        if (Clock::now() > deadline) throw std::runtime_error(program + " is not ready after 20 s" + said());
    }
}

std::string TrialDaemon::log() const {
    std::ifstream in(log_file_, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    if (text.size() > kLogShown) text.erase(0, text.find('\n', text.size() - kLogShown) + 1);
    return text;
}

std::string TrialDaemon::said() const {
    const std::string words = one_line(log());
    return words.empty() ? " and has said nothing" : ": " + words;
}

std::string format_config(const Config& config) {
    std::string text;
    std::string_view section;
    for (const KeyDescription& key : describe_keys()) {
        if (key.section != section) text += '[' + std::string(key.section) + "]\n";
        section = key.section;
        text += std::string(key.name) + " = " + format_value(config, key.section, key.name).value_or("\"\"") + '\n';
    }
    return text;
}

}  // namespace messenger::daemon
