// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/ctl/order_text.h"

#include <fmt/format.h>

#include "daemon/ctl/tell.h"

namespace messenger::daemon {

namespace {

using nlohmann::json;

[[nodiscard]] std::string pinholes(std::uint64_t number) {
    return fmt::format("{} pinhole{}", number, number == 1 ? "" : "s");
}

}  // namespace

std::string tell_close(const json& answer) {
    return fmt::format(
        "{} closed. The call itself goes on until one of the two hangs up; nothing opens for it any more.\n",
        pinholes(number(answer, "closed")));
}

std::string tell_block(const json& answer) {
    if (!flag(answer, "changed")) return fmt::format("{} is blocked already.\n", shown(answer, "host"));
    return fmt::format("{} is blocked until messenger-algctl unblock, or until the daemon restarts. {} closed.\n",
                       shown(answer, "host"), pinholes(number(answer, "closed")));
}

std::string tell_unblock(const json& answer) {
    if (!flag(answer, "changed")) return fmt::format("{} was not blocked.\n", shown(answer, "host"));
    return fmt::format("{} is no longer blocked. What its calls agree on from now on is opened.\n",
                       shown(answer, "host"));
}

std::string tell_observe(const json& answer) {
    if (flag(answer, "observe")) {
        return "Only looking on: nothing new is opened or changed, until messenger-algctl observe off or a restart. "
               "What "
               "is open stays so until it ends.\n";
    }
    return "Calls are served.\n";
}

}  // namespace messenger::daemon
