// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>

namespace messenger::daemon {

/// Runs the body in a thread with a network namespace of its own, with loopback up; processes it starts are there, too.
/// The namespace ends with the thread. False if no namespace could be made (not root).
[[nodiscard]] bool run_in_network_namespace(const std::function<void()>& body);

}  // namespace messenger::daemon
