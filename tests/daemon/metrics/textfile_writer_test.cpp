// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/metrics/textfile_writer.h"

#include <sys/stat.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <thread>

#include <gtest/gtest.h>

#include "tests/daemon/support/temporary_directory.h"

namespace messenger::daemon {
namespace {

[[nodiscard]] std::string content(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// Waits for the process that writes.
[[nodiscard]] bool becomes(const std::string& path, const std::string& expected) {
    for (int i = 0; i < 500 && content(path) != expected; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return content(path) == expected;
}

TEST(TextfileWriter, ReplacesTheFileWithEachText) {
    const TemporaryDirectory directory;
    const std::string path = directory.file("metrics.prom");
    TextfileWriter writer(path);
    EXPECT_EQ(content(path), "");
    EXPECT_TRUE(writer.write("one 1\n"));
    EXPECT_TRUE(becomes(path, "one 1\n"));
    const std::string large(100'000, 'x');
    EXPECT_TRUE(writer.write(large));
    EXPECT_TRUE(becomes(path, large));
    EXPECT_TRUE(writer.write("short\n"));
    EXPECT_TRUE(becomes(path, "short\n"));
}

TEST(TextfileWriter, LetsOthersReadWhateverTheUmaskIs) {
    const TemporaryDirectory directory;
    const std::string path = directory.file("metrics.prom");
    const mode_t before = ::umask(0077);
    TextfileWriter writer(path);
    ::umask(before);
    EXPECT_TRUE(writer.write("one 1\n"));
    EXPECT_TRUE(becomes(path, "one 1\n"));
    struct stat about {};
    ASSERT_EQ(::stat(path.c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777U, 0644U);
}

TEST(TextfileWriter, SaysAtOnceThatTheFileCannotBeWritten) {
    EXPECT_THROW(TextfileWriter("/nowhere/at/all.prom"), std::system_error);
}

}  // namespace
}  // namespace messenger::daemon
