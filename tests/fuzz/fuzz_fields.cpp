// SPDX-License-Identifier: GPL-2.0-or-later
// Every reader of a header value, on the same bytes: what it returns lies inside them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "alg/sip/fields.h"

namespace {

namespace alg = messenger::alg;

void require(bool holds) {
    if (!holds) std::abort();
}

void require_inside(std::string_view part, std::string_view whole) {
    if (part.empty()) return;
    require(part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void check_parameters(std::string_view parameters, std::string_view text) {
    require_inside(parameters, text);
    require(parameters.empty() || parameters.front() == ';');
    for (const std::string_view name : {"tag", "maddr", "branch", "boundary", ""}) {
        if (const auto value = alg::find_parameter(parameters, name)) require_inside(*value, parameters);
    }
}

void check_uri(std::string_view text) {
    const auto uri = alg::parse_sip_uri(text);
    if (!uri) return;
    require_inside(uri->user, text);
    require_inside(uri->host, text);
    require(!uri->host.empty());
    check_parameters(uri->parameters, text);
    require(uri->parameters.find('?') == std::string_view::npos);
    if (const auto endpoint = alg::contact_endpoint(*uri)) require(endpoint->port != 0);
}

void check_value(std::string_view text) {
    check_uri(text);
    if (const auto address = alg::parse_name_address(text)) {
        require_inside(address->uri, text);
        require(!address->uri.empty());
        check_parameters(address->parameters, text);
        check_uri(address->uri);
    }
    if (const auto via = alg::parse_via(text)) {
        require_inside(via->transport, text);
        require_inside(via->host, text);
        require(!via->host.empty() && !via->transport.empty());
        check_parameters(via->parameters, text);
    }
    if (const auto type = alg::parse_content_type(text)) {
        require_inside(type->type, text);
        require_inside(type->subtype, text);
        require(type->is(type->type, type->subtype));
        check_parameters(type->parameters, text);
    }
    if (alg::parse_seconds(text)) require(!text.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_value(text);
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t before = rest.size();
        const std::string_view value = alg::next_list_value(rest);
        require(rest.size() < before);
        require_inside(value, text);
        check_value(value);
    }
    return 0;
}
