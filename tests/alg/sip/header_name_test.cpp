// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "alg/base/text.h"
#include "alg/sip/message.h"

namespace messenger::alg {
namespace {

const std::vector<std::pair<std::string, HeaderId>>& long_names() {
    static const std::vector<std::pair<std::string, HeaderId>> names = {
        {"Call-ID", HeaderId::call_id},
        {"Compression", HeaderId::compression},
        {"Contact", HeaderId::contact},
        {"Content-Disposition", HeaderId::content_disposition},
        {"Content-Encoding", HeaderId::content_encoding},
        {"Content-Length", HeaderId::content_length},
        {"Content-Type", HeaderId::content_type},
        {"CSeq", HeaderId::cseq},
        {"Expires", HeaderId::expires},
        {"From", HeaderId::from},
        {"Max-Forwards", HeaderId::max_forwards},
        {"ms-text-format", HeaderId::ms_text_format},
        {"RAck", HeaderId::rack},
        {"Record-Route", HeaderId::record_route},
        {"Refer-To", HeaderId::refer_to},
        {"Require", HeaderId::require},
        {"Route", HeaderId::route},
        {"RSeq", HeaderId::rseq},
        {"Session-Expires", HeaderId::session_expires},
        {"Supported", HeaderId::supported},
        {"To", HeaderId::to},
        {"User-Agent", HeaderId::user_agent},
        {"Via", HeaderId::via},
    };
    return names;
}

TEST(HeaderName, KnowsEveryHeaderInAnyCase) {
    ASSERT_EQ(long_names().size(), static_cast<std::size_t>(HeaderId::other));
    for (const auto& [name, id] : long_names()) {
        std::string lower;
        std::string upper;
        for (const char c : name) {
            lower += to_lower(c);
            upper += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        }
        EXPECT_EQ(header_id(name), id) << name;
        EXPECT_EQ(header_id(lower), id) << lower;
        EXPECT_EQ(header_id(upper), id) << upper;
    }
}

TEST(HeaderName, KnowsTheCompactFormsInBothCases) {
    const std::vector<std::pair<char, HeaderId>> compact = {
        {'c', HeaderId::content_type}, {'e', HeaderId::content_encoding}, {'f', HeaderId::from},
        {'i', HeaderId::call_id},      {'k', HeaderId::supported},        {'l', HeaderId::content_length},
        {'m', HeaderId::contact},      {'r', HeaderId::refer_to},         {'t', HeaderId::to},
        {'v', HeaderId::via},          {'x', HeaderId::session_expires},
    };
    std::size_t known = 0;
    for (unsigned value = 0; value < 256; ++value) {
        if (header_id(std::string(1, static_cast<char>(value))) != HeaderId::other) ++known;
    }
    EXPECT_EQ(known, 2 * compact.size());  // s, o, u, b and all other bytes are none of ours
    for (const auto& [letter, id] : compact) {
        EXPECT_EQ(header_id(std::string(1, letter)), id) << letter;
        EXPECT_EQ(header_id(std::string(1, static_cast<char>(letter - 'a' + 'A'))), id) << letter;
    }
}

TEST(HeaderName, IsNotTakenForAnotherWhenOneByteDiffers) {
    for (const auto& [name, id] : long_names()) {
        for (std::size_t at = 0; at < name.size(); ++at) {
            for (unsigned value = 0; value < 256; ++value) {
                std::string changed = name;
                changed[at] = static_cast<char>(value);
                if (to_lower(changed[at]) == to_lower(name[at])) continue;
                EXPECT_NE(header_id(changed), id) << changed;
            }
        }
        EXPECT_NE(header_id(name + "x"), id) << name;
        EXPECT_NE(header_id(name + " "), id) << name;
        EXPECT_NE(header_id(name.substr(1)), id) << name;
        if (name == "To") continue;  // "T" is its compact form
        EXPECT_NE(header_id(name.substr(0, name.size() - 1)), id) << name;
    }
    EXPECT_EQ(header_id(""), HeaderId::other);
}

TEST(Method, IsKnownByItsExactName) {
    EXPECT_EQ(parse_method("INVITE"), Method::invite);
    EXPECT_EQ(parse_method("REGISTER"), Method::register_);
    EXPECT_EQ(parse_method("BENOTIFY"), Method::benotify);
    EXPECT_EQ(parse_method("NEGOTIATE"), Method::negotiate);
    for (const auto* name : {"", "Invite", "invite", "INVITEX", "INVIT", " INVITE", "NEWMETHOD"}) {
        EXPECT_EQ(parse_method(name), Method::other) << name;
    }
}

}  // namespace
}  // namespace messenger::alg
