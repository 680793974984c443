// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/process/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "daemon/process/clock.h"
#include "daemon/process/sanitize.h"

namespace messenger::daemon {

namespace {

constexpr std::size_t kLongestLine = 1024;
constexpr std::uint32_t kLinesPerSpan = 20;
constexpr std::chrono::seconds kSpan{10};

[[nodiscard]] spdlog::level::level_enum spdlog_level(LogLevel level) {
    switch (level) {
        case LogLevel::error: return spdlog::level::err;
        case LogLevel::warning: return spdlog::level::warn;
        case LogLevel::notice:
        case LogLevel::info: return spdlog::level::info;
        case LogLevel::debug: return spdlog::level::debug;
    }
    return spdlog::level::info;
}

[[nodiscard]] std::string_view level_name(LogLevel level) {
    switch (level) {
        case LogLevel::error: return "error";
        case LogLevel::warning: return "warning";
        case LogLevel::notice: return "notice";
        case LogLevel::info: return "info";
        case LogLevel::debug: return "debug";
    }
    return "";
}

}  // namespace

LogFormat choose_log_format() {
    const char* stream = std::getenv("JOURNAL_STREAM");  // NOLINT(concurrency-mt-unsafe): read before any thread starts
    struct stat own {};
    if (stream == nullptr || ::fstat(STDERR_FILENO, &own) != 0) return LogFormat::people;
    // A child of a service inherits the variable, but its standard error may have been sent elsewhere.
    const std::string expected = std::to_string(own.st_dev) + ':' + std::to_string(own.st_ino);
    return expected == stream ? LogFormat::journal : LogFormat::people;
}

Log::Log(LogLevel level, LogFormat format) : Log(level, format, std::make_shared<spdlog::sinks::stderr_sink_mt>()) {}

Log::Log(LogLevel level, LogFormat format, std::shared_ptr<spdlog::sinks::sink> sink)
    : level_(level), format_(format), logger_(std::make_shared<spdlog::logger>("messenger-algd", std::move(sink))) {
    logger_->set_level(spdlog::level::trace);  // the choice is made here, where notice exists
    logger_->set_pattern(format == LogFormat::journal ? "%v" : "%Y-%m-%d %H:%M:%S.%e %v");
    logger_->flush_on(spdlog::level::trace);
}

void Log::set_level(LogLevel level) {
    level_ = level;
}

void Log::write_text(LogLevel level, std::string_view kind, std::string_view text) {
    RateCap::Answer answer;
    {
        const std::lock_guard lock(mutex_);
        answer = caps_.try_emplace(kind, kLinesPerSpan, kSpan).first->second.ask(read_clock());
    }
    if (!answer.let_through) return;
    if (answer.suppressed > 0) {
        write_line(level, std::to_string(answer.suppressed) + " more lines of the kind \"" + std::string(kind) +
                              "\" were left out");
    }
    write_line(level, text);
}

void Log::write_line(LogLevel level, std::string_view text) {
    const std::string clean = sanitize(text, kLongestLine);
    if (format_ == LogFormat::journal) {
        logger_->log(spdlog_level(level), "<{}>{}", static_cast<int>(level), clean);
    } else {
        logger_->log(spdlog_level(level), "{}: {}", level_name(level), clean);
    }
}

}  // namespace messenger::daemon
