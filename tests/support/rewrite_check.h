// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "alg/base/text.h"
#include "alg/nat/message_rewriter.h"
#include "alg/sip/content_length.h"
#include "tests/support/translations.h"

namespace messenger::testing {

/// The value of a header by its long name, first of several; for what HeaderId does not know.
[[nodiscard]] inline std::string_view header_value(const alg::SipMessageView& message, std::string_view name) {
    for (const alg::HeaderLine& line : message.lines()) {
        if (alg::equals_ignoring_case(message.name_of(line), name)) return message.value_of(line);
    }
    return {};
}

/// One parameter of an authentication header, which separates them by commas: NTLM qop="auth", realm="..".
[[nodiscard]] inline std::string_view auth_parameter(std::string_view header, std::string_view name) {
    header.remove_prefix(std::min(header.find(' '), header.size()));
    while (!header.empty()) {
        const std::string_view one = alg::next_list_value(header);
        const std::size_t equals = one.find('=');
        if (equals == std::string_view::npos || !alg::equals_ignoring_case(one.substr(0, equals), name)) continue;
        return alg::trim(one.substr(equals + 1));
    }
    return {};
}

/// The strings that Microsoft's clients and servers sign, of version 2 and of versions 3 and 4 ([MS-SIP] 3.1.4.2,
/// [MS-SIPAE] 3.2.5.2): each value in <>, in that order. And all that signs, so that it is held to as well.
[[nodiscard]] inline std::string signature_strings(const alg::SipMessageView& message) {
    using alg::HeaderId;
    constexpr std::array<std::string_view, 6> kHeaders{"Authorization",       "Proxy-Authorization",
                                                       "Authentication-Info", "Proxy-Authentication-Info",
                                                       "WWW-Authenticate",    "Proxy-Authenticate"};
    const auto uri = [](std::string_view address) {
        const auto parts = alg::parse_name_address(address);
        return parts ? parts->uri : std::string_view();
    };
    std::string text;
    const auto add = [&text](std::string_view value) { text.append("<").append(value).append(">"); };
    for (const std::string_view header : kHeaders) {
        const std::string_view auth = header_value(message, header);
        if (auth.empty()) continue;
        for (const bool version_2 : {true, false}) {
            add(auth.substr(0, auth.find(' ')));
            for (const char* name : {"crand", "srand", "cnum", "snum", "realm", "targetname"}) {
                add(auth_parameter(auth, name));
            }
            add(message.call_id());
            add(std::to_string(message.cseq()));
            add(message.method_text());
            add(uri(message.from()));
            add(message.from_tag());
            if (!version_2) add(uri(message.to()));
            add(message.to_tag());
            if (!version_2) {
                add(header_value(message, "P-Asserted-Identity"));
                add(header_value(message, "P-Preferred-Identity"));
            }
            add(message.value(HeaderId::expires));
            if (!message.is_request()) add(std::to_string(message.status()));
            text += '\n';
        }
        add(auth);
    }
    return text;
}

/// What has to hold for every message that is rewritten, whatever is in it. Big: keep one.
class RewriteCheck {
   public:
    /// Rewrites the message in text, both ways, with every private address changed. Returns what does not hold; empty
    /// if all does, and if text is no message.
    [[nodiscard]] std::string_view check(std::string_view text) {
        if (!message_.parse(text, limits_)) return {};
        const TableTranslation nothing;
        using Direction = alg::Rewrite::Direction;
        for (const Direction direction : {Direction::outbound, Direction::inbound}) {
            rewriter_.rewrite(message_, limits_, {direction, nothing, alg::Transport::udp, std::nullopt}, edits_);
            if (!edits_.empty() || edits_.spoilt()) return "nothing translated, nothing edited";
            const PrivateTranslation all;
            rewriter_.rewrite(message_, limits_, {direction, all, alg::Transport::tcp, 40060}, edits_);
            edits_.apply(edited_);
            if (const auto wrong = check_edited(); !wrong.empty()) return wrong;
        }
        return {};
    }

    /// Rewrites the message in text outbound and turns it back; public_too: with all addresses changed. False if that
    /// does not give the same bytes.
    [[nodiscard]] bool turns_back(std::string_view text, bool public_too = false) {
        if (!message_.parse(text, limits_)) return true;
        const PrivateTranslation all(public_too);
        rewriter_.rewrite(message_, limits_, {{}, all, alg::Transport::tcp, std::nullopt}, edits_);
        edits_.apply(edited_);
        edit_count_ = edits_.size();
        growth_ = edits_.growth();
        if (!again_.parse(edited_, limits_)) return false;
        rewriter_.rewrite(again_, limits_, {{}, all.inverse(), alg::Transport::tcp, std::nullopt}, edits_);
        edits_.apply(back_);
        return back_ == message_.whole();
    }

    // Of the last call.
    [[nodiscard]] const std::string& edited() const { return edited_; }
    [[nodiscard]] std::size_t edit_count() const { return edit_count_; }
    [[nodiscard]] std::ptrdiff_t growth() const { return growth_; }

   private:
    [[nodiscard]] std::string_view check_edited() {
        if (edits_.spoilt()) return "the edits are not spoilt";
        const auto grown = static_cast<std::ptrdiff_t>(message_.whole().size()) + edits_.growth();
        if (static_cast<std::ptrdiff_t>(edited_.size()) != grown) return "growth is the growth";
        if (!again_.parse(edited_, limits_)) return "the edited message can be read";
        if (again_.whole().size() != edited_.size()) return "Content-Length covers the edited body";
        if (again_.lines().size() != message_.lines().size()) return "as many headers";
        if (signature_strings(again_) != signature_strings(message_)) return "what is signed stays";
        for (std::size_t i = 0; i < message_.lines().size(); ++i) {
            if (const auto wrong = check_line(message_.lines()[i], again_.lines()[i]); !wrong.empty()) return wrong;
        }
        const alg::ContentType none;
        const auto type = alg::parse_content_type(message_.content_type()).value_or(none);
        const bool read = type.is("application", "sdp") && sdp_.parse(message_.body(), limits_);
        const std::size_t media = sdp_.media().size();
        if (read && (!sdp_.parse(again_.body(), limits_) || sdp_.media().size() != media)) return "SDP stays SDP";
        if (message_.is_request() != again_.is_request()) return "a request stays one";
        return {};
    }

    [[nodiscard]] std::string_view check_line(const alg::HeaderLine& before, const alg::HeaderLine& after) {
        using alg::HeaderId;
        if (message_.name_of(before) != again_.name_of(after)) return "the same headers";
        if (message_.value_of(before) == again_.value_of(after)) return {};
        switch (before.id) {
            case HeaderId::contact:
            case HeaderId::content_length:
            case HeaderId::ms_text_format:
            case HeaderId::via: return {};
            default: return "no other header is edited";
        }
    }

    alg::Limits limits_;
    alg::SipMessageView message_;
    alg::SipMessageView again_;
    alg::MessageRewriter rewriter_;
    alg::EditList edits_;
    alg::SdpView sdp_;
    std::string edited_;
    std::string back_;
    std::size_t edit_count_ = 0;
    std::ptrdiff_t growth_ = 0;
};

}  // namespace messenger::testing
