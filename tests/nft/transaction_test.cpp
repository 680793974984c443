// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/transaction.h"

#include <gtest/gtest.h>

namespace messenger::nft {
namespace {

using namespace std::chrono_literals;

const Key kKey = Key::pinhole(Address::v4(0xcb00711e), Protocol::udp, {Address::v4(0x0a010203), 5350});

TEST(Transaction, PrintsItselfAsNftCommands) {
    Transaction transaction;
    transaction.add(SetId::pinholes4, {kKey, 60s, Comment("call 1: bob, audio")});
    transaction.create(SetId::open4, {Key::endpoint(Protocol::tcp, {Address::v4(0x0a010203), 1503}), 1500ms, {}});
    transaction.remove(SetId::pinholes4, kKey);
    transaction.refresh(SetId::pinholes4, {kKey, 90s, Comment("again")});
    transaction.add(SetId::sip_ports, {Key::port(Protocol::udp, 5060), {}, {}});
    transaction.flush(SetId::admitted6);
    transaction.discard(SetId::open4, Key::endpoint(Protocol::tcp, {Address::v4(0x0a010203), 1503}));
    EXPECT_EQ(
        transaction.to_nft(),
        R"(add element inet messenger_alg pinholes4 { 203.0.113.30 . 10.1.2.3 . udp . 5350 timeout 1m comment "call 1: bob, audio" }
create element inet messenger_alg open4 { 10.1.2.3 . tcp . 1503 timeout 1s500ms }
delete element inet messenger_alg pinholes4 { 203.0.113.30 . 10.1.2.3 . udp . 5350 }
delete element inet messenger_alg pinholes4 { 203.0.113.30 . 10.1.2.3 . udp . 5350 }
add element inet messenger_alg pinholes4 { 203.0.113.30 . 10.1.2.3 . udp . 5350 timeout 1m30s comment "again" }
add element inet messenger_alg sip_ports { udp . 5060 }
flush set inet messenger_alg admitted6
add element inet messenger_alg open4 { 10.1.2.3 . tcp . 1503 }
delete element inet messenger_alg open4 { 10.1.2.3 . tcp . 1503 }
)");
}

TEST(Transaction, PrintsWhereAMapLeads) {
    const Key key = Key::binding("ppp0", Protocol::udp, {Address::v4(0x0a010203), 5350});
    Transaction transaction;
    transaction.refresh(SetId::snat4, {key, 60s, Comment("binding"), Endpoint{Address::v4(0xcb007101), 40000}});
    transaction.flush(SetId::snat4);
    EXPECT_EQ(transaction.to_nft(),
              R"(delete element inet messenger_alg snat4 { "ppp0" . 10.1.2.3 . udp . 5350 }
add element inet messenger_alg snat4 { "ppp0" . 10.1.2.3 . udp . 5350 timeout 1m comment "binding" : 203.0.113.1 . 40000 }
flush map inet messenger_alg snat4
)");
}

TEST(Transaction, ACommentCannotLeaveItsQuotes) {
    Transaction transaction;
    transaction.add(SetId::sip_ports, {Key::port(Protocol::udp, 1), {}, Comment("x\" }\nflush ruleset # ")});
    EXPECT_EQ(transaction.to_nft(),
              "add element inet messenger_alg sip_ports { udp . 1 comment \"x? }?flush ruleset # \" }\n");
}

TEST(Transaction, IsEmptyAgainAfterClear) {
    Transaction transaction;
    EXPECT_TRUE(transaction.empty());
    transaction.flush(SetId::open4);
    EXPECT_FALSE(transaction.empty());
    transaction.clear();
    EXPECT_TRUE(transaction.empty());
    EXPECT_EQ(transaction.to_nft(), "");
}

}  // namespace
}  // namespace messenger::nft
