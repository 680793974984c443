// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "alg/call/call_table.h"

namespace messenger::daemon {

/// The engine keeps kCallIdShown bytes of a Call-ID for its later events. So that all events of a call carry the same
/// Call-ID, the few that are longer are remembered here.
class CallIds {
   public:
    void learn(std::string_view call_id) {
        if (call_id.size() > alg::kCallIdShown) long_.insert_or_assign(key(call_id), std::string(call_id));
    }
    /// The Call-ID whose beginning an event shows. Borrowed from this, or what was given.
    [[nodiscard]] std::string_view whole(std::string_view shown) const {
        if (shown.size() != alg::kCallIdShown || long_.empty()) return shown;
        const auto found = long_.find(shown);
        return found == long_.end() ? shown : std::string_view(found->second);
    }

   private:
    [[nodiscard]] static std::string key(std::string_view call_id) {
        return std::string(call_id.substr(0, alg::kCallIdShown));
    }
    std::map<std::string, std::string, std::less<>> long_;
};

}  // namespace messenger::daemon
