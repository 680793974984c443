// SPDX-License-Identifier: GPL-2.0-or-later
// Calls through the gateway: INVITE, 200, ACK, RTP and RTCP both ways, and a BYE with its 200. First it sets up --hold
// calls; then, for --seconds, as many as it can, --window of them at a time (or --rate of them a second), and for each
// one that is up it ends the oldest. The outside sends media first, after the ACK: only a pinhole lets that in. Nothing
// is sent again: a call whose packets do not all arrive is lost. Prints one JSON object.
#include <poll.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/bench/call_packets.h"
#include "tests/bench/wire.h"

namespace {

using namespace messenger::bench;  // NOLINT(google-build-using-namespace): this program is all about it

constexpr std::uint64_t kSecond = 1'000'000'000;
// A call that has not got where it was going for so long is lost.
constexpr std::uint64_t kPatience = 2 * kSecond;
// So many windows of lost calls, and no more are tried: the gateway cannot hold what it was to hold.
constexpr std::uint64_t kEnough = 2;
constexpr std::uint64_t kRound = kSecond / 1000;

struct Options {
    std::string inside;
    std::string outside;
    unsigned first_host = 128;
    std::string address = "203.0.113.30";
    std::uint32_t first_call = 0;
    std::uint32_t hold = 0;
    double seconds = 0;
    std::uint64_t rate = 0;
    std::uint32_t window = 64;
    bool media = true;
    bool media_late = false;
    bool leave = false;
    int processor = -1;
};

/// What the calls of one part of the run have come to.
struct Count {
    std::uint64_t begun = 0;
    std::uint64_t up = 0;
    std::uint64_t ended = 0;
    std::uint64_t lost = 0;
    double seconds = 0;
};

class Load {
   public:
    explicit Load(const Options& options)
        : options_(options),
          inside_(options.inside),
          outside_(options.outside),
          packets_({static_cast<std::uint8_t>(options.first_host), options.address}),
          next_(options.first_call) {}

    void run() {
        const Count ramp = set_up(options_.hold);
        print("ramp", ramp);
        const std::uint32_t wanted = options_.hold;
        // From here on with room to spare, if it could not hold them all.
        if (ramp.lost > 0) options_.hold = static_cast<std::uint32_t>(held_.size() / 2);
        if (options_.media_late) result_["late_lost"] = wanted - send_late_media();
        const Count sustained = sustain();
        print("sustained", sustained);
        Count end;
        if (!options_.leave) end = hang_up_all();
        print("end", end);
        std::puts(result_.dump().c_str());
    }

   private:
    enum class State : std::uint8_t { unknown, calling, answered, up, ending, done };
    struct Call {
        State state = State::unknown;
        std::uint8_t media = 0;  ///< packets of it that have arrived
    };
    static constexpr std::uint8_t kMedia = 4;

    [[nodiscard]] Call& at(std::uint32_t call) {
        const std::size_t place = call - options_.first_call;
        if (place >= calls_.size()) calls_.resize(std::max(place + 1, 2 * calls_.size()));
        return calls_[place];
    }

    [[nodiscard]] Count set_up(std::uint32_t count) {
        count_ = {};
        const std::uint64_t begun = wall_clock();
        while (count_.up + count_.lost < count && count_.lost < kEnough * options_.window) {
            while (count_.begun < count && pending_.size() < options_.window) begin();
            go_on();
        }
        return finish(begun);
    }

    /// The first media of all calls that are up. Returns of how many it all arrived.
    [[nodiscard]] std::size_t send_late_media() {
        std::size_t sent = 0;
        for (const std::uint32_t call : held_) {
            outside_.put(packets_.rtp(call, false));
            outside_.put(packets_.rtcp(call, false));
            if (++sent % options_.window == 0) go_on();
        }
        const auto complete = [this](std::uint32_t call) { return at(call).media == kMedia; };
        const std::uint64_t end = wall_clock() + kPatience;
        while (wall_clock() < end) go_on();
        return static_cast<std::size_t>(std::count_if(held_.begin(), held_.end(), complete));
    }

