// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/process/rate_cap.h"

#include <utility>

namespace messenger::daemon {

RateCap::Answer RateCap::ask(alg::TimePoint now) {
    if (!started_ || now - begin_ >= span_) {
        started_ = true;
        begin_ = now;
        used_ = 0;
    }
    if (used_ == lines_) {
        ++suppressed_;
        return {false, 0};
    }
    ++used_;
    return {true, std::exchange(suppressed_, 0)};
}

}  // namespace messenger::daemon
