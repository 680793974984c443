// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/call_record.h"

#include <gtest/gtest.h>

#include "tests/support/packet_builder.h"

namespace messenger::alg {
namespace {

using testing::address;
using testing::endpoint;

TimePoint at(int seconds) {
    return TimePoint{} + std::chrono::seconds(seconds);
}

[[nodiscard]] Description describe(const char* host, std::uint16_t port) {
    Stream plain;
    plain.address = address(host);
    plain.rtcp_address = plain.address;
    plain.port = port;
    plain.kind = MediaKind::audio;
    plain.permitted = true;
    Stream full = plain;
    full.slot = 1;
    full.kind = MediaKind::video;
    full.role = PortRole::udp;
    full.direction = MediaDirection::sendonly;
    full.rtcp_address = address("2001:db8::7");
    full.rtcp_port = 40001;
    full.port_count = 3;
    full.rtcp_mux = true;
    full.foreign = true;
    full.obstacle = RefuseReason::low_port;
    Stream candidate = plain;
    candidate.candidate = true;
    candidate.slot = 2;
    Description description;
    description.streams = {plain, full, candidate};
    description.delivered_by = address("198.51.100.20");
    description.behind = address("192.0.2.1");
    description.turned_back = true;
    return description;
}

/// With something in every field.
[[nodiscard]] Call full_call() {
    Call call;
    call.call_id = "a Call-ID";
    call.charged_to = address("10.1.2.3");
    call.uninvited_by = address("2001:db8::");
    call.started = at(1);
    call.last_message = at(2);
    call.sessions = 0x12345;
    call.open.push_back({{Transport::udp, false, endpoint("10.1.2.3", 5350), address("203.0.113.30")},
                         {MediaKind::audio, PortRole::rtcp},
                         true,
                         56001,
                         at(9)});
    call.open.push_back({{Transport::tcp, true, endpoint("2001:db8::3", 1503), {}}, {}, false, 0, {}});
    call.bindings.push_back({Transport::tcp, endpoint("10.1.2.3", 5350), address("192.0.2.1")});
    call.heard.push_back({address("10.1.2.3"), 11, endpoint("10.1.2.3", 5350)});
    call.heard.push_back({address("2001:db8::9"), 0, endpoint("2001:db8::9", 5352)});
    call.told_dialog = 51;
    Dialog& dialog = call.dialogs.emplace_back();
    dialog.state = Dialog::State::early;
    dialog.caller_tag = 11;
    dialog.callee_tag = 12;
    dialog.invite_cseq = 127;
    dialog.caller_cseq = 128;
    dialog.callee_cseq = 0x7fffffff;
    dialog.first_hops = {{31, address("198.51.100.20"), FirstHop::State::failed},
                         {32, address("2001:db8::9"), FirstHop::State::trying}};
    dialog.first_branch = 21;
    dialog.own_branch = 22;
    dialog.cancelled = true;
    dialog.deadline = at(100);
    dialog.deadline_reason = CloseReason::fork_lost;
    dialog.peers = {address("198.51.100.20"), address("2001:db8::9")};
    dialog.transfers.push_back({31, endpoint("10.1.2.3", 6891), address("203.0.113.30"), address("192.0.2.1")});
    dialog.transfers.push_back({32, std::nullopt, {}, {}});
    dialog.restored.push_back(call.open[0].key);
    dialog.fixed_for = FixedHost{address("10.1.2.4"), address("192.0.2.1"), true};
    dialog.restored_key = 41;
    Agent& agent = *dialog.agent(address("10.1.2.3"), Party::callee);
    agent.peer = address("203.0.113.30");
    agent.offered_peer = OfferedPeer{{Party::callee, Method::invite, 9}, address("203.0.113.31")};
    const OfferId invite{Party::caller, Method::invite, 1};
    agent.negotiation.on_offer(invite, true, describe("10.1.2.3", 5350));
    agent.negotiation.on_answer(invite, false, describe("203.0.113.30", 56000), true);
    agent.negotiation.on_offer({Party::caller, Method::update, 7}, true, describe("10.1.2.3", 5352));
    agent.negotiation.on_offer({Party::callee, Method::invite, 9}, false, describe("203.0.113.30", 56002));
    agent.negotiation.on_answer({Party::caller, Method::update, 7}, false, describe("203.0.113.31", 56004), false);
    Description strange = describe("192.0.2.66", 6000);
    strange.delivered_by = address("192.0.2.66");
    agent.negotiation.on_strange_offer({Party::callee, Method::invite, 10}, strange);
    call.dialogs.emplace_back().deadline = TimePoint::max();
    return call;
}

[[nodiscard]] std::vector<std::byte> record_of(Call& call) {
    std::vector<std::byte> record;
    write_record(call, record);
    return record;
}

TEST(CallRecord, KeepsEveryField) {
    Call call = full_call();
    const auto record = record_of(call);
    Call back;
    read_record(record, back);
    EXPECT_EQ(back.id(), "a Call-ID");
    EXPECT_EQ(back.charged_to, call.charged_to);
    EXPECT_EQ(back.uninvited_by, call.uninvited_by);
    EXPECT_EQ(back.started, call.started);
    EXPECT_EQ(back.last_message, call.last_message);
    EXPECT_EQ(back.sessions, call.sessions);
    ASSERT_EQ(back.open.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(back.open[i].key, call.open[i].key);
        EXPECT_EQ(back.open[i].purpose, call.open[i].purpose);
        EXPECT_EQ(back.open[i].on_hold, call.open[i].on_hold);
        EXPECT_EQ(back.open[i].remote_port, call.open[i].remote_port);
        EXPECT_EQ(back.open[i].until, call.open[i].until);
    }
    EXPECT_EQ(back.bindings, call.bindings);
    EXPECT_EQ(back.heard, call.heard);
    EXPECT_EQ(back.told_dialog, call.told_dialog);
    ASSERT_EQ(back.dialogs.size(), 2U);
    const Dialog& was = call.dialogs[0];
    const Dialog& is = back.dialogs[0];
    EXPECT_EQ(is.state, was.state);
    EXPECT_EQ(is.caller_tag, was.caller_tag);
    EXPECT_EQ(is.callee_tag, was.callee_tag);
    EXPECT_EQ(is.invite_cseq, was.invite_cseq);
    EXPECT_EQ(is.caller_cseq, was.caller_cseq);
    EXPECT_EQ(is.callee_cseq, was.callee_cseq);
    ASSERT_EQ(is.first_hops.size(), was.first_hops.size());
    for (std::size_t i = 0; i < was.first_hops.size(); ++i) {
        EXPECT_EQ(is.first_hops[i].branch, was.first_hops[i].branch);
        EXPECT_EQ(is.first_hops[i].sender, was.first_hops[i].sender);
        EXPECT_EQ(is.first_hops[i].state, was.first_hops[i].state);
    }
    EXPECT_EQ(is.first_branch, was.first_branch);
    EXPECT_EQ(is.own_branch, was.own_branch);
    EXPECT_EQ(is.cancelled, was.cancelled);
    EXPECT_EQ(is.deadline, was.deadline);
    EXPECT_EQ(is.deadline_reason, was.deadline_reason);
    EXPECT_EQ(is.peers, was.peers);
    EXPECT_EQ(is.restored, was.restored);
    EXPECT_EQ(is.restored_key, was.restored_key);
    EXPECT_EQ(is.fixed_for->host, was.fixed_for->host);
    EXPECT_EQ(is.fixed_for->behind, was.fixed_for->behind);
    EXPECT_EQ(is.fixed_for->media, was.fixed_for->media);
    ASSERT_EQ(is.transfers.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(is.transfers[i].cookie, was.transfers[i].cookie);
        EXPECT_EQ(is.transfers[i].listener, was.transfers[i].listener);
        EXPECT_EQ(is.transfers[i].peer, was.transfers[i].peer);
        EXPECT_EQ(is.transfers[i].behind, was.transfers[i].behind);
    }
    ASSERT_EQ(is.agents.size(), 1U);
    EXPECT_EQ(is.agents[0].host, was.agents[0].host);
    EXPECT_EQ(is.agents[0].acts_for, was.agents[0].acts_for);
    EXPECT_EQ(is.agents[0].peer, was.agents[0].peer);
    ASSERT_TRUE(is.agents[0].offered_peer);
    EXPECT_EQ(is.agents[0].offered_peer->offer, was.agents[0].offered_peer->offer);
    EXPECT_EQ(is.agents[0].offered_peer->address, was.agents[0].offered_peer->address);
    EXPECT_EQ(back.dialogs[1].deadline, TimePoint::max());
    EXPECT_FALSE(back.dialogs[1].fixed_for);
}

TEST(CallRecord, KeepsEachFlagForItself) {
    const std::vector flags{&Call::t120_refused, &Call::told_taken, &Call::closed_by_operator, &Call::told_blocked,
                            &Call::heard_too_much};
    Call back;
    for (const auto set : flags) {
        Call call;
        call.*set = true;
        const auto record = record_of(call);
        read_record(record, back);
        for (const auto flag : flags) EXPECT_EQ(back.*flag, flag == set);
    }
}

TEST(CallRecord, KeepsWhatIsLeftOutWhereItSaysNothing) {
    Call call;
    Dialog& dialog = call.dialogs.emplace_back();
    dialog.first_branch = 21;
    dialog.own_branch = 21;
    OfferAnswer& negotiation = dialog.agent(address("10.1.2.3"), Party::caller)->negotiation;
    Description nothing;  // but who delivered it, and that it refuses
    nothing.delivered_by = address("198.51.100.20");
    nothing.bare = true;
    negotiation.on_offer({Party::caller, Method::invite, 1}, true, nothing);
    negotiation.on_answer({Party::caller, Method::invite, 1}, false, Description{}, true);
    const auto record = record_of(call);
    Call full = full_call();
    Call back;
    read_record(record_of(full), back);  // so that something else is there
    read_record(record, back);
    EXPECT_EQ(back.dialogs[0].first_branch, 21U);
    EXPECT_EQ(back.dialogs[0].own_branch, 21U);
    EXPECT_EQ(back.dialogs[0].callee_tag, 0U);
    EXPECT_EQ(back.dialogs[0].restored_key, 0U);
    EXPECT_EQ(back.dialogs[0].agents[0].negotiation.agreed().local, nothing);
    EXPECT_EQ(back.dialogs[0].agents[0].negotiation.agreed().remote, Description{});
}

TEST(CallRecord, KeepsWhatIsUnderNegotiation) {
    Call call = full_call();
    Call back;
    const auto record = record_of(call);
    read_record(record, back);
    OfferAnswer& was = call.dialogs[0].agents[0].negotiation;
    OfferAnswer& is = back.dialogs[0].agents[0].negotiation;
    EXPECT_EQ(is.agreed().local, was.agreed().local);
    EXPECT_EQ(is.agreed().remote, was.agreed().remote);
    ASSERT_TRUE(is.pending(Party::caller));
    EXPECT_EQ(is.pending(Party::caller)->local, describe("10.1.2.3", 5352));
    EXPECT_EQ(is.pending(Party::caller)->remote, describe("203.0.113.31", 56004));
    EXPECT_FALSE(is.pending(Party::callee)) << "nobody inside has answered it";
    const OfferId theirs{Party::callee, Method::invite, 9};
    EXPECT_TRUE(is.has_pending(theirs));
    EXPECT_TRUE(is.awaits_answer(theirs, true));
    EXPECT_FALSE(is.awaits_answer(theirs, false));
    is.on_offer({Party::caller, Method::invite, 1}, true, describe("10.1.2.3", 5354));
    EXPECT_TRUE(is.has_pending({Party::caller, Method::update, 7})) << "that transaction is over";
    const OfferId strange{Party::callee, Method::invite, 10};
    is.believe(strange, address("192.0.2.66"));
    EXPECT_TRUE(is.has_pending(strange));
}

TEST(CallRecord, LeavesNothingOfTheCallBefore) {
    Call call = full_call();
    const auto full = record_of(call);
    Call small;
    small.call_id = "small";
    const auto record = record_of(small);
    Call back;
    read_record(full, back);
    read_record(record, back);
    EXPECT_EQ(record_of(back), record);
    read_record(full, back);
    EXPECT_EQ(record_of(back), full);
}

TEST(CallRecord, TakesLittleForAnOrdinaryCall) {
    Call call;
    call.call_id = "0f3c9a77d2@10.1.2.3";
    call.charged_to = address("10.1.2.3");
    for (int i = 0; i < 2; ++i) {
        const auto port = static_cast<std::uint16_t>(5350 + i);
        call.open.push_back({{Transport::udp, false, endpoint("10.1.2.3", port), address("203.0.113.30")},
                             {},
                             false,
                             static_cast<std::uint16_t>(56000 + i),
                             {}});
        Dialog& dialog = call.dialogs.emplace_back();
        dialog.peers = {address("203.0.113.30"), address("10.1.2.3")};
        Description local;
        local.streams.push_back(describe("10.1.2.3", 5350).streams[0]);
        Description remote;
        remote.streams.push_back(describe("203.0.113.30", 56000).streams[0]);
        OfferAnswer& negotiation = dialog.agent(address("10.1.2.3"), Party::caller)->negotiation;
        negotiation.on_offer({Party::caller, Method::invite, 1}, true, local);
        if (i == 1) negotiation.on_answer({Party::caller, Method::invite, 1}, false, remote, true);
    }
    EXPECT_LT(record_of(call).size(), 340U);
}

// As much of everything as there may be, in the longest form: 512 streams, and what each dialog has at most.
TEST(CallRecord, HasABoundWhateverWasSaid) {
    const char* const host = "2001:db8::7";
    Call call;
    call.call_id = std::string_view("x");
    const PinholeKey key{Transport::udp, false, endpoint(host, 5350), address(host)};
    for (int i = 0; i < 256; ++i) {
        call.open.push_back({key, {}, false, 56000, at(1)});
        call.bindings.push_back({Transport::udp, endpoint(host, 5350), address(host)});
    }
    while (call.heard.size() < 64) call.heard.push_back({address(host), 1, endpoint(host, 5350)});
    Description many;
    while (many.streams.size() < 64) many.streams.push_back(describe(host, 5350).streams[1]);
    many.delivered_by = address(host);
    many.behind = address(host);
    call.dialogs.resize(16);
    for (Dialog& dialog : call.dialogs) {
        dialog.callee_tag = 1;
        dialog.own_branch = 1;
        while (dialog.first_hops.size() < 16) dialog.first_hops.push_back({1, address(host)});
        while (dialog.peers.size() < 16) dialog.peers.push_back(address(host));
        while (dialog.transfers.size() < 16) {
            dialog.transfers.push_back({1, endpoint(host, 6891), address(host), address(host)});
        }
        dialog.fixed_for = FixedHost{address(host), address(host), true};
        for (int i = 0; i < 8; ++i) {
            Agent& agent = *dialog.agent(IpAddress::v4(0x0a010200U + static_cast<std::uint32_t>(i)), Party::caller);
            agent.peer = address(host);
            agent.negotiation.on_offer({Party::caller, Method::invite, 1}, true, many);
            agent.negotiation.on_answer({Party::caller, Method::invite, 1}, false, many, true);
            for (const Party requester : {Party::caller, Party::callee}) {
                const bool local = requester == Party::caller;
                agent.negotiation.on_offer({requester, Method::update, 7}, local, many);
            }
            agent.negotiation.on_strange_offer({Party::callee, Method::update, 8}, many);
            for (const Party requester : {Party::caller, Party::callee}) {
                const bool local = requester == Party::callee;
                agent.negotiation.on_answer({requester, Method::update, 7}, local, many, false);
            }
        }
    }
    EXPECT_FALSE(call.keep_streams(512));
    EXPECT_LT(record_of(call).size(), 115'000U) << "2.3 MB without";
}

}  // namespace
}  // namespace messenger::alg
