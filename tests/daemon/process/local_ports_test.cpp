// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/process/local_ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <gmock/gmock.h>

#include "daemon/process/fd.h"

namespace messenger::daemon {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(LocalPorts, AreThoseAtWhichSomebodyWaits) {
    EXPECT_THAT(read_bound_ports(R"(  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
  123: 00000000:CA6C 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 20719 2 0000000000000000 0
 5570: 0101A8C0:11D7 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 20719 2 0000000000000000 0
  700: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 20719 2 0000000000000000 0
  701: 0101A8C0:9C40 0A1E7100:0035 01 00000000:00000000 00:00000000 00000000     0        0 20719 2 0000000000000000 0
)"),
                ElementsAre(51820, 4567));
    EXPECT_THAT(read_bound_ports(
                    R"(  sl  local_address                         remote_address                        st tx_queue
    0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000
    1: 00000000000000000000000001000000:0277 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000
)"),
                ElementsAre(8080));
}

TEST(LocalPorts, AreNotReadOutOfAnythingElse) {
    EXPECT_THAT(read_bound_ports(""), IsEmpty());
    EXPECT_THAT(read_bound_ports("1:"), IsEmpty());
    EXPECT_THAT(read_bound_ports("1: 00000000 00000000:0000 07\n"), IsEmpty());
    EXPECT_THAT(read_bound_ports("1: 00000000:XY 00000000:0000 07\n"), IsEmpty());
    EXPECT_THAT(read_bound_ports("1: 00000000:12345 00000000:0000 07\n"), IsEmpty());
}

TEST(LocalPorts, OfThisHostAreListed) {
    const auto bound_at = [](const Fd& socket, in_addr_t address) {
        sockaddr_in place{};
        place.sin_family = AF_INET;
        place.sin_addr.s_addr = htonl(address);
        socklen_t length = sizeof(place);
        auto* const raw = reinterpret_cast<sockaddr*>(&place);  // bind(2) takes every kind of address
        EXPECT_EQ(::bind(socket.get(), raw, length), 0);
        EXPECT_EQ(::getsockname(socket.get(), raw, &length), 0);
        return ntohs(place.sin_port);
    };
    const Fd service(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const Fd own(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const std::uint16_t served = bound_at(service, INADDR_ANY);
    const std::uint16_t private_port = bound_at(own, INADDR_LOOPBACK);
    const auto ports = list_bound_ports();
    ASSERT_TRUE(ports);
    EXPECT_THAT(ports->udp, Contains(served));
    EXPECT_THAT(ports->udp, Not(Contains(private_port)));
    const Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const std::uint16_t listened = bound_at(listener, INADDR_ANY);
    ASSERT_EQ(::listen(listener.get(), 1), 0);
    EXPECT_THAT(list_bound_ports()->tcp, Contains(listened));
}

}  // namespace
}  // namespace messenger::daemon
