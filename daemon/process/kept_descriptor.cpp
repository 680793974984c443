// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/process/kept_descriptor.h"

#include <systemd/sd-daemon.h>

#include <cstdlib>
#include <memory>

namespace messenger::daemon {

namespace {

struct Free {
    // NOLINTNEXTLINE(cppcoreguidelines-no-malloc,cppcoreguidelines-owning-memory): libsystemd allocates so
    void operator()(void* memory) const { std::free(memory); }
};

}  // namespace

std::vector<KeptDescriptor> take_kept_descriptors() {
    char** names = nullptr;
    const int count = sd_listen_fds_with_names(1, &names);
    std::vector<KeptDescriptor> kept;
    if (count <= 0) return kept;  // none, or handed over in a way that cannot be read: then nothing is kept
    const std::unique_ptr<char*, Free> list(names);
    kept.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) {
        const std::unique_ptr<char, Free> name(list.get()[i]);
        kept.push_back({name.get(), Fd(SD_LISTEN_FDS_START + i)});
        // From now on it lives and ends with this process: one that crashes shall not leave queues that nobody reads.
        static_cast<void>(sd_notify(0, ("FDSTOREREMOVE=1\nFDNAME=" + kept.back().name).c_str()));
    }
    return kept;
}

void keep_descriptor(const KeptDescriptor& kept) {
    // The manager shall not watch it: an error on the socket is for the next process to see, not a reason to close it.
    const std::string state = "FDSTORE=1\nFDPOLL=0\nFDNAME=" + kept.name;
    const int fd = kept.fd.get();
    static_cast<void>(sd_pid_notify_with_fds(0, 0, state.c_str(), &fd, 1));
}

}  // namespace messenger::daemon
