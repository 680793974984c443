// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/config/reloadable.h"

#include "daemon/config/key_table.h"

namespace messenger::daemon {

void take_reloadable(const Config& from, Config& into) {
    into.network = from.network;
    into.sip.early_media = from.sip.early_media;
    const bool observe = into.policy.observe;
    into.policy = from.policy;
    into.policy.observe = observe;
    into.log = from.log;
}

std::vector<std::string> differing_keys(const Config& running, const Config& read) {
    std::vector<std::string> names;
    for (const Key& key : key_table()) {
        if (format_slot(running, key.slot) == format_slot(read, key.slot)) continue;
        names.push_back(std::string(key.section) + '.' + std::string(key.name));
    }
    return names;
}

}  // namespace messenger::daemon
