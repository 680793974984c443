// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/process/notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/process/fd.h"

namespace messenger::daemon {
namespace {

/// Stands in for the service manager.
class NotifyTest : public testing::Test {
   protected:
    NotifyTest() {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path_.c_str(), sizeof(address.sun_path) - 1);
        EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
        ::setenv("NOTIFY_SOCKET", path_.c_str(), 1);
    }
    ~NotifyTest() override {
        ::unsetenv("NOTIFY_SOCKET");
        ::unsetenv("WATCHDOG_USEC");
        std::filesystem::remove(path_);
    }

    [[nodiscard]] std::string heard() const {
        std::string text(1024, '\0');
        const ssize_t length = ::recv(socket_.get(), text.data(), text.size(), MSG_DONTWAIT);
        text.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
        return text;
    }

   private:
    std::string path_ =
        (std::filesystem::temp_directory_path() / ("notify_test." + std::to_string(::getpid()))).string();
    Fd socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

TEST_F(NotifyTest, TellsEachState) {
    notify_ready();
    EXPECT_EQ(heard(), "READY=1");
    notify_stopping();
    EXPECT_EQ(heard(), "STOPPING=1");
    notify_watchdog();
    EXPECT_EQ(heard(), "WATCHDOG=1");
    notify_reloading();
    EXPECT_THAT(heard(), testing::ContainsRegex("^RELOADING=1\nMONOTONIC_USEC=[0-9]+$"));
}

TEST_F(NotifyTest, CannotBeMadeToTellMoreThanAStatus) {
    notify_status("12 calls\nREADY=1");
    EXPECT_EQ(heard(), "STATUS=12 calls\\nREADY=1");
}

TEST_F(NotifyTest, WantsTheWatchdogOnlyWhenAsked) {
    EXPECT_FALSE(find_watchdog_interval());
    ::setenv("WATCHDOG_USEC", "30000000", 1);
    EXPECT_EQ(find_watchdog_interval(), std::chrono::seconds(15));
}

}  // namespace
}  // namespace messenger::daemon
