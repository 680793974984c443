// SPDX-License-Identifier: GPL-2.0-or-later
// Addresses and ports stand in the text where the view says; putting another address there gives that address.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "alg/base/text.h"
#include "alg/sdp/invitation.h"
#include "tests/fuzz/require.h"

namespace {

using messenger::alg::InvitationAddress;
using messenger::alg::InvitationPort;
using messenger::test::lies_inside;
using messenger::test::require;

void check(std::string_view text, const std::optional<InvitationAddress>& address) {
    if (!address) return;
    require(lies_inside(text, address->text), "address inside");
    require(messenger::alg::IpAddress::parse(address->text) == address->address, "same address");
}

void check(std::string_view text, const std::optional<InvitationPort>& port) {
    if (!port) return;
    require(lies_inside(text, port->text), "port inside");
    require(port->port != 0 && messenger::alg::parse_number(port->text) == port->port, "same port");
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto view = messenger::alg::parse_invitation(text);
    if (!view) return 0;
    for (const auto part : {view->cookie, view->application_guid, view->application_name, view->cancel_code}) {
        require(lies_inside(text, part), "value inside");
    }
    check(text, view->address);
    check(text, view->internal_address);
    check(text, view->port);
    check(text, view->internal_port);
    if (!view->address) return 0;

    const auto at = static_cast<std::size_t>(view->address->text.data() - text.data());
    std::string edited(text);
    edited.replace(at, view->address->text.size(), "192.0.2.10");
    const auto again = messenger::alg::parse_invitation(edited);
    // Two equal IP-Address lines are one value; with one of them edited they disagree, which is an error.
    if (!again) return 0;
    require(again->address->text == "192.0.2.10" && again->command == view->command, "the edit is read back");
    return 0;
}
