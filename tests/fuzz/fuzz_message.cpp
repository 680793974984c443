// SPDX-License-Identifier: GPL-2.0-or-later
// A message that is understood lies inside its buffer with all its lines in order; one that is not leaves nothing
// behind.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "alg/base/text.h"
#include "alg/sip/compression.h"
#include "alg/sip/fields.h"
#include "alg/sip/message.h"

namespace {

using messenger::alg::HeaderId;
using messenger::alg::SipMessageView;

void require(bool holds) {
    if (!holds) std::abort();
}

void require_inside(std::string_view part, std::string_view whole) {
    if (part.empty()) return;
    require(part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void check_lines(const SipMessageView& view) {
    std::size_t at = 0;
    for (const auto& line : view.lines()) {
        require(line.begin >= at && line.name_length > 0);
        require(line.begin + line.name_length < line.value_begin);
        require(line.value_begin <= line.value_end && line.value_end < view.head().size());
        at = line.value_end;
        require(messenger::alg::header_id(view.name_of(line)) == line.id);
        require_inside(view.value_of(line), view.head());
        if (line.id != HeaderId::other) require(view.value(line.id).data() <= view.value_of(line).data());
    }
}

/// Part by part, and without a look at how most write it.
std::string_view tag_of(std::string_view address) {
    const auto parts = messenger::alg::parse_name_address(address);
    return parts ? messenger::alg::find_parameter(parts->parameters, "tag").value_or(std::string_view{})
                 : std::string_view{};
}

void check(const SipMessageView& view, std::string_view text) {
    require_inside(view.whole(), text);
    require(view.head().size() + view.body().size() == view.whole().size());
    check_lines(view);
    for (const std::string_view part :
         {view.method_text(), view.request_uri(), view.reason(), view.call_id(), view.from(), view.to(),
          view.from_tag(), view.to_tag(), view.top_via(), view.content_type()}) {
        require_inside(part, view.head());
    }
    require(!view.call_id().empty() && !view.from().empty() && !view.to().empty() && !view.method_text().empty());
    require(view.is_request() == (view.status() == 0) && view.is_request() == !view.request_uri().empty());
    require(view.cseq() <= INT32_MAX);
    require(view.from_tag() == tag_of(view.from()) && view.to_tag() == tag_of(view.to()));
    require(messenger::alg::parse_method(view.method_text()) == view.method());
    messenger::alg::decline_compression(view, [&](std::string_view method, std::string_view word) {
        require_inside(method, view.head());
        require(method.size() == word.size() && !messenger::alg::equals_ignoring_case(method, word));
    });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    static SipMessageView view;
    if (!view.parse(text, messenger::alg::Limits{})) {
        require(view.whole().empty() && view.lines().empty() && view.call_id().empty() && view.method_text().empty());
        return 0;
    }
    check(view, text);
    // Read again from its own bytes it is the same message.
    static SipMessageView again;
    require(again.parse(view.whole(), messenger::alg::Limits{}).has_value());
    require(again.whole() == view.whole() && again.head() == view.head() &&
            again.lines().size() == view.lines().size());
    return 0;
}
