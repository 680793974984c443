// SPDX-License-Identifier: GPL-2.0-or-later
// A message whose addresses are rewritten is still the same message: see RewriteCheck. The lines shown for people are
// built as well.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "alg/nat/changed_lines.h"
#include "tests/fuzz/require.h"
#include "tests/support/rewrite_check.h"

namespace {

using messenger::test::require;

void check_changed_lines(std::string_view text) {
    static messenger::alg::SipMessageView message;
    static messenger::alg::MessageRewriter rewriter;
    static messenger::alg::EditList edits;
    const messenger::alg::Limits limits;
    if (!message.parse(text, limits)) return;
    const messenger::testing::PrivateTranslation all;
    rewriter.rewrite(message, limits, {{}, all, messenger::alg::Transport::udp, std::nullopt}, edits);
    const auto lines = messenger::alg::changed_lines(edits);
    require(edits.empty() == lines.empty(), "every edit is shown");
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static messenger::testing::RewriteCheck rewrite;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::string_view wrong = rewrite.check(text);
    require(wrong.empty(), wrong);
    check_changed_lines(text);
    return 0;
}
