// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "alg/nat/edit_list.h"
#include "alg/nat/translation.h"

namespace messenger::alg {

/// Edits IP-Address and Port, which name a TCP listener, of an invitation (alg/sdp/invitation.h). text: a part of
/// edits.text(). IP-Address-Internal and PortX stay: they are for peers that see the inside address anyway. A listener
/// that the translation refuses stays as it is. False if the text is no invitation that can be read.
bool rewrite_invitation(std::string_view text, const Translation& translation, EditList& edits);

/// The same for an invitation in an ms-text-format header, where it is base64 (Office Communicator puts the first
/// message of a dialog there). Big: keep one and use it again.
class InvitationHeaderRewriter {
   public:
    /// value: the header's, a part of edits.text(); of another type, it stays. False if it says that it is an
    /// invitation and cannot be read.
    bool rewrite(std::string_view value, const Translation& translation, EditList& edits);

   private:
    static constexpr std::size_t kMaxBytes = 4096;  ///< of the invitation; longer ones stay

    std::array<char, kMaxBytes> decoded_{};
    EditList inner_;
    std::string edited_;
    std::string encoded_;
};

}  // namespace messenger::alg