    [[nodiscard]] Count sustain() {
        count_ = {};
        const std::uint64_t begun = wall_clock();
        const std::uint64_t end = begun + static_cast<std::uint64_t>(options_.seconds * static_cast<double>(kSecond));
        for (std::uint64_t now = begun; now < end; now = wall_clock()) {
            while (may_begin(now - begun)) begin();
            while (held_.size() > options_.hold) hang_up();
            go_on();
        }
        Count count = finish(begun);
        // What is under way is neither up nor lost.
        for (const Pending& one : pending_) count.begun -= at(one.call).state < State::up ? 1U : 0U;
        return count;
    }

    [[nodiscard]] Count hang_up_all() {
        count_ = {};
        const std::uint64_t begun = wall_clock();
        while (!held_.empty() || !pending_.empty()) {
            while (!held_.empty() && pending_.size() < options_.window) hang_up();
            go_on();
        }
        return finish(begun);
    }

    [[nodiscard]] Count finish(std::uint64_t begun) {
        count_.seconds = static_cast<double>(wall_clock() - begun) / static_cast<double>(kSecond);
        return count_;
    }

    [[nodiscard]] bool may_begin(std::uint64_t passed) const {
        if (pending_.size() >= options_.window) return false;
        return options_.rate == 0 || count_.begun < passed * options_.rate / kSecond;
    }

    void begin() {
        const std::uint32_t call = next_++;
        at(call).state = State::calling;
        pending_.push_back({call, State::calling, wall_clock()});
        ++count_.begun;
        inside_.put(packets_.invite(call));
    }

    void hang_up() {
        const std::uint32_t call = held_.front();
        held_.pop_front();
        at(call).state = State::ending;
        pending_.push_back({call, State::ending, wall_clock()});
        inside_.put(packets_.bye(call));
    }

    /// Sends what is to be sent, waits for what comes, and answers it.
    void go_on() {
        inside_.flush();
        outside_.flush();
        std::array<pollfd, 2> waiting{pollfd{inside_.fd(), POLLIN, 0}, pollfd{outside_.fd(), POLLIN, 0}};
        const timespec time{0, static_cast<long>(kRound)};
        if (ppoll(waiting.data(), waiting.size(), &time, nullptr) > 0) {
            outside_.receive([this](ByteSpan packet, std::uint64_t /*arrived*/) { on_outside(packet); });
            inside_.receive([this](ByteSpan packet, std::uint64_t /*arrived*/) { on_inside(packet); });
            inside_.flush();
            outside_.flush();
        }
        forget_done();
    }

    void on_outside(ByteSpan packet) {
        const auto seen = recognise(packet);
        if (!seen) return;
        const std::uint32_t call = seen->call;
        switch (seen->kind) {
            case CallPackets::Kind::invite: outside_.put(packets_.ok(call)); break;
            case CallPackets::Kind::ack:
                if (options_.media) {
                    outside_.put(packets_.rtp(call, false));
                    outside_.put(packets_.rtcp(call, false));
                } else {
                    establish(call);
                }
                break;
            case CallPackets::Kind::bye: outside_.put(packets_.bye_ok(call)); break;
            case CallPackets::Kind::rtp:
            case CallPackets::Kind::rtcp: on_media(call); break;
            default: break;
        }
    }

    void on_inside(ByteSpan packet) {
        const auto seen = recognise(packet);
        if (!seen) return;
        const std::uint32_t call = seen->call;
        switch (seen->kind) {
            case CallPackets::Kind::ok:
                if (at(call).state != State::calling) break;
                at(call).state = State::answered;
                inside_.put(packets_.ack(call));
                break;
            case CallPackets::Kind::bye_ok:
                if (at(call).state != State::ending) break;
                at(call).state = State::done;
                ++count_.ended;
                break;
            case CallPackets::Kind::rtp:
                on_media(call);
                inside_.put(packets_.rtp(call, true));
                break;
            case CallPackets::Kind::rtcp:
                on_media(call);
                inside_.put(packets_.rtcp(call, true));
                break;
            default: break;
        }
    }

