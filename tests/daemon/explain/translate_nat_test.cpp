// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/translate_nat.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <string>
#include <string_view>

#include "tests/support/packet_builder.h"

namespace messenger::daemon {
namespace {

using namespace std::chrono_literals;
using messenger::testing::address;
using messenger::testing::endpoint;

constexpr alg::Purpose kAudio{alg::MediaKind::audio, alg::PortRole::rtp};
const alg::CallLabel kLabel{0x0123456789abcdef, 0xfedcba9876543210, "c1@example.com"};

constexpr std::string_view kTable = " element inet messenger_alg ";

std::string line(std::string_view verb, std::string_view set, std::string_view element) {
    return std::string(verb).append(kTable).append(set).append(" { ").append(element).append(" }\n");
}

alg::PinholeChange pinhole(alg::PinholeChange::Kind kind, bool any_remote = false) {
    alg::PinholeKey key{alg::Transport::udp, any_remote, endpoint("10.1.2.3", 5350), address("203.0.113.30")};
    if (any_remote) key.remote = {};
    return {kind, key, kAudio, 60s, kLabel, endpoint("192.0.2.10", 40000)};
}

std::string outside_commands(const alg::PinholeChange& change) {
    nft::Transaction transaction;
    translate_outside(change, 12h, transaction);
    return transaction.to_nft();
}

TEST(TranslateNat, APinholeHasAnOutsideFormInASetAndAMap) {
    const std::string comment =
        R"( timeout 12h comment "audio rtp call=0123456789abcdef dialog=fedcba9876543210 id=c1@example.com")";
    const std::string pinned = "203.0.113.30 . 192.0.2.10 . udp . 40000";
    EXPECT_EQ(
        outside_commands(pinhole(alg::PinholeChange::Kind::add)),
        line("add", "outside4", pinned + comment) + line("add", "dnat4", pinned + comment + " : 10.1.2.3 . 5350"));
    const std::string open = "192.0.2.10 . udp . 40000";
    EXPECT_EQ(outside_commands(pinhole(alg::PinholeChange::Kind::add, true)),
              line("add", "outside_open4", open + comment) +
                  line("add", "dnat_open4", open + comment + " : 10.1.2.3 . 5350"));
    for (const auto kind : {alg::PinholeChange::Kind::remove, alg::PinholeChange::Kind::forget}) {
        EXPECT_EQ(outside_commands(pinhole(kind)),
                  line("delete", "outside4", pinned) + line("delete", "dnat4", pinned));
        EXPECT_EQ(outside_commands(pinhole(kind, true)),
                  line("delete", "outside_open4", open) + line("delete", "dnat_open4", open));
    }
}

TEST(TranslateNat, TheOutsideEndOfAPinholeComesBackAfterARestart) {
    for (const bool any_remote : {false, true}) {
        const alg::PinholeChange change = pinhole(alg::PinholeChange::Kind::add, any_remote);
        nft::Transaction transaction;
        translate_outside(change, 12h, transaction);
        const nft::Operation& mapped = transaction.operations()[1];
        const auto end = outside_end_at(mapped.set, mapped.element);
        ASSERT_TRUE(end);
        EXPECT_EQ(end->key, change.key);
        EXPECT_NE(place_of(end->key), std::nullopt);
        EXPECT_EQ(end->outside, *change.outside);
        nft::Element element = mapped.element;
        element.comment = nft::Comment("callback to=10.1.2.3:5350");
        EXPECT_FALSE(outside_end_at(mapped.set, element));
        element = mapped.element;
        element.target.reset();
        EXPECT_FALSE(outside_end_at(mapped.set, element));
    }
}

TEST(TranslateNat, NothingIsOutsideOfARoutedPinhole) {
    alg::PinholeChange routed = pinhole(alg::PinholeChange::Kind::add);
    routed.outside.reset();
    EXPECT_EQ(outside_commands(routed), "");
    EXPECT_FALSE(outside_places(routed));
}

alg::BindingChange binding(alg::BindingChange::Kind kind, bool listener = false) {
    return {kind,
            alg::Transport::udp,
            endpoint("10.1.2.3", 5350),
            endpoint("192.0.2.10", 40000),
            90s,
            listener,
            listener ? alg::CallLabel{} : kLabel};
}

nft::Transaction translated(const alg::BindingChange& change) {
    nft::Transaction transaction;
    translate(change, "wan0", transaction);
    return transaction;
}

TEST(TranslateNat, ABindingIsOnItsInterface) {
    const std::string key = R"("wan0" . 10.1.2.3 . udp . 5350)";
    const std::string of_call =
        R"( timeout 1m30s comment "binding call=0123456789abcdef dialog=fedcba9876543210 id=c1@example.com")"
        " : 192.0.2.10 . 40000";
    EXPECT_EQ(translated(binding(alg::BindingChange::Kind::add)).to_nft(), line("add", "snat4", key + of_call));
    EXPECT_EQ(translated(binding(alg::BindingChange::Kind::add, true)).to_nft(),
              line("add", "snat4", key + R"( timeout 1m30s comment "contact" : 192.0.2.10 . 40000)"));
    EXPECT_EQ(translated(binding(alg::BindingChange::Kind::refresh)).to_nft(),
              line("delete", "snat4", key) + line("add", "snat4", key + of_call));
    EXPECT_EQ(translated(binding(alg::BindingChange::Kind::remove)).to_nft(), line("delete", "snat4", key));
}

TEST(TranslateNat, ABindingComesBackAfterARestart) {
    for (const bool listener : {false, true}) {
        const auto transaction = translated(binding(alg::BindingChange::Kind::add, listener));
        ASSERT_EQ(transaction.operations().size(), 1U);
        const auto stored = binding_at(transaction.operations()[0].element);
        ASSERT_TRUE(stored);
        const alg::BindingKey key{alg::Transport::udp, endpoint("10.1.2.3", 5350), address("192.0.2.10")};
        EXPECT_EQ(stored->key, key);
        EXPECT_EQ(stored->outside_port, 40000);
        EXPECT_EQ(stored->contact, listener);
        EXPECT_EQ(stored->call, listener ? 0 : kLabel.call);
    }
}

/// A Call-ID that fills the comment, or cannot stand in one, costs nothing that is needed.
TEST(TranslateNat, ABindingComesBackWhateverItsCallId) {
    for (const std::string& id : {std::string(500, 'x'), std::string("a\"b\\c\x01\xff"), std::string()}) {
        alg::BindingChange change = binding(alg::BindingChange::Kind::add);
        change.label.call_id = id;
        const auto stored = binding_at(translated(change).operations()[0].element);
        ASSERT_TRUE(stored) << id;
        EXPECT_EQ(stored->call, kLabel.call);
    }
}

TEST(TranslateNat, WhatOthersHavePutIntoTheMapIsNoBinding) {
    const nft::Element ours = translated(binding(alg::BindingChange::Kind::add)).operations()[0].element;
    constexpr std::array<std::string_view, 7> kForeign{"",
                                                       "Contact",
                                                       "contact of alice",
                                                       "binding",
                                                       "binding call=",
                                                       "binding call=0123456789abcde",
                                                       "binding call=0123456789abcdeg id=x"};
    for (const std::string_view comment : kForeign) {
        nft::Element element = ours;
        element.comment = nft::Comment(comment);
        EXPECT_FALSE(binding_at(element)) << comment;
    }
    nft::Element without_target = ours;
    without_target.target.reset();
    EXPECT_FALSE(binding_at(without_target));
    nft::Element other_key = ours;
    other_key.key = nft::Key::endpoint(nft::Protocol::udp, to_nft(endpoint("10.1.2.3", 5350)));
    EXPECT_FALSE(binding_at(other_key));
}

alg::CallbackChange callback(alg::CallbackChange::Kind kind, bool nat, bool last = false) {
    return {kind,
            alg::Transport::tcp,
            endpoint("10.1.2.3", 7100),
            address("198.51.100.20"),
            nat ? std::optional(endpoint("192.0.2.10", 7200)) : std::nullopt,
            600s,
            last};
}

nft::Transaction translated(const alg::CallbackChange& change) {
    nft::Transaction transaction;
    translate(change, transaction);
    return transaction;
}

TEST(TranslateNat, ACallbackIsKnownByItsInsideEndAndItsOutsideEnd) {
    const std::string inside = "198.51.100.20 . 10.1.2.3 . tcp . 7100";
    const std::string outside = "198.51.100.20 . 192.0.2.10 . tcp . 7200";
    const std::string listener = "10.1.2.3 . tcp . 7100";
    const std::string to = R"( timeout 10m comment "callback to=10.1.2.3:7100")";
    EXPECT_EQ(translated(callback(alg::CallbackChange::Kind::add, true)).to_nft(),
              line("add", "callbacks4", inside + R"( timeout 10m comment "callback as=192.0.2.10:7200")") +
                  line("add", "sip_endpoints4", listener + R"( timeout 24h comment "contact")") +
                  line("add", "callbacks4", outside + to) + line("add", "dnat4", outside + to + " : 10.1.2.3 . 7100"));
    EXPECT_EQ(translated(callback(alg::CallbackChange::Kind::add, false)).to_nft(),
              line("add", "callbacks4", inside + R"( timeout 10m comment "callback")") +
                  line("add", "sip_endpoints4", listener + R"( timeout 24h comment "contact")"));
    EXPECT_EQ(translated(callback(alg::CallbackChange::Kind::remove, true)).to_nft(),
              line("delete", "callbacks4", inside) + line("delete", "callbacks4", outside) +
                  line("delete", "dnat4", outside));
    EXPECT_EQ(translated(callback(alg::CallbackChange::Kind::remove, false, true)).to_nft(),
              line("delete", "callbacks4", inside) + line("delete", "sip_endpoints4", listener));
}

TEST(TranslateNat, ARefreshedCallbackIsMadeAnew) {
    const auto refreshed = translated(callback(alg::CallbackChange::Kind::refresh, true));
    ASSERT_EQ(refreshed.operations().size(), 4U);
    for (const nft::Operation& operation : refreshed.operations()) EXPECT_EQ(operation.verb, nft::Verb::refresh);
}

TEST(TranslateNat, ACallbackComesBackAfterARestart) {
    for (const bool nat : {false, true}) {
        const auto change = callback(alg::CallbackChange::Kind::add, nat);
        const auto stored = callback_at(translated(change).operations()[0].element);
        ASSERT_TRUE(stored);
        const alg::CallbackTable::Key key{change.transport, change.inside, change.remote};
        EXPECT_EQ(stored->key, key);
        EXPECT_EQ(stored->outside, change.outside);
        EXPECT_EQ(stored->holders, alg::CallbackHolders{});
    }
}

TEST(TranslateNat, WhoHoldsACallbackComesBackAfterARestart) {
    const alg::CallbackHolders nobody{0, ~0ULL, false};
    for (const bool nat : {false, true}) {
        for (const alg::CallbackHolders& holders :
             {nobody, alg::CallbackHolders{}, alg::CallbackHolders{1, 0x400, false},
              alg::CallbackHolders{20'000, ~0x400ULL, true}, alg::CallbackHolders{0, ~0ULL, true}}) {
            auto change = callback(alg::CallbackChange::Kind::add, nat);
            change.holders = holders;
            const auto stored = callback_at(translated(change).operations()[0].element);
            ASSERT_TRUE(stored);
            EXPECT_EQ(stored->holders, holders);
            EXPECT_EQ(stored->outside, change.outside);
        }
    }
}

/// The inside form says everything; the outside form would be a second one.
TEST(TranslateNat, OnlyTheInsideFormOfACallbackIsReadBack) {
    const auto added = translated(callback(alg::CallbackChange::Kind::add, true));
    EXPECT_FALSE(callback_at(added.operations()[2].element));
    nft::Element ours = added.operations()[0].element;
    for (const std::string_view comment :
         {"", "callbacks", "callback as=", "callback as=192.0.2.10", "callback as=192.0.2.10:",
          "callback as=192.0.2.10:70000", "callback as=192.0.2.10:7200x", "callback as=here:7200",
          "callback users=", "callback users=2x", "callback users=-1", "callback users=2 to=10.1.2.3:5060",
          "callback marks=", "callback marks=1g", "callback marks=10000000000000000", "callback calls2"}) {
        ours.comment = nft::Comment(comment);
        EXPECT_FALSE(callback_at(ours)) << comment;
    }
}

TEST(TranslateNat, NoCallbackGoesFromOneFamilyToTheOther) {
    auto change = callback(alg::CallbackChange::Kind::add, false);
    change.remote = address("2001:db8::20");
    EXPECT_TRUE(translated(change).empty());
}

}  // namespace
}  // namespace messenger::daemon
