// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/commit_order.h"

#include <gtest/gtest.h>

#include <string>

namespace messenger::nft {
namespace {

using namespace std::chrono_literals;

Key port(std::uint16_t number) {
    return Key::port(Protocol::udp, number);
}

/// One letter for each operation: what stays of it.
std::string rest_of(const Transaction& transaction) {
    std::vector<LeaveOut> left_out(transaction.operations().size(), LeaveOut::nothing);
    CommitOrder().plan(transaction.operations(), left_out);
    std::string text;
    for (const LeaveOut one : left_out) text += one == LeaveOut::nothing ? 'x' : '-';
    return text;
}

/// Other elements around those that a test looks at.
Transaction with_others() {
    Transaction transaction;
    for (std::uint16_t number = 1; number <= 8; ++number) transaction.add(SetId::sip_ports, {port(number), {}, {}, {}});
    return transaction;
}

TEST(Superseded, TheLastRemovalOrRefreshAndWhatFollowsItStay) {
    Transaction change = with_others();
    change.add(SetId::sip_ports, {port(50), 1s, {}, {}});
    change.refresh(SetId::sip_ports, {port(50), 2s, {}, {}});
    change.remove(SetId::sip_ports, port(51));
    change.remove(SetId::sip_ports, port(50));
    change.add(SetId::sip_ports, {port(50), 3s, {}, {}});
    change.add(SetId::sip_ports, {port(50), 4s, {}, {}});
    EXPECT_EQ(rest_of(change), "xxxxxxxx--xxxx");
}

TEST(Superseded, ADiscardEndsWhatCameBeforeIt) {
    Transaction change = with_others();
    change.offer(SetId::open4, {port(50), 1s, {}, {}});
    change.discard(SetId::open4, port(50));
    change.discard(SetId::open4, port(50));
    change.offer(SetId::open4, {port(50), 2s, {}, {}});
    EXPECT_EQ(rest_of(change), "xxxxxxxx--xx");
}

TEST(Superseded, TheSameKeyInAnotherSetIsAnotherElement) {
    Transaction change = with_others();
    change.add(SetId::open4, {port(50), 1s, {}, {}});
    change.remove(SetId::open6, port(50));
    change.refresh(SetId::sip_ports, {port(50), 1s, {}, {}});
    EXPECT_EQ(rest_of(change), "xxxxxxxxxxx");
}

TEST(Superseded, AFlushStaysWhateverFollows) {
    Transaction change = with_others();
    change.flush(SetId::sip_ports);
    change.remove(SetId::sip_ports, Key{});
    change.remove(SetId::sip_ports, port(3));
    EXPECT_EQ(rest_of(change), "xx-xxxxxxxx");
}

TEST(Superseded, AShortTransactionIsNoException) {
    Transaction change;
    change.add(SetId::sip_ports, {port(50), 1s, {}, {}});
    change.remove(SetId::sip_ports, port(50));
    EXPECT_EQ(rest_of(change), "-x");
}

std::vector<std::uint32_t> sequence_of(const Transaction& transaction) {
    std::vector<LeaveOut> left_out(transaction.operations().size(), LeaveOut::nothing);
    CommitOrder order;
    order.plan(transaction.operations(), left_out);
    return {order.sequence().begin(), order.sequence().end()};
}

using Sequence = std::vector<std::uint32_t>;

TEST(RemovalsLast, WhatMediaRefreshesGoesAfterAllElse) {
    Transaction change;
    change.remove(SetId::pinholes4, port(1));
    change.remove(SetId::outside4, port(1));
    change.remove(SetId::open4, port(2));
    change.discard(SetId::admitted4, port(1));
    change.add(SetId::pinholes4, {port(3), 1s, {}, {}});
    EXPECT_EQ(sequence_of(change), (Sequence{1, 3, 4, 0, 2}));
}

TEST(RemovalsLast, WhatIsOpenedAgainKeepsItsPlace) {
    Transaction change;
    change.remove(SetId::pinholes4, port(1));
    change.add(SetId::pinholes4, {port(1), 1s, {}, {}});
    change.remove(SetId::pinholes4, port(2));
    change.refresh(SetId::pinholes4, {port(3), 1s, {}, {}});
    EXPECT_EQ(sequence_of(change), (Sequence{0, 1, 3, 2}));
}

TEST(RemovalsLast, NothingMovesPastAFlush) {
    Transaction change;
    change.remove(SetId::pinholes4, port(1));
    change.flush(SetId::pinholes4);
    change.add(SetId::pinholes4, {port(2), 1s, {}, {}});
    EXPECT_EQ(sequence_of(change), (Sequence{0, 1, 2}));
}

}  // namespace
}  // namespace messenger::nft
