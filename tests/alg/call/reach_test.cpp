// SPDX-License-Identifier: GPL-2.0-or-later
#include <array>
#include <map>

#include "tests/alg/call/signalling_fixture.h"

namespace messenger::alg {
namespace {

using testing::address;
using testing::endpoint;

const CallbackTable::Key kServer{Transport::udp, endpoint("10.1.2.3", 5060), address("198.51.100.20")};

class ReachTest : public SignallingFixture {
   protected:
    /// A call through the server; it may call back after 25 seconds.
    void establish(const std::string& call_id, const std::string& lines, int now) {
        call_id_ = call_id;
        say(out(), request("INVITE", 1, "") + "\nContact: <sip:a@10.1.2.3>", ours(), now);
        say(in(), response(200, "INVITE", 1) + "\nRecord-Route: <sip:198.51.100.20;lr>" + lines, theirs(), now);
    }
    void hang_up(const std::string& call_id, int cseq, int now) {
        call_id_ = call_id;
        say(out(), request("BYE", cseq), "", now);
    }
    [[nodiscard]] const CallbackTable::Callback* callback() const { return signalling_.callbacks().find(kServer); }
    /// What was told to the kernel, in order: of which outside end, and whether it was removed.
    [[nodiscard]] std::vector<std::string> told() const {
        std::vector<std::string> lines;
        for (const CallbackChange& change : plan_.callbacks) {
            constexpr std::array<const char*, 3> kKinds{"add ", "refresh ", "remove "};
            lines.push_back(kKinds.at(static_cast<std::size_t>(change.kind)) +
                            (change.outside ? change.outside->address.to_string() : ""));
        }
        return lines;
    }
    [[nodiscard]] std::map<CallbackTable::Key, std::uint32_t> registrations_that_hold() const {
        std::map<CallbackTable::Key, std::uint32_t> holding;
        for (const auto& [key, registration] : signalling_.registrations().all()) {
            for (const auto& binding : registration.bindings) {
                if (binding.holds) ++holding[{binding.contact.transport, binding.contact.endpoint, key.registrar}];
            }
        }
        return holding;
    }
    void add_calls_that_hold(std::map<CallbackTable::Key, std::uint32_t>& holding) const {
        for (const auto& [key, call] : signalling_.calls().all()) {
            for (const Dialog& dialog : call.dialogs) {
                for (const Agent& agent : dialog.agents) {
                    const Reach& reach = agent.reach;
                    if (reach.lets_neighbour) ++holding[{reach.transport, {agent.host, reach.port}, reach.neighbour}];
                    if (reach.lets_peer) ++holding[{reach.transport, {agent.host, reach.port}, reach.peer}];
                }
            }
        }
    }
    /// Something about a registration or a call, at random.
    void say_anything(int step, int now) {
        constexpr std::array<const char*, 2> kServers{"198.51.100.20", "198.51.100.21"};
        constexpr std::array<const char*, 3> kContacts{"<sip:a@10.1.2.3>", "<sip:a@10.1.2.3:5070>", "<sip:a@pc.local>"};
        constexpr std::array<const char*, 3> kPeers{"<sip:b@203.0.113.30>", "<sip:b@203.0.113.31:5066>",
                                                    "<sip:b@198.51.100.20>"};
        constexpr std::array<const char*, 3> kLifetimes{"0", "60", "3600"};
        const auto line = [](const std::string& name, const std::string& value) { return "\n" + name + ": " + value; };
        FlowTuple there = out();
        there.destination = endpoint(kServers.at(any(2)), 5060);
        std::string contact = line("Contact", kContacts.at(any(3)));
        if (any(3) == 0) {
            call_id_ = "r" + std::to_string(any(4));
            contact += std::string(";expires=") + kLifetimes.at(any(3));
            say(there, request("REGISTER", step, "") + contact, "", now);
            say(there.reversed(), response(200, "REGISTER", step) + contact, "", now);
            return;
        }
        call_id_ = "c" + std::to_string(any(4));
        const bool known = signalling_.calls().contains(make_call_key(call_id_));
        if (any(4) == 0) contact.clear();
        const unsigned what = any(8);
        if (what == 0) return say(there, request("BYE", step), "", now);
        if (what < 4) return say(there, request("UPDATE", step) + contact, "", now);
        say(there, request("INVITE", step, known ? ";tag=b" : "") + contact, ours(), now);
        std::string answer = response(200, "INVITE", step);
        if (any(6) == 0) answer.replace(answer.find(";tag=b"), 6, "");  // RFC 2543
        if (any(3) != 0) answer += line("Contact", kPeers.at(any(3)));
        if (any(2) == 0) answer += line("Record-Route", "<sip:198.51.100.20;lr>");
        if (any(3) == 0) answer += line("Session-Expires", "400");
        say(there.reversed(), answer, theirs(), now);
    }
    std::uint32_t any(std::uint32_t below) {
        state_ = state_ * 1664525U + 1013904223U;
        return (state_ >> 8U) % below;
    }

