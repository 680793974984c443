// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/call.h"

#include <algorithm>

namespace messenger::alg {

CallLabel Call::label() const {
    CallLabel label;
    label.call = key;
    label.call_id = id();
    // Of several branches the one that goes on stands for the call.
    for (const Dialog::State wanted : {Dialog::State::confirmed, Dialog::State::early, Dialog::State::inviting}) {
        const auto found = std::find_if(dialogs.begin(), dialogs.end(),
                                        [wanted](const Dialog& dialog) { return dialog.state == wanted; });
        if (found == dialogs.end()) continue;
        label.dialog =
            found->restored_key != 0 ? found->restored_key : dialog_key(found->caller_tag, found->callee_tag);
        break;
    }
    return label;
}

bool Call::alive() const {
    return std::any_of(dialogs.begin(), dialogs.end(), [](const Dialog& dialog) { return dialog.alive(); });
}

bool Call::keep_streams(std::size_t most) {
    std::size_t room = most;
    std::size_t branches = 0;
    std::size_t of_branches = 0;
    bool all = true;
    for (Dialog& dialog : dialogs) {
        for (Agent& agent : dialog.agents) {
            if (dialog.waiting()) {
                ++branches;
                of_branches += agent.negotiation.streams();
            } else {
                all = agent.negotiation.fit(room) && all;
            }
        }
    }
    if (of_branches <= room) return all;
    // Any of them may be the one that is answered, perhaps without another word of its media.
    for (Dialog& dialog : dialogs) {
        if (!dialog.waiting()) continue;
        for (Agent& agent : dialog.agents) {
            const std::size_t share = room / std::max<std::size_t>(branches, 1);
            std::size_t left = share;
            (void)agent.negotiation.fit(left);
            room -= share - left;
            --branches;
        }
    }
    return false;
}

}  // namespace messenger::alg
