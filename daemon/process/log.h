// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <fmt/format.h>
#include <spdlog/fwd.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "daemon/process/log_level.h"
#include "daemon/process/rate_cap.h"

namespace messenger::daemon {

/// How a line begins: for people with a time and the level's name, for the journal with "<N>", which it takes off.
enum class LogFormat : std::uint8_t { people, journal };

/// The format for standard error: journal if JOURNAL_STREAM names the very file that standard error is.
[[nodiscard]] LogFormat choose_log_format();

/// The daemon's log. Each line is sanitized as a whole, at most 1024 characters, so nothing off the wire can forge a
/// line. Of each kind, at most 20 lines are written in 10 seconds; the next line that is says how many were not.
/// Callers give names, addresses and causes, never the body of a message. For several threads.
class Log {
   public:
    /// To standard error.
    Log(LogLevel level, LogFormat format);
    /// To any sink of spdlog's.
    Log(LogLevel level, LogFormat format, std::shared_ptr<spdlog::sinks::sink> sink);

    void set_level(LogLevel level);
    /// Whether a line of this level would be written: for what is dear to collect.
    [[nodiscard]] bool writes(LogLevel level) const { return level <= level_; }

    /// kind: a name in static storage, such as "queue" or "bad_sdp". The rate cap is per kind.
    template <class... Args>
    void write(LogLevel level, std::string_view kind, fmt::format_string<Args...> format, Args&&... args) {
        if (writes(level)) write_text(level, kind, fmt::format(format, std::forward<Args>(args)...));
    }
    template <class... Args>
    void error(std::string_view kind, fmt::format_string<Args...> format, Args&&... args) {
        write(LogLevel::error, kind, format, std::forward<Args>(args)...);
    }
    template <class... Args>
    void warning(std::string_view kind, fmt::format_string<Args...> format, Args&&... args) {
        write(LogLevel::warning, kind, format, std::forward<Args>(args)...);
    }
    template <class... Args>
    void notice(std::string_view kind, fmt::format_string<Args...> format, Args&&... args) {
        write(LogLevel::notice, kind, format, std::forward<Args>(args)...);
    }
    template <class... Args>
    void info(std::string_view kind, fmt::format_string<Args...> format, Args&&... args) {
        write(LogLevel::info, kind, format, std::forward<Args>(args)...);
    }
    template <class... Args>
    void debug(std::string_view kind, fmt::format_string<Args...> format, Args&&... args) {
        write(LogLevel::debug, kind, format, std::forward<Args>(args)...);
    }

   private:
    void write_text(LogLevel level, std::string_view kind, std::string_view text);
    void write_line(LogLevel level, std::string_view text);

    std::atomic<LogLevel> level_;
    LogFormat format_;
    std::shared_ptr<spdlog::logger> logger_;  ///< by pointer, so that who logs need not read all of spdlog
    std::mutex mutex_;                        ///< of caps_
    std::unordered_map<std::string_view, RateCap> caps_;
};

}  // namespace messenger::daemon
