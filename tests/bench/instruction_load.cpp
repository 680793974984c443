// SPDX-License-Identifier: GPL-2.0-or-later
// One piece of work, repeated as often as it is told, for the instruction counter of tests/bench/instruction_budget:
// what two runs of different length differ by is the work alone.
#include <charconv>
#include <chrono>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "alg/engine.h"
#include "alg/sdp/sdp.h"
#include "alg/sip/message.h"
#include "tests/bench/invite.h"
#include "tests/support/packet_builder.h"

namespace {

using messenger::alg::Engine;
using messenger::alg::Limits;
using messenger::alg::Plan;
using messenger::alg::Policy;
using messenger::alg::TimePoint;
using messenger::testing::Bytes;

const auto kInside = messenger::testing::endpoint("10.1.2.3", 5060);
const auto kOutside = messenger::testing::endpoint("203.0.113.9", 5060);

void replace(std::string& text, std::string_view from, std::string_view to) {
    text.replace(text.find(from), from.size(), to);
}

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

[[nodiscard]] std::string request(std::string_view method) {
    std::string text = messenger::bench::kInvite;
    replace(text, "INVITE sip", std::string(method) + " sip");
    replace(text, "1 INVITE", "1 " + std::string(method));
    return text;
}

bool parse(unsigned times) {
    messenger::alg::SipMessageView message;
    messenger::alg::SdpView sdp;
    bool good = true;
    for (unsigned i = 0; i < times; ++i) {
        good &= message.parse(messenger::bench::kInvite, Limits{}) && sdp.parse(message.body(), Limits{});
    }
    return good;
}

bool udp_message(unsigned times) {
    Engine engine(policy(), limits(), {1, 2});
    Plan plan;
    const Bytes packet = messenger::testing::udp_packet(kInside, kOutside, request("OPTIONS"));
    for (unsigned i = 0; i < times; ++i) engine.on_packet(packet, false, TimePoint(std::chrono::seconds(1)), plan);
    return engine.counters().messages == times;
}

bool tcp_message(unsigned times) {
    Engine engine(policy(), limits(), {1, 2});
    Plan plan;
    const std::string text = request("OPTIONS");
    messenger::testing::TcpSegment fields;
    fields.syn = true;
    fields.sequence = 999;
    const TimePoint now(std::chrono::seconds(1));
    engine.on_packet(messenger::testing::tcp_packet(kInside, kOutside, fields, ""), false, now, plan);
    fields = {};
    fields.ack = true;
    fields.sequence = 1000;
    Bytes packet = messenger::testing::tcp_packet(kInside, kOutside, fields, text);
    for (unsigned i = 0; i < times; ++i) {
        messenger::testing::put16(packet, 24, fields.sequence >> 16U);
        messenger::testing::put16(packet, 26, fields.sequence & 0xFFFFU);
        engine.on_packet(packet, false, now, plan);
        fields.sequence += static_cast<std::uint32_t>(text.size());
    }
    return engine.counters().messages == times;
}

/// INVITE, 200, BYE, each call with a name of its own.
bool call(unsigned times) {
    Engine engine(policy(), limits(), {1, 2});
    Plan plan;
    std::string answer = messenger::bench::invite("0000000000@10.1.2.3", "203.0.113.9");
    replace(answer, "INVITE sip:bob@example.com SIP/2.0", "SIP/2.0 200 OK");
    replace(answer, "To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=b1");
    const std::string invite = messenger::bench::invite("0000000000@10.1.2.3", "10.1.2.3");
    std::string bye = invite.substr(0, invite.find("Content-Type")) + "Content-Length: 0\r\n\r\n";
    replace(bye, "INVITE sip", "BYE sip");
    replace(bye, "1 INVITE", "2 BYE");
    replace(bye, "To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=b1");
    struct Part {
        Bytes packet;
        std::size_t number;  ///< where the call's number ends in it
    };
    const auto part = [](const auto& from, const auto& to, const std::string& text) {
        return Part{messenger::testing::udp_packet(from, to, text), 28 + text.find("Call-ID: ") + 9 + 10};
    };
    std::vector<Part> parts{part(kInside, kOutside, invite), part(kOutside, kInside, answer),
                            part(kInside, kOutside, bye)};
    TimePoint now(std::chrono::seconds(1));
    std::size_t changes = 0;
    for (unsigned i = 0; i < times; ++i) {
        now += std::chrono::seconds(1);
        for (Part& one : parts) {
            unsigned number = i;
            for (std::size_t at = one.number; at > one.number - 8; --at, number /= 10) {
                one.packet[at - 1] = static_cast<std::byte>('0' + number % 10);
            }
            engine.on_packet(one.packet, false, now, plan);
            changes += plan.changes.size();
        }
        engine.expire(now, nullptr, plan);
    }
    return changes == std::size_t{4} * times;
}

}  // namespace

int main(int argc, char** argv) {
    const std::map<std::string_view, bool (*)(unsigned)> works{
        {"parse", parse}, {"udp_message", udp_message}, {"tcp_message", tcp_message}, {"call", call}};
    unsigned times = 0;
    const std::vector<std::string_view> arguments(argv + 1, argv + argc);
    const bool readable =
        arguments.size() == 2 && works.count(arguments[0]) != 0 &&
        std::from_chars(arguments[1].data(), arguments[1].data() + arguments[1].size(), times).ec == std::errc{};
    if (!readable) {
        static_cast<void>(std::fputs("usage: instruction_load parse|udp_message|tcp_message|call TIMES\n", stderr));
        return 2;
    }
    if (works.at(arguments[0])(times)) return 0;
    static_cast<void>(std::fputs("instruction_load: the engine did not do what is to be counted\n", stderr));
    return 1;
}
