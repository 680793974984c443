// SPDX-License-Identifier: GPL-2.0-or-later
// RTP of calls that call_load has left up (or, without a daemon, of nobody's): packets of 160 bytes of sound, in turn
// over --streams calls, one out and one in. Or as much of what is no call at all. What forwards them runs in this
// process's own system calls, so packets for each second of its processor are what one processor can forward. Prints
// one JSON object.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tests/bench/call_packets.h"
#include "tests/bench/wire.h"

namespace {

using namespace messenger::bench;  // NOLINT(google-build-using-namespace): this program is all about it
namespace testing = messenger::testing;

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint32_t kTurn = 32;  // packets one way before those the other way

struct Options {
    std::string inside;
    std::string outside;
    unsigned first_host = 128;
    std::string address = "203.0.113.30";
    std::uint32_t streams = 5;
    double seconds = 2;
    int processor = -1;
    std::uint16_t other_port = 0;  ///< instead of media: what a client has with such a port outside
    bool tcp = false;              ///< likewise, in connections that have been there for long
};

struct BothWays {
    Bytes out;
    Bytes in;
};

/// Nothing of a call: packets of the same size between a client of its own and one server.
[[nodiscard]] BothWays other_traffic(const Options& options, std::uint32_t stream) {
    constexpr std::uint32_t kHosts = CallPackets::kHosts;
    constexpr std::uint16_t kFirstPort = 40'000;
    constexpr std::uint32_t kSent = 1000;
    constexpr std::uint32_t kReceived = 2000;
    const auto port = static_cast<std::uint16_t>(kFirstPort + stream / kHosts);
    const auto client = testing::endpoint("10.1.2." + std::to_string(options.first_host + stream % kHosts), port);
    const auto server = testing::endpoint(options.address, options.other_port);
    const std::string payload(172, '\x55');
    if (!options.tcp) {
        return {testing::udp_packet(client, server, payload), testing::udp_packet(server, client, payload)};
    }
    const testing::TcpSegment asks{.sequence = kSent, .acknowledgement = kReceived, .ack = true};
    const testing::TcpSegment answers{.sequence = kReceived, .acknowledgement = kSent, .ack = true};
    return {testing::tcp_packet(client, server, asks, payload), testing::tcp_packet(server, client, answers, payload)};
}

class Load {
   public:
    explicit Load(const Options& options) : options_(options), inside_(options.inside), outside_(options.outside) {
        CallPackets packets({static_cast<std::uint8_t>(options.first_host), options.address});
        for (std::uint32_t call = 0; call < options.streams; ++call) {
            if (options_.other_port != 0) {
                BothWays both = other_traffic(options_, call);
                out_.push_back(std::move(both.out));
                in_.push_back(std::move(both.in));
                continue;
            }
            const auto copy = [](ByteSpan packet) { return Bytes(packet.begin(), packet.end()); };
            out_.push_back(copy(packets.rtp(call, true)));
            in_.push_back(copy(packets.rtp(call, false)));
        }
    }

    void run() {
        // Every stream's entries are there before it counts, also where only what is sent first from inside may come
        // in.
        for (std::uint32_t call = 0; call < options_.streams; call += kTurn) turn(call);
        const std::uint64_t arrived = inside_.arrived() + outside_.arrived();
        const std::uint64_t begun = wall_clock();
        const std::uint64_t cpu = own_cpu_time();
        const auto end = begun + static_cast<std::uint64_t>(options_.seconds * static_cast<double>(kSecond));
        std::uint64_t sent = 0;
        for (std::uint32_t call = 0; wall_clock() < end; call = (call + kTurn) % options_.streams) sent += turn(call);
        const nlohmann::json result{
            {"sent", sent},
            {"received", inside_.arrived() + outside_.arrived() - arrived},
            {"seconds", static_cast<double>(wall_clock() - begun) / static_cast<double>(kSecond)},
            {"cpu_seconds", static_cast<double>(own_cpu_time() - cpu) / static_cast<double>(kSecond)}};
        std::puts(result.dump().c_str());
    }

   private:
    std::uint64_t turn(std::uint32_t first) {
        for (std::uint32_t i = 0; i < kTurn; ++i) inside_.put(out_[(first + i) % options_.streams]);
        inside_.flush();
        for (std::uint32_t i = 0; i < kTurn; ++i) outside_.put(in_[(first + i) % options_.streams]);
        outside_.flush();
        return std::uint64_t{2} * kTurn;
    }

    Options options_;
    Wire inside_;
    Wire outside_;
    std::vector<Bytes> out_;
    std::vector<Bytes> in_;
};

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("RTP, or what else there is, through the gateway.");
    Options options;
    app.add_option("--inside", options.inside, "Network namespace of the callers")->required();
    app.add_option("--outside", options.outside, "Network namespace of those who are called")->required();
    app.add_option("--first-host", options.first_host, "10.1.2.N and the 59 after it call");
    app.add_option("--address", options.address, "Who is called");
    app.add_option("--streams", options.streams, "Calls whose media flows")->check(CLI::Range(1U, 1U << 20U));
    app.add_option("--seconds", options.seconds, "How long");
    app.add_option("--other-port", options.other_port, "No RTP, but other packets to and from this port outside");
    app.add_flag("--tcp", options.tcp, "Those in TCP connections instead of UDP");
    app.add_option("--processor", options.processor, "Stays there");
    CLI11_PARSE(app, argc, argv);
    try {
        stay_on(options.processor);
        Load(options).run();
    } catch (const std::exception& error) {
        static_cast<void>(std::fprintf(stderr, "media_load: %s\n", error.what()));
        return 1;
    }
}
