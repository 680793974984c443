// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/process/kept_descriptor.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <gtest/gtest.h>

namespace messenger::daemon {
namespace {

/// Stands in for the service manager; the text and the number of descriptors that it was sent.
class Manager {
   public:
    Manager() {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path_.c_str(), sizeof(address.sun_path) - 1);
        EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
        ::setenv("NOTIFY_SOCKET", path_.c_str(), 1);
    }
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;
    Manager(Manager&&) = delete;
    Manager& operator=(Manager&&) = delete;
    ~Manager() {
        ::unsetenv("NOTIFY_SOCKET");
        std::filesystem::remove(path_);
    }

    KeptDescriptor receive() {
        std::string text(1024, '\0');
        alignas(cmsghdr) std::array<char, 256> control{};
        iovec slot{text.data(), text.size()};
        msghdr message{};
        message.msg_iov = &slot;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t length = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT);
        text.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
        int fd = -1;
        for (cmsghdr* one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
            if (one->cmsg_type == SCM_RIGHTS) std::memcpy(&fd, CMSG_DATA(one), sizeof(fd));
        }
        return {text, Fd(fd)};
    }

   private:
    std::string path_ = (std::filesystem::temp_directory_path() / ("kept_test." + std::to_string(::getpid()))).string();
    Fd socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

TEST(KeptDescriptor, GoesToTheServiceManagerWithItsName) {
    Manager manager;
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const Fd reader(ends[0]);
    keep_descriptor({"a pipe", Fd(ends[1])});
    const KeptDescriptor there = manager.receive();
    EXPECT_EQ(there.name, "FDSTORE=1\nFDPOLL=0\nFDNAME=a pipe");
    ASSERT_TRUE(there.fd);
    EXPECT_EQ(::write(there.fd.get(), "x", 1), 1);
    char got = 0;
    EXPECT_EQ(::read(reader.get(), &got, 1), 1);
    EXPECT_EQ(got, 'x');
}

TEST(KeptDescriptor, IsNotMissedWithoutAServiceManager) {
    ::unsetenv("NOTIFY_SOCKET");
    keep_descriptor({"nothing", Fd(::open("/dev/null", O_RDONLY))});
    ::unsetenv("LISTEN_PID");
    ::unsetenv("LISTEN_FDS");
    EXPECT_TRUE(take_kept_descriptors().empty());
}

// In a process of its own: the service manager hands them over as number 3 and following.
int take_in_child() {
    constexpr int kFirst = 3;
    for (const int fd : {kFirst, kFirst + 1}) {
        const int made = ::open("/dev/null", O_RDONLY);
        if (made != fd && (::dup2(made, fd) != fd || ::close(made) != 0)) return 1;
    }
    Manager manager;  // its socket has a higher number
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::setenv("LISTEN_FDS", "2", 1);
    ::setenv("LISTEN_FDNAMES", "one thing:another", 1);
    const auto kept = take_kept_descriptors();
    if (manager.receive().name != "FDSTOREREMOVE=1\nFDNAME=one thing") return 5;
    if (manager.receive().name != "FDSTOREREMOVE=1\nFDNAME=another") return 6;
    if (kept.size() != 2 || kept[0].name != "one thing" || kept[1].name != "another") return 2;
    if (kept[0].fd.get() != kFirst || kept[1].fd.get() != kFirst + 1) return 3;
    return take_kept_descriptors().empty() ? 0 : 4;
}

TEST(KeptDescriptorDeathTest, ComesFromTheEnvironmentOnce) {
    EXPECT_EXIT(std::_Exit(take_in_child()), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace messenger::daemon
