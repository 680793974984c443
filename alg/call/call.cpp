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
    bool all = true;
    for (Dialog& dialog : dialogs) {
        for (Agent& agent : dialog.agents) all = agent.negotiation.fit(most) && all;
    }
    return all;
}

}  // namespace messenger::alg
