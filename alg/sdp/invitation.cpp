// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/sdp/invitation.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "alg/base/text.h"
#include "alg/sdp/lines.h"

namespace messenger::alg {

namespace {

enum class Field : std::uint8_t {
    command,
    cookie,
    application_guid,
    application_name,
    cancel_code,
    address,
    port,
    internal_address,
    internal_port,
    connectivity,
    sender_connect,
};

constexpr std::size_t kFields = 11;

constexpr std::array<std::pair<std::string_view, Field>, kFields> kNames{{
    {"Invitation-Command", Field::command},
    {"Invitation-Cookie", Field::cookie},
    {"Application-GUID", Field::application_guid},
    {"Application-Name", Field::application_name},
    {"Cancel-Code", Field::cancel_code},
    {"IP-Address", Field::address},
    {"Port", Field::port},
    {"IP-Address-Internal", Field::internal_address},
    {"PortX", Field::internal_port},
    {"Connectivity", Field::connectivity},
    {"Sender-Connect", Field::sender_connect},
}};

/// The values by Field, as written and trimmed.
class Values {
   public:
    [[nodiscard]] std::string_view operator[](Field field) const { return value_[static_cast<std::size_t>(field)]; }

    /// False if the field stands there already and says something else. An empty value says nothing.
    [[nodiscard]] bool set(Field field, std::string_view value) {
        if (value.empty()) return true;
        std::string_view& old = value_[static_cast<std::size_t>(field)];
        if (!old.empty()) return old == value;
        old = value;
        return true;
    }

   private:
    std::array<std::string_view, kFields> value_{};
};

/// Printable ASCII without blanks: what a receiver would not read as a name is not one for us either.
[[nodiscard]] bool is_name(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c <= '~'; });
}

[[nodiscard]] bool read_line(std::string_view line, Values& values) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return false;
    const std::string_view name = line.substr(0, colon);
    if (!is_name(name)) return false;
    const auto* const known = std::find_if(kNames.begin(), kNames.end(),
                                           [&](const auto& entry) { return equals_ignoring_case(entry.first, name); });
    return known == kNames.end() || values.set(known->second, trim(line.substr(colon + 1)));
}

[[nodiscard]] InvitationCommand read_command(std::string_view value) {
    if (equals_ignoring_case(value, "INVITE")) return InvitationCommand::invite;
    if (equals_ignoring_case(value, "ACCEPT")) return InvitationCommand::accept;
    if (equals_ignoring_case(value, "CANCEL")) return InvitationCommand::cancel;
    return InvitationCommand::other;
}

[[nodiscard]] bool read_address(std::string_view value, std::optional<InvitationAddress>& out) {
    if (value.empty()) return true;
    const auto address = IpAddress::parse(value);
    if (address) out = InvitationAddress{*address, value};
    return address.has_value();
}

[[nodiscard]] bool read_port(std::string_view value, std::optional<InvitationPort>& out) {
    if (value.empty()) return true;
    const auto port = parse_number(value, UINT16_MAX);
    if (!port || *port == 0) return false;
    out = InvitationPort{static_cast<std::uint16_t>(*port), value};
    return true;
}

}  // namespace

bool InvitationView::is_file_transfer() const {
    return equals_ignoring_case(application_guid, "{5D3E02AB-6190-11d3-BBBB-00C04F795683}");
}

Expected<InvitationView> parse_invitation(std::string_view text) {
    Values values;
    LineReader lines(text);
    std::string_view line;
    bool begun = false;
    while (lines.next(line)) {
        if (line.empty() && !begun) continue;
        if (line.empty() && lines.at_end()) break;
        if (!read_line(line, values)) return Error::bad_invitation;
        begun = true;
    }

    if (values[Field::command].empty()) return Error::bad_invitation;
    InvitationView view;
    view.command = read_command(values[Field::command]);
    view.cookie = values[Field::cookie];
    view.application_guid = values[Field::application_guid];
    view.application_name = values[Field::application_name];
    view.cancel_code = values[Field::cancel_code];
    view.cannot_listen = equals_ignoring_case(values[Field::connectivity], "N");
    view.sender_connect = equals_ignoring_case(values[Field::sender_connect], "TRUE");
    if (!read_address(values[Field::address], view.address) || !read_port(values[Field::port], view.port) ||
        !read_address(values[Field::internal_address], view.internal_address) ||
        !read_port(values[Field::internal_port], view.internal_port)) {
        return Error::bad_invitation;
    }
    return view;
}

}  // namespace messenger::alg
