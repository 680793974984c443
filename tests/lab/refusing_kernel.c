// SPDX-License-Identifier: GPL-2.0-or-later
// A kernel that refuses transactions, which no kernel does to order: preloaded into the daemon and its warden, it
// answers in place of netlink. $REFUSING is a file of two numbers, which the test changes while they run: how many
// transactions are still to be refused, and with which errno; 0 of them and everything goes to the kernel.
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
    _Atomic int left;
    _Atomic int code;
}* orders;

// Before the daemon's filter of system calls; a fork has the same page.
__attribute__((constructor)) static void take_orders(void) {
    const char* const path = getenv("REFUSING");
    const int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) abort();
    orders = mmap(NULL, sizeof(*orders), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (orders == MAP_FAILED) abort();
    close(file);
}

ssize_t mnl_socket_sendto(const struct mnl_socket* socket, const void* bytes, size_t size) {
    const struct nlmsghdr* const first = bytes;
    const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    if (first->nlmsg_type == NFNL_MSG_BATCH_BEGIN && orders->left > 0) {
        orders->left--;
        errno = orders->code;
        return -1;
    }
    return sendto(mnl_socket_get_fd(socket), bytes, size, 0, (const struct sockaddr*)&kernel, sizeof(kernel));
}
