// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/translate.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <string>

#include "tests/support/packet_builder.h"

namespace messenger::daemon {
namespace {

using namespace std::string_view_literals;
using namespace std::chrono_literals;
using messenger::testing::address;
using messenger::testing::endpoint;

constexpr alg::Purpose kAudio{alg::MediaKind::audio, alg::PortRole::rtp};

alg::PinholeKey pinned(std::string_view inside, std::string_view remote) {
    return {alg::Transport::udp, false, endpoint(inside, 5350), address(remote)};
}

std::string commands(const alg::PinholeChange& change) {
    nft::Transaction transaction;
    translate(change, transaction);
    return transaction.to_nft();
}

TEST(Translate, BringsAddressesThereAndBack) {
    for (const auto* text : {"0.0.0.0", "10.1.2.3", "255.255.255.255", "::", "2001:db8::1:2"}) {
        EXPECT_EQ(to_nft(address(text)).to_string(), text);
        EXPECT_EQ(to_alg(to_nft(address(text))), address(text));
    }
    const alg::FlowTuple tuple{endpoint("2001:db8::1", 1), endpoint("2001:db8::2", 65535), alg::Transport::tcp};
    EXPECT_EQ(to_alg(to_nft(tuple)), tuple);
}

TEST(Translate, KnowsTheSetOfEachPinhole) {
    const std::array<std::pair<alg::PinholeKey, nft::SetId>, 4> places{{
        {pinned("10.1.2.3", "203.0.113.30"), nft::SetId::pinholes4},
        {pinned("2001:db8::3", "2001:db8:1::1"), nft::SetId::pinholes6},
        {{alg::Transport::tcp, true, endpoint("10.1.2.3", 1503), {}}, nft::SetId::open4},
        {{alg::Transport::udp, true, endpoint("2001:db8::3", 4000), {}}, nft::SetId::open6},
    }};
    for (const auto& [key, set] : places) {
        const auto place = place_of(key);
        ASSERT_TRUE(place);
        EXPECT_EQ(place->set, set);
        EXPECT_EQ(pinhole_at(place->set, place->key), key);
    }
}

TEST(Translate, HasNoPlaceForAPinholeBetweenFamilies) {
    const alg::PinholeKey mixed = pinned("10.1.2.3", "2001:db8::1");
    EXPECT_FALSE(place_of(mixed));
    EXPECT_EQ(commands({alg::PinholeChange::Kind::add, mixed, kAudio, 60s, {}, {}}), "");
}

TEST(Translate, FindsNoPinholeInOtherSetsOrKeys) {
    const auto place = place_of(pinned("10.1.2.3", "203.0.113.30"));
    ASSERT_TRUE(place);
    EXPECT_FALSE(pinhole_at(nft::SetId::open4, place->key));
    EXPECT_FALSE(pinhole_at(nft::SetId::pinholes6, place->key));
    EXPECT_FALSE(pinhole_at(nft::SetId::pinholes4, nft::Key{}));
    const auto inside = nft::Key::endpoint(nft::Protocol::udp, to_nft(endpoint("10.1.2.3", 5350)));
    EXPECT_FALSE(pinhole_at(nft::SetId::sip_endpoints4, inside));
    EXPECT_TRUE(pinhole_at(nft::SetId::open4, inside));

    // ::ffff:10.1.2.3, which place_of() puts into the sets for IPv4
    std::array<std::byte, 24> mapped{};
    mapped[10] = mapped[11] = std::byte{0xff};
    std::copy_n(inside.bytes().begin(), 12, mapped.begin() + 12);
    EXPECT_FALSE(pinhole_at(nft::SetId::open6, *nft::Key::from_bytes(mapped)));
}

TEST(Translate, WritesTheCommands) {
    const alg::PinholeKey key = pinned("10.1.2.3", "203.0.113.30");
    const alg::CallLabel label{0x0123456789abcdef, 0xfedcba9876543210, "c1@example.com"};
    const std::string there = "element inet messenger_alg pinholes4 { 203.0.113.30 . 10.1.2.3 . udp . 5350";
    const std::string comment =
        " comment \"audio rtp call=0123456789abcdef dialog=fedcba9876543210 id=c1@example.com\" }\n";
    EXPECT_EQ(commands({alg::PinholeChange::Kind::add, key, kAudio, 60s, label, {}}),
              "add " + there + " timeout 1m" + comment);
    EXPECT_EQ(commands({alg::PinholeChange::Kind::refresh, key, kAudio, 30min, label, {}}),
              "delete " + there + " }\nadd " + there + " timeout 30m" + comment);
    EXPECT_EQ(commands({alg::PinholeChange::Kind::remove, key, kAudio, 0s, label, {}}), "delete " + there + " }\n");
    EXPECT_EQ(commands({alg::PinholeChange::Kind::forget, key, kAudio, 0s, label, {}}), "");
}

TEST(Translate, NeverRoundsATimeoutDownToForEver) {
    const alg::PinholeChange change{
        alg::PinholeChange::Kind::add, pinned("10.1.2.3", "203.0.113.30"), kAudio, 1ns, {}, {}};
    EXPECT_NE(commands(change).find("timeout 1ms"), std::string::npos);
}

TEST(PinholeComment, IsReadBackAsItWasWritten) {
    using alg::MediaKind;
    using alg::PortRole;
    for (const auto kind : {MediaKind::audio, MediaKind::video, MediaKind::image, MediaKind::application,
                            MediaKind::text, MediaKind::message, MediaKind::other}) {
        for (const auto role : {PortRole::rtp, PortRole::rtcp, PortRole::udp, PortRole::t120, PortRole::file}) {
            const nft::Comment comment = format_comment({kind, role}, {1, UINT64_MAX, "a84b4c76e66710@pc33"});
            const auto note = parse_comment(comment.text());
            ASSERT_TRUE(note) << comment.text();
            EXPECT_EQ(note->purpose, (alg::Purpose{kind, role}));
            EXPECT_EQ(note->call, 1U);
            EXPECT_EQ(note->dialog, UINT64_MAX);
            EXPECT_TRUE(note->call_id_is_whole);
            EXPECT_EQ(note->label().call_id, "a84b4c76e66710@pc33");
        }
    }
}

TEST(PinholeComment, NamesAnotherCallThatNeedsThePinhole) {
    const alg::PinholeChange::Sharer sharer{UINT64_MAX, 9};
    const nft::Comment comment = format_comment(kAudio, {7, 8, "a84b4c76e66710@pc33"}, sharer);
    const std::string text(comment.text());
    const auto note = parse_comment(text);
    ASSERT_TRUE(note) << text;
    EXPECT_EQ(note->call, 7U);
    EXPECT_EQ(note->sharer, sharer);
    EXPECT_EQ(note->label().call_id, "a84b4c76e66710@pc33");
    const std::size_t id = text.find(" id=");
    for (std::size_t size = text.find(" and=") + 1; size < id; ++size) {
        EXPECT_FALSE(parse_comment(text.substr(0, size) + text.substr(id))) << size;
    }
    const nft::Comment alone = format_comment(kAudio, {7, 8, "x"});
    EXPECT_FALSE(parse_comment(alone.text())->sharer);
}

TEST(PinholeComment, SaysWhenTheCallIdIsNotTheWholeOne) {
    const std::string longest(nft::Comment::kMaxSize, 'x');
    const auto note_of = [](std::string_view call_id) {
        const nft::Comment comment = format_comment(kAudio, {7, 8, call_id});
        const auto note = parse_comment(comment.text());
        EXPECT_TRUE(note);
        EXPECT_EQ(note->call, 7U);
        EXPECT_EQ(note->dialog, 8U);
        return std::pair(std::string(note->call_id), std::string(note->label().call_id));
    };
    EXPECT_EQ(note_of(""), std::pair(std::string(), std::string()));
    const auto [shown, exact] = note_of(longest);
    EXPECT_GE(shown.size(), 60U);
    EXPECT_EQ(exact, "");
    EXPECT_EQ(note_of(shown).second, shown) << "as much as fits is whole when it is all";
    EXPECT_EQ(note_of(shown + 'x').second, "");
}

TEST(PinholeComment, HoldsHostileCallIds) {
    for (const auto call_id :
         {"\" } ; flush ruleset ; # \\"sv, "a\nadd rule"sv, "\0\x1b[2J"sv, "Zo\xC3\xAB"sv, "\xFF"sv}) {
        const nft::Comment comment = format_comment(kAudio, {7, 8, call_id});
        for (const char c : comment.text()) {
            EXPECT_TRUE(c >= ' ' && c <= '~' && c != '"' && c != '\\') << comment.text();
        }
        const auto note = parse_comment(comment.text());
        ASSERT_TRUE(note);
        EXPECT_EQ(note->label().call_id, "") << "would not be this call's";
        EXPECT_EQ(note->label().call, 7U);
    }
    const auto confusing = "x id=y dialog=0000000000000000 call=0000000000000000"sv;
    const nft::Comment comment = format_comment(kAudio, {7, 8, confusing});
    const auto note = parse_comment(comment.text());
    ASSERT_TRUE(note);
    EXPECT_EQ(note->label().call_id, confusing);
    EXPECT_EQ(note->dialog, 8U);
}

TEST(PinholeComment, IsRefusedWhenItIsNotOurs) {
    const nft::Comment comment = format_comment(kAudio, {7, 8, "c"});
    const std::string text(comment.text());
    for (std::size_t size = 0; size + 1 < text.size(); ++size) {
        EXPECT_FALSE(parse_comment(text.substr(0, size))) << size;
    }
    for (const auto* other : {"", "a comment", "audio  call=0000000000000007 dialog=0000000000000008 id=c",
                              "sound rtp call=0000000000000007 dialog=0000000000000008 id=c",
                              "audio rtp call=000000000000000g dialog=0000000000000008 id=c",
                              "audio rtp call=-000000000000007 dialog=0000000000000008 id=c",
                              "audio rtp call=00000000000000007 dialog=0000000000000008 id=c"}) {
        EXPECT_FALSE(parse_comment(other)) << other;
    }
}

}  // namespace
}  // namespace messenger::daemon
