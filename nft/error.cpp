// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/error.h"

#include <cerrno>
#include <system_error>

namespace messenger::nft {

std::string_view describe(Failure failure) {
    switch (failure) {
        case Failure::schema_gone: return "the table inet messenger_alg or one of its sets is missing";
        case Failure::set_full: return "the set is full";
        case Failure::not_permitted: return "CAP_NET_ADMIN is missing";
        case Failure::not_supported: return "this kernel does not support it";
        case Failure::timed_out: return "the kernel did not answer in time";
        case Failure::replies_lost: return "the kernel's answers did not fit into the receive buffer";
        case Failure::turned_down: return "the warden turned it down, and says why in a line of its own";
        case Failure::refused: return "the kernel refused";
    }
    return "unknown";
}

std::string NftError::message() const {
    std::string text = operation;
    if (index != kNoIndex) text += " (operation " + std::to_string(index) + ")";
    text += ": ";
    text += describe(failure);
    if (code != 0) text += " (" + std::system_category().message(code) + ")";
    return text;
}

NftError system_error(int code, std::string_view operation) {
    const auto failure = [code] {
        switch (code) {
            case ENFILE: return Failure::set_full;  // NFTA_SET_DESC_SIZE reached; sockets do not return it here
            case EPERM: return Failure::not_permitted;
            case EACCES: return Failure::turned_down;  // the kernel's word for lack of rights is EPERM
            case EOPNOTSUPP:
            case EPROTONOSUPPORT:
            case EAFNOSUPPORT: return Failure::not_supported;
            case ETIMEDOUT: return Failure::timed_out;
            case ENOBUFS: return Failure::replies_lost;
            default: return Failure::refused;
        }
    };
    return NftError{failure(), code, std::string(operation), NftError::kNoIndex};
}

}  // namespace messenger::nft