    /// Absent also for packets of calls that this run has not begun.
    [[nodiscard]] std::optional<CallPackets::Seen> recognise(ByteSpan packet) const {
        const auto seen = CallPackets::recognise(packet);
        if (!seen || seen->call < options_.first_call || seen->call >= next_) return std::nullopt;
        return seen;
    }

    void on_media(std::uint32_t call) {
        if (++at(call).media == kMedia) establish(call);
    }

    void establish(std::uint32_t call) {
        if (at(call).state != State::answered) return;
        at(call).state = State::up;
        ++count_.up;
        held_.push_back(call);
    }

    /// Calls that have got where they were going make room; those that have not in time are lost.
    void forget_done() {
        const std::uint64_t now = wall_clock();
        for (std::size_t i = 0; i < pending_.size();) {
            const Pending& one = pending_[i];
            const State state = at(one.call).state;
            const bool arrived = one.goal() == State::up ? state >= State::up : state == State::done;
            if (!arrived && now - one.since < kPatience) {
                ++i;
                continue;
            }
            if (!arrived) {
                at(one.call).state = State::done;
                ++count_.lost;
                ++lost_while_[static_cast<std::size_t>(state)];
            }
            pending_[i] = pending_.back();
            pending_.pop_back();
        }
    }

    void print(const char* part, const Count& count) {
        result_[part] = {{"begun", count.begun},
                         {"up", count.up},
                         {"ended", count.ended},
                         {"lost", count.lost},
                         {"seconds", count.seconds}};
        result_["held"] = held_.size();
        result_["lost_while"] = {{"calling", lost_while_[static_cast<std::size_t>(State::calling)]},
                                 {"answered", lost_while_[static_cast<std::size_t>(State::answered)]},
                                 {"ending", lost_while_[static_cast<std::size_t>(State::ending)]}};
        result_["next_call"] = next_;
    }

    struct Pending {
        std::uint32_t call;
        State begun_as;
        std::uint64_t since;
        [[nodiscard]] State goal() const { return begun_as == State::calling ? State::up : State::done; }
    };

    Options options_;
    Wire inside_;
    Wire outside_;
    CallPackets packets_;
    std::uint32_t next_;
    std::vector<Call> calls_;
    std::vector<Pending> pending_;
    std::deque<std::uint32_t> held_;
    Count count_;
    std::array<std::uint64_t, 6> lost_while_{};  ///< by State: how far the lost ones have come
    nlohmann::json result_;
};

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("SIP calls with media, through the gateway.");
    Options options;
    app.add_option("--inside", options.inside, "Network namespace of the callers")->required();
    app.add_option("--outside", options.outside, "Network namespace of those who are called")->required();
    app.add_option("--first-host", options.first_host, "10.1.2.N and the 59 after it call");
    app.add_option("--address", options.address, "Who is called");
    app.add_option("--first-call", options.first_call, "Number of the first call");
    app.add_option("--hold", options.hold, "Calls that are up all the time");
    app.add_option("--seconds", options.seconds, "How long calls are set up and ended");
    app.add_option("--rate", options.rate, "Calls a second; 0: as many as can be");
    app.add_option("--window", options.window, "Calls that are being set up or ended at a time");
    app.add_flag("!--no-media", options.media, "A call is up with its ACK");
    app.add_flag("--media-late", options.media_late, "No media until all that are held are up");
    app.add_flag("--leave", options.leave, "Leave the calls up at the end");
    app.add_option("--processor", options.processor, "Stays there");
    CLI11_PARSE(app, argc, argv);
    try {
        stay_on(options.processor);
        if (options.media_late) options.media = false;
        Load(options).run();
    } catch (const std::exception& error) {
        static_cast<void>(std::fprintf(stderr, "call_load: %s\n", error.what()));
        return 1;
    }
}
