// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/closed_looks.h"

#include <chrono>
#include <utility>

namespace messenger::daemon {

namespace {

constexpr auto kLaterDelay = std::chrono::milliseconds(20);
constexpr auto kLateDelay = std::chrono::seconds(1);

}  // namespace

ClosedLooks::ClosedLooks(EventLoop& loop, PinholeSync& sync, const alg::Engine& engine, Report report)
    : loop_(loop),
      sync_(sync),
      engine_(engine),
      report_(std::move(report)),
      later_timer_(loop_.add_timer([this] {
          looks_later_ = false;
          look();
          look_later();
      })),
      late_timer_(loop_.add_timer([this] {
          looks_late_ = false;
          if (const auto looked = sync_.look_late_at_closed(engine_); !looked) report_(looked.error());
      })) {}

void ClosedLooks::end_round(bool rush) {
    if (!looks_later_) {
        if (!rush && sync_.closed().has_new()) look();
        look_later();
    }
    if (!sync_.closed().has_looked_at() || looks_late_) return;
    looks_late_ = true;
    loop_.set_timer(late_timer_, loop_.now() + kLateDelay);
}

void ClosedLooks::look() {
    if (const auto looked = sync_.look_at_closed(engine_); !looked) report_(looked.error());
}

void ClosedLooks::look_later() {
    if (!sync_.closed().has_new()) return;
    looks_later_ = true;
    loop_.set_timer(later_timer_, loop_.now() + kLaterDelay);
}

}  // namespace messenger::daemon
