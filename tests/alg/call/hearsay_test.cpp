// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/hearsay.h"

#include <gtest/gtest.h>

#include "tests/support/packet_builder.h"

namespace messenger::alg {
namespace {

using testing::address;
using testing::endpoint;

constexpr Tag kCaller = 11;
constexpr Tag kCallee = 12;
constexpr Tag kSomebody = 13;

[[nodiscard]] Endpoint port() {
    return endpoint("10.0.0.80", 8080);
}

/// That an inside host has been told of that port.
[[nodiscard]] Call told_by(Tag speaker) {
    Call call;
    call.heard.push_back({address("10.0.0.80"), speaker, port()});
    return call;
}

/// It speaks for the caller.
[[nodiscard]] Voice proxy() {
    return {address("10.0.0.80"), kCaller, kCallee};
}

TEST(Hearsay, IsSaidAgainForWhoeverHasSaidIt) {
    EXPECT_TRUE(has_been_told(told_by(kCaller), proxy(), port()));
    EXPECT_FALSE(has_been_told(told_by(kCaller), proxy(), endpoint("10.0.0.80", 8081)));
    EXPECT_FALSE(has_been_told(told_by(kCaller), {address("10.0.0.81"), kCaller, kCallee}, port()));
}

TEST(Hearsay, IsWhatSomebodyElseHasSaidUnderTheSameCallId) {
    EXPECT_TRUE(has_been_told(told_by(kSomebody), proxy(), port()));
    EXPECT_TRUE(has_been_told(told_by(0), proxy(), port()));
    EXPECT_TRUE(has_been_told(told_by(0), {address("10.0.0.80"), kCaller, 0}, port())) << "the INVITE";
}

TEST(Hearsay, IsNotSaidBackToThePartyThatHasSaidIt) {
    EXPECT_FALSE(has_been_told(told_by(kCallee), proxy(), port()));
    Call both = told_by(kCallee);
    both.heard.push_back({address("10.0.0.80"), kCaller, port()});
    EXPECT_TRUE(has_been_told(both, proxy(), port()));
}

TEST(Hearsay, IsNotHiddenByTwoPartiesWithOneTag) {
    EXPECT_TRUE(has_been_told(told_by(kCaller), {address("10.0.0.80"), kCaller, kCaller}, port()));
}

TEST(Hearsay, IsEverythingOnceThereWasMoreThanIsKept) {
    Call call;
    EXPECT_FALSE(is_hearsay(call, proxy(), port()));
    call.heard_too_much = true;
    EXPECT_TRUE(is_hearsay(call, proxy(), port()));
}

TEST(Hearsay, IsNotWhatAnInsideHostHasAnnounced) {
    Call call = told_by(kCaller);
    Dialog& dialog = call.dialogs.emplace_back();
    dialog.state = Dialog::State::confirmed;
    dialog.transfers.push_back({1, port(), {}, {}});
    EXPECT_FALSE(is_hearsay(call, proxy(), port()));
    dialog.state = Dialog::State::ended;
    EXPECT_TRUE(is_hearsay(call, proxy(), port()));
}

TEST(Hearsay, KnowsWhoSpeaksToWhom) {
    Dialog dialog;
    dialog.caller_tag = kCaller;
    dialog.callee_tag = kCallee;
    const Voice caller = voice_of(address("10.0.0.80"), dialog, Party::caller);
    EXPECT_EQ(caller.speaks_for, kCaller);
    EXPECT_EQ(caller.speaks_to, kCallee);
    const Voice callee = voice_of(address("10.0.0.80"), dialog, Party::callee);
    EXPECT_EQ(callee.speaks_for, kCallee);
    EXPECT_EQ(callee.speaks_to, kCaller);
}

}  // namespace
}  // namespace messenger::alg
