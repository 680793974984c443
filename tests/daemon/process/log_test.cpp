// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/process/log.h"

#include <spdlog/sinks/ostream_sink.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/daemon/support/in_child.h"

namespace messenger::daemon {
namespace {

struct Written {
    explicit Written(LogLevel level, LogFormat format = LogFormat::journal)
        : log(level, format, std::make_shared<spdlog::sinks::ostream_sink_mt>(out)) {}
    std::ostringstream out;
    Log log;
};

TEST(Log, PrefixesTheLevelForTheJournal) {
    Written written(LogLevel::debug);
    written.log.error("a", "one {}", 1);
    written.log.warning("b", "two");
    written.log.notice("c", "three");
    written.log.info("d", "four");
    written.log.debug("e", "five");
    EXPECT_EQ(written.out.str(), "<3>one 1\n<4>two\n<5>three\n<6>four\n<7>five\n");
}

TEST(Log, WritesTimeAndLevelForPeople) {
    Written written(LogLevel::info, LogFormat::people);
    written.log.notice("a", "hello");
    EXPECT_THAT(written.out.str(), testing::ContainsRegex("^[0-9-]+ [0-9:.]+ notice: hello\n$"));
}

TEST(Log, WritesNothingBelowItsLevel) {
    Written written(LogLevel::notice);
    EXPECT_FALSE(written.log.writes(LogLevel::info));
    written.log.info("a", "no");
    written.log.notice("a", "yes");
    written.log.set_level(LogLevel::info);
    written.log.info("a", "now");
    EXPECT_EQ(written.out.str(), "<5>yes\n<6>now\n");
}

TEST(Log, KeepsBytesOffTheWireInOneLine) {
    Written written(LogLevel::info);
    written.log.info("a", "from {}", "x\n<0>forged {} \x1b[31m");
    EXPECT_EQ(written.out.str(), "<6>from x\\n<0>forged {} \\x1b[31m\n");
    written.out.str("");
    written.log.info("a", "{}", std::string(5000, 'x'));
    EXPECT_EQ(written.out.str().size(), 3U + 1024U + 1U);
}

TEST(Log, CapsEachKindOnItsOwn) {
    Written written(LogLevel::info);
    for (int i = 0; i < 1000; ++i) written.log.info("flood", "wave");
    written.log.info("other", "heard");
    const std::string text = written.out.str();
    std::size_t waves = 0;
    for (std::size_t at = text.find("wave"); at != std::string::npos; at = text.find("wave", at + 1)) ++waves;
    EXPECT_EQ(waves, 20U);
    EXPECT_THAT(text, testing::HasSubstr("heard"));
}

TEST(Log, TakesTheJournalsFormatOnlyWhenStandardErrorIsTheJournal) {
    const int status = run_in_child([] {
        int wrong = 0;
        ::unsetenv("JOURNAL_STREAM");
        wrong += choose_log_format() == LogFormat::people ? 0 : 1;
        struct stat own {};
        if (::fstat(STDERR_FILENO, &own) != 0) return 98;
        const std::string name = std::to_string(own.st_dev) + ':' + std::to_string(own.st_ino);
        ::setenv("JOURNAL_STREAM", name.c_str(), 1);
        wrong += choose_log_format() == LogFormat::journal ? 0 : 2;
        ::setenv("JOURNAL_STREAM", (name + '1').c_str(), 1);
        wrong += choose_log_format() == LogFormat::people ? 0 : 4;
        return wrong;
    });
    EXPECT_TRUE(exited_with(status, 0)) << status;
}

}  // namespace
}  // namespace messenger::daemon
