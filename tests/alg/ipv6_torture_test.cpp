// SPDX-License-Identifier: GPL-2.0-or-later
// tests/data/ipv6: each message and its answer through an engine, as datagrams and in a connection. The lab plays the
// same files to the daemon.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "alg/engine.h"
#include "tests/support/packet_builder.h"

namespace messenger::alg {
namespace {

namespace fs = std::filesystem;
using testing::endpoint;

const fs::path kFolder = fs::path(MESSENGER_TEST_DATA) / "ipv6";
const Endpoint kInside = endpoint("2001:db8:1::10", 5060);
const Endpoint kPeer = endpoint("2001:db8:2::66", 5060);

std::string contents(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

struct Expectation {
    std::string name;
    std::string outcome;
    std::string opens;
};

std::vector<Expectation> expectations() {
    std::vector<Expectation> all;
    std::istringstream lines(contents(kFolder / "outcomes"));
    for (std::string line; std::getline(lines, line);) {
        if (line.empty() || line.front() == '#') continue;
        const std::size_t first = line.find(" | ");
        const std::size_t second = line.find(" | ", first + 3);
        all.push_back({line.substr(0, first), line.substr(first + 3, second - first - 3), line.substr(second + 3)});
    }
    return all;
}

class Conversation {
   public:
    explicit Conversation(Transport transport) : transport_(transport), engine_(policy(), Limits{}, HashKey{1, 2}) {
        if (transport == Transport::udp) return;
        give(testing::tcp_packet(kInside, kPeer, {.sequence = 999, .syn = true}, ""));
        give(testing::tcp_packet(kPeer, kInside, {.sequence = 4999, .acknowledgement = 1000, .syn = true, .ack = true},
                                 ""));
    }

    /// Whether it was understood. It must pass, whatever it is.
    bool say(const Endpoint& from, const Endpoint& to, const std::string& text) {
        const std::uint64_t before = engine_.counters().messages;
        if (transport_ == Transport::udp) {
            give(testing::udp_packet(from, to, text));
        } else {
            const std::uint32_t sequence = from == kInside ? 1000 : 5000;
            give(testing::tcp_packet(from, to, {.sequence = sequence, .ack = true, .psh = true}, text));
        }
        EXPECT_EQ(plan_.verdict, Verdict::accept);
        return engine_.counters().messages > before;
    }

    /// As the table writes it. Whatever is open leads from the peer to the inside host.
    [[nodiscard]] std::string open() {
        std::set<std::uint16_t> media;
        std::set<std::uint16_t> callbacks;
        Plan all;
        engine_.snapshot(now(), all);
        for (const PinholeChange& change : all.changes) {
            EXPECT_EQ(change.key.remote, kPeer.address);
            EXPECT_EQ(change.key.inside.address, kInside.address);
            media.insert(change.key.inside.port);
        }
        for (const CallbackChange& change : all.callbacks) {
            EXPECT_EQ(change.remote, kPeer.address);
            EXPECT_EQ(change.inside.address, kInside.address);
            callbacks.insert(change.inside.port);
        }
        std::string text;
        for (const auto& [kind, ports] : {std::pair{"media", media}, std::pair{"callback", callbacks}}) {
            if (ports.empty()) continue;
            text += kind;
            for (const std::uint16_t port : ports)
                text += port == kInside.port ? " source" : ' ' + std::to_string(port);
        }
        return text.empty() ? "nothing" : text;
    }

   private:
    static Policy policy() {
        Policy policy;
        policy.inside.add(*Prefix::parse("10.1.2.0/24"));
        policy.inside.add(*Prefix::parse("2001:db8:1::/64"));
        return policy;
    }
    static TimePoint now() { return TimePoint{} + std::chrono::seconds(1); }

    void give(const testing::Bytes& packet) { engine_.on_packet(testing::exact_copy(packet), false, now(), plan_); }

    Transport transport_;
    Engine engine_;
    Plan plan_;
};

class Ipv6Torture : public ::testing::TestWithParam<Transport> {};
INSTANTIATE_TEST_SUITE_P(Over, Ipv6Torture, ::testing::Values(Transport::udp, Transport::tcp),
                         [](const auto& tested) { return tested.param == Transport::udp ? "Udp" : "Tcp"; });

TEST_P(Ipv6Torture, EveryMessageHasItsOutcome) {
    for (const Expectation& expected : expectations()) {
        Conversation conversation(GetParam());
        const std::string request = contents(kFolder / (expected.name + ".sip"));
        const bool understood = conversation.say(kInside, kPeer, request);
        EXPECT_EQ(understood ? "understood" : "not understood", expected.outcome) << expected.name;
        EXPECT_EQ(conversation.open(), "nothing") << expected.name << ", before the answer";
        EXPECT_TRUE(conversation.say(kPeer, kInside, contents(kFolder / (expected.name + ".answer.sip"))));
        EXPECT_EQ(conversation.open(), expected.opens) << expected.name;
    }
}

TEST(Ipv6TortureTable, NamesEveryMessageAndEverySection) {
    std::set<std::string> named;
    std::set<std::string> sections;
    for (const Expectation& expected : expectations()) {
        named.insert({expected.name + ".sip", expected.name + ".answer.sip"});
        sections.insert(expected.name.substr(0, expected.name.find('-')));
    }
    std::set<std::string> there;
    for (const auto& entry : fs::directory_iterator(kFolder)) there.insert(entry.path().filename().string());
    there.erase("outcomes");
    EXPECT_EQ(there, named);
    EXPECT_EQ(sections,
              (std::set<std::string>{"4.1", "4.2", "4.3", "4.4", "4.5", "4.6", "4.7", "4.8", "4.9", "4.10", "more"}));
}

}  // namespace
}  // namespace messenger::alg
