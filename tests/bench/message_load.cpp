// SPDX-License-Identifier: GPL-2.0-or-later
// Sends OPTIONS requests, each of a dialog of its own, from the inside host to an outside one, and sees when they
// arrive. With --rate so many a second, whatever becomes of them; without, as fast as they arrive, --window of them on
// their way at a time: no queue overflows, so what arrives has been through whatever stands in between.
// Prints one JSON object. Times are from just before a packet is sent to its arrival at the other host's interface.
#include <poll.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/bench/invite.h"
#include "tests/bench/template.h"
#include "tests/bench/wire.h"

namespace {

using namespace messenger::bench;  // NOLINT(google-build-using-namespace): this program is all about it

constexpr std::uint64_t kSecond = 1'000'000'000;
// Those still on their way when the last has been sent.
constexpr std::uint64_t kPatience = kSecond / 5;
constexpr std::size_t kWarmUp = 200;

struct Options {
    std::string inside;
    std::string outside;
    std::string from = "10.1.2.10";
    std::string to = "203.0.113.30";
    double seconds = 2;
    std::uint64_t rate = 0;
    std::uint64_t window = 256;
    int processor = -1;
};

void replace(std::string& text, const std::string& from, const std::string& to) {
    text.replace(text.find(from), from.size(), to);
}

/// The INVITE that the parsers are measured with, as a message that opens nothing.
[[nodiscard]] std::string options_text(const std::string& host) {
    std::string text = invite("0000000000@" + host, host);
    replace(text, "INVITE sip", "OPTIONS sip");
    replace(text, "1 INVITE", "1 OPTIONS");
    replace(text, "z9hG4bK776asdhds", "z9hG4bK0000000000");
    replace(text, "0000000000@", "##########@");
    replace(text, "z9hG4bK0000000000", "z9hG4bK##########");
    return text;
}

class Load {
   public:
    explicit Load(const Options& options)
        : options_(options),
          inside_(options.inside),
          outside_(options.outside),
          packet_(messenger::testing::endpoint(options.from, 5060), messenger::testing::endpoint(options.to, 5060),
                  options_text(options.from), {"##########"}) {}

    void run() {
        warm_up();
        const std::uint64_t begun = wall_clock();
        const std::uint64_t end = begun + static_cast<std::uint64_t>(options_.seconds * static_cast<double>(kSecond));
        if (options_.rate > 0) {
            send_at_rate(begun, end);
        } else {
            send_by_window(end);
        }
        const std::uint64_t stopped = wall_clock();
        while (received() < sent() && wall_clock() < stopped + kPatience) wait(kPatience);
        print(static_cast<double>(std::max(last_arrival_, begun + 1) - begun) / static_cast<double>(kSecond));
    }

   private:
    [[nodiscard]] std::uint64_t sent() const { return sent_at_.size() - first_; }
    [[nodiscard]] std::uint64_t received() const { return delays_.size(); }

    /// Neighbours, routes and conntrack entries are there after it.
    void warm_up() {
        for (std::size_t i = 0; i < kWarmUp; ++i) {
            send();
            wait(kSecond / 1000);
        }
        wait(kSecond / 20);
        first_ = sent_at_.size();
        delays_.clear();
    }

    void send_at_rate(std::uint64_t begun, std::uint64_t end) {
        const auto due = [&](std::uint64_t now) { return (now - begun) * options_.rate / kSecond + 1; };
        for (std::uint64_t now = begun; now < end; now = wall_clock()) {
            while (sent() < due(now)) send();
            // The next one's time; what has arrived is read meanwhile, for the kernel has stamped it.
            const std::uint64_t next = begun + sent() * kSecond / options_.rate;
            take();
            now = wall_clock();
            if (next > now) wait(next - now);
        }
    }

    void send_by_window(std::uint64_t end) {
        std::uint64_t seen = 0;
        std::uint64_t moved = wall_clock();
        while (wall_clock() < end) {
            if (received() != seen) {
                seen = received();
                moved = wall_clock();
            } else if (wall_clock() > moved + kPatience) {
                lost_ = sent() - seen;  // nobody waits for them any more
                moved = wall_clock();
            }
            while (sent() - lost_ < received() + options_.window) send();
            take();
            if (sent() - lost_ >= received() + options_.window) wait(kPatience);
        }
    }

    void send() {
        packet_.write(0, sent_at_.size());
        sent_at_.push_back(wall_clock());
        inside_.put(packet_.bytes());
        inside_.flush();
    }

    void take() {
        outside_.receive([this](ByteSpan packet, std::uint64_t arrived) {
            if (packet.size() != packet_.bytes().size()) return;
            const std::uint64_t number = read_number(packet, packet_.place(0), 10);
            if (number < first_ || number >= sent_at_.size()) return;
            delays_.push_back(arrived - std::min(arrived, sent_at_[number]));
            last_arrival_ = std::max(last_arrival_, arrived);
        });
    }

    void wait(std::uint64_t nanoseconds) {
        pollfd waiting{outside_.fd(), POLLIN, 0};
        const timespec time{static_cast<time_t>(nanoseconds / kSecond), static_cast<long>(nanoseconds % kSecond)};
        if (ppoll(&waiting, 1, &time, nullptr) > 0) take();
    }

    void print(double seconds) {
        std::sort(delays_.begin(), delays_.end());
        const auto part = [this](double share) {
            return delays_.empty() ? 0 : delays_[static_cast<std::size_t>(share * static_cast<double>(received() - 1))];
        };
        const nlohmann::json result{{"sent", sent()},      {"received", received()}, {"seconds", seconds},
                                    {"p50_ns", part(0.5)}, {"p99_ns", part(0.99)},   {"max_ns", part(1)}};
        std::puts(result.dump().c_str());
    }

    Options options_;
    Wire inside_;
    Wire outside_;
    Template packet_;
    std::vector<std::uint64_t> sent_at_;
    std::vector<std::uint64_t> delays_;
    std::uint64_t first_ = 0;  ///< number of the first that counts
    std::uint64_t lost_ = 0;
    std::uint64_t last_arrival_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("SIP messages that open nothing, through the gateway.");
    Options options;
    app.add_option("--inside", options.inside, "Network namespace that sends")->required();
    app.add_option("--outside", options.outside, "Network namespace that receives")->required();
    app.add_option("--from", options.from, "Its address");
    app.add_option("--to", options.to, "Its address");
    app.add_option("--seconds", options.seconds, "How long");
    app.add_option("--rate", options.rate, "Messages a second; 0: as fast as they arrive");
    app.add_option("--window", options.window, "Without a rate: how many are on their way");
    app.add_option("--processor", options.processor, "Stays there");
    CLI11_PARSE(app, argc, argv);
    try {
        stay_on(options.processor);
        Load(options).run();
    } catch (const std::exception& error) {
        static_cast<void>(std::fprintf(stderr, "message_load: %s\n", error.what()));
        return 1;
    }
}