   private:
    std::uint32_t state_ = 4711;
};

// The server of a call may call back until the call ends, however often its end is put off.
TEST_F(ReachTest, LastsAsLongAsTheCall) {
    establish("c1", "\nSession-Expires: 400", 0);
    for (int now = 0; now < 8000; now += 100) {
        if (now % 200 == 0) {
            say(out(), request("UPDATE", now + 2), "", now);
            say(in(), response(200, "UPDATE", now + 2) + "\nSession-Expires: 400", "", now);
        }
        pass_time(now + 50);
        ASSERT_NE(callback(), nullptr) << now;
        ASSERT_GT(callback()->until, at(now + 50)) << now;
    }
    pass_time(8300);
    EXPECT_EQ(callback(), nullptr) << "the session has run out";
}

// An answer without a tag makes the INVITE itself the dialog, and another answer makes one more of it.
TEST_F(ReachTest, ADialogThatIsMadeOfAnotherHoldsNothingYet) {
    establish("c1", "", 0);
    hang_up("c1", 2, 1);
    say(out(), request("INVITE", 3, "") + "\nContact: <sip:a@10.1.2.3>", ours(), 40);
    std::string untagged = response(200, "INVITE", 3);
    say(in(), untagged.replace(untagged.find(";tag=b"), 6, ""), theirs(), 40);
    pass_time(70);
    ASSERT_NE(callback(), nullptr);
    say(in(), response(200, "INVITE", 3, "b2"), theirs(), 71);
    say(out(), request("BYE", 4, ";tag=b2"), "", 72);
    EXPECT_NE(callback(), nullptr) << "the other dialog has it";
}

// Two ways out lead to one server. How it knows the Contact is what the host has named last, in the kernel as well.
TEST_F(ReachTest, TheLastWayOutThatWasNamedIsTheOneThatLeadsIn) {
    limits_.quiet_call = std::chrono::hours(12);
    nat_ = NatPath{address("192.0.2.10"), address("192.0.2.10")};
    establish("c1", "", 0);
    pass_time(30);
    EXPECT_EQ(told(), (std::vector<std::string>{"add 192.0.2.10"}));
    nat_ = NatPath{address("192.0.2.20"), address("192.0.2.20")};
    establish("c2", "", 40);
    pass_time(70);
    EXPECT_EQ(told(), (std::vector<std::string>{"remove 192.0.2.10", "add 192.0.2.20"}));
    pass_time(1200);
    EXPECT_EQ(told(), (std::vector<std::string>{"refresh 192.0.2.20"})) << "which the older call does not change";
    hang_up("c2", 2, 1201);
    EXPECT_TRUE(told().empty());
    hang_up("c1", 2, 1202);
    EXPECT_EQ(told(), (std::vector<std::string>{"remove 192.0.2.20"}));
}

// Who counts as a holder says so himself, whatever is sent, and what he holds is there.
TEST_F(ReachTest, HoldersAreThoseWhoSaySo) {
    std::size_t with_calls = 0;
    int now = 0;
    for (int step = 1; step < 3000; ++step) {
        now += static_cast<int>(any(any(20) == 0 ? 900 : 30));
        pass_time(now);
        say_anything(step, now);
        if (any(50) == 0) {
            policy_.blocked.clear();
            if (any(2) == 0) policy_.blocked = {kServer.remote};
            plan_.clear();
            signalling_.release();
            signalling_.close_blocked(at(now), plan_);
        }
        auto holding = registrations_that_hold();
        for (const auto& [key, callback] : signalling_.callbacks().all()) {
            const auto found = holding.find(key);
            ASSERT_EQ(callback.users, found == holding.end() ? 0U : found->second) << "step " << step;
        }
        add_calls_that_hold(holding);
        for (const auto& [key, count] : holding) {
            const auto* callback = signalling_.callbacks().find(key);
            ASSERT_NE(callback, nullptr) << "step " << step << " for " << key.remote.to_string();
            ASSERT_EQ(callback->holders, count) << "step " << step << " for " << key.remote.to_string();
            ASSERT_GT(callback->until, at(now)) << "step " << step << " for " << key.remote.to_string();
            with_calls += callback->holders > callback->users ? 1 : 0;
        }
        for (const auto& [key, callback] : signalling_.callbacks().all()) {
            ASSERT_TRUE(callback.holders == 0 || holding.contains(key)) << "step " << step;
            ASSERT_TRUE(policy_.blocked.empty() || key.remote != kServer.remote) << "step " << step;
        }
    }
    EXPECT_GT(with_calls, 300U);
}

}  // namespace
}  // namespace messenger::alg
