// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

namespace messenger::daemon {

/// Gives up every capability but CAP_NET_ADMIN, empties the bounding and ambient sets, and sets no_new_privs: not even
/// a program run as root could get them back. Threads that run already keep theirs, so call it before starting any.
/// Throws std::runtime_error, also if CAP_NET_ADMIN is not there to be kept.
void keep_only_net_admin();

/// Gives up CAP_NET_ADMIN as well, and sets no_new_privs. Throws std::runtime_error.
void keep_no_capability();

/// Allows, from now on and in all threads, only the system calls that a daemon needs which waits on epoll and speaks
/// netlink and UNIX sockets: no new program, no file opened for writing, no other address family, no executable memory.
/// What is not allowed fails with EPERM; what only an intruder does (run a program, trace, load a module, change a name
/// space) kills the process. Everything that wants to write files or to open other sockets happens before.
/// Throws std::runtime_error.
void install_syscall_filter();

/// The same for the warden, with much less: it sends and receives on sockets that it has, and reads the configuration
/// and the host's addresses again. Throws std::runtime_error.
void install_warden_filter();

}  // namespace messenger::daemon
