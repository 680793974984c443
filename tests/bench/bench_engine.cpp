// SPDX-License-Identifier: GPL-2.0-or-later
// The whole engine without a kernel: a call from INVITE to BYE, and a message that opens nothing.
#include <benchmark/benchmark.h>

#include <chrono>
#include <string>

#include "alg/engine.h"
#include "tests/bench/invite.h"
#include "tests/support/packet_builder.h"

namespace {

using messenger::alg::Endpoint;
using messenger::alg::Engine;
using messenger::alg::Limits;
using messenger::alg::Plan;
using messenger::alg::Policy;
using messenger::alg::TimePoint;
using messenger::testing::Bytes;

const Endpoint kInside = messenger::testing::endpoint("10.1.2.3", 5060);
const Endpoint kOutside = messenger::testing::endpoint("203.0.113.9", 5060);

[[nodiscard]] Policy policy() {
    Policy policy;
    policy.inside = messenger::alg::PrefixSet::private_ranges();
    return policy;
}

[[nodiscard]] Limits limits() {
    Limits limits;
    limits.messages_per_second = 0;
    return limits;
}

void replace(std::string& text, const std::string& from, const std::string& to) {
    text.replace(text.find(from), from.size(), to);
}

struct Call {
    Bytes invite;
    Bytes answer;
    Bytes bye;
};

[[nodiscard]] Call make_call(const std::string& id) {
    const std::string invite = messenger::bench::invite(id, "10.1.2.3");
    std::string answer = messenger::bench::invite(id, "203.0.113.9");
    replace(answer, "INVITE sip:bob@example.com SIP/2.0", "SIP/2.0 200 OK");
    replace(answer, "To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=b1");
    std::string bye = invite.substr(0, invite.find("Content-Type")) + "Content-Length: 0\r\n\r\n";
    replace(bye, "INVITE sip", "BYE sip");
    replace(bye, "1 INVITE", "2 BYE");
    replace(bye, "To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=b1");
    return {messenger::testing::udp_packet(kInside, kOutside, invite),
            messenger::testing::udp_packet(kOutside, kInside, answer),
            messenger::testing::udp_packet(kInside, kOutside, bye)};
}

void call_from_invite_to_bye(benchmark::State& state) {
    Engine engine(policy(), limits(), {1, 2});
    Plan plan;
    std::vector<Call> calls;
    for (int i = 0; i < 64; ++i) calls.push_back(make_call("call-" + std::to_string(i) + "@10.1.2.3"));
    TimePoint now(std::chrono::seconds(1));
    std::size_t next = 0;
    for (auto _ : state) {
        const Call& call = calls[next++ % calls.size()];
        now += std::chrono::seconds(1);
        engine.on_packet(call.invite, false, now, plan);
        engine.on_packet(call.answer, false, now, plan);
        if (plan.changes.size() != 2) state.SkipWithError("the call opened nothing");
        engine.on_packet(call.bye, false, now, plan);
        engine.expire(now, nullptr, plan);
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * 3);
}
BENCHMARK(call_from_invite_to_bye);

void message_that_opens_nothing(benchmark::State& state) {
    Engine engine(policy(), limits(), {1, 2});
    Plan plan;
    std::string text = messenger::bench::invite("m1@10.1.2.3", "10.1.2.3");
    replace(text, "INVITE sip", "OPTIONS sip");
    replace(text, "1 INVITE", "1 OPTIONS");
    const Bytes packet = messenger::testing::udp_packet(kInside, kOutside, text);
    const TimePoint now(std::chrono::seconds(1));
    for (auto _ : state) engine.on_packet(packet, false, now, plan);
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(message_that_opens_nothing);

}  // namespace

BENCHMARK_MAIN();
