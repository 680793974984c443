// SPDX-License-Identifier: GPL-2.0-or-later
// Conversations between a handful of hosts. What must hold whatever they say: security rules 1, 2 and 5, and that the
// changes add up, so that the kernel's sets are what the engine believes.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <string_view>

#include "alg/engine.h"
#include "tests/fuzz/engine_input.h"

namespace {

using namespace messenger::alg;
using namespace messenger::testing;

void require(bool condition) {
    if (!condition) std::abort();
}

class Run {
   public:
    explicit Run(std::uint8_t options) : engine_(policy(options), limits(), HashKey{1, 2}) {}

    void step(std::string_view& input) {
        const auto byte = [&input](std::size_t at) { return static_cast<std::uint8_t>(input[at]); };
        const unsigned kind = byte(0);
        const Endpoint& from = engine_endpoints()[byte(1) >> 4U];
        const Endpoint& to = engine_endpoints()[byte(1) & 15U];
        const auto pause = std::chrono::seconds(byte(2)) * ((kind & kLongPause) != 0 ? 60 : 1);
        const std::uint32_t offset = byte(3) * 16U;
        const unsigned byte_of_flags = byte(3);
        const std::size_t length = std::min<std::size_t>(byte(4) + 256U * byte(5), input.size() - kStepHead);
        const std::string_view payload = input.substr(kStepHead, length);
        input.remove_prefix(kStepHead + length);

        expire_until(now_ + pause);
        now_ += pause;
        const bool ip_family = from.address.family() == to.address.family();
        if (!ip_family) return;
        switch (kind & kKindMask) {
            case kUdp: packet(udp_packet(from, to, payload), from, false); break;
            case kTcp: segment(kind, from, to, offset, payload); break;
            case kMedia: media(from, to, byte_of_flags); break;
            default: break;
        }
    }

    /// Time ends everything.
    void finish() {
        expire_until(now_ + std::chrono::hours(100));
        require(open_.empty());
        require(engine_.pinholes().size() == 0 && engine_.calls().size() == 0 && engine_.connections() == 0);
        require(!engine_.next_expiry());
    }

   private:
    void media(const Endpoint& from, const Endpoint& to, unsigned flags) {
        (void)engine_.on_media({from, to, Transport::udp}, {}, now_);
        TcpFields tcp;
        tcp.syn = (flags & 1U) != 0;
        tcp.ack = (flags & 2U) != 0;
        tcp.fin = (flags & 4U) != 0;
        tcp.rst = (flags & 8U) != 0;
        if ((flags & 16U) != 0) {
            (void)engine_.on_media({from, to, Transport::tcp}, tcp, now_);
        } else {
            (void)engine_.admit({from, to, Transport::tcp}, tcp, now_, plan_);
        }
    }

    static constexpr std::uint16_t kProtectedPort = 3389;

    static Policy policy(std::uint8_t options) {
        Policy policy;
        policy.inside.add(*Prefix::parse("10.0.0.0/8"));
        policy.inside.add(*Prefix::parse("2001:db8:1::/48"));
        policy.relays.add(*Prefix::parse("10.1.2.2"));
        policy.protected_ports = {kProtectedPort};
        policy.protected_addresses = {address("10.0.0.1")};
        if ((options & kAfterOffer) != 0) policy.early_media = EarlyMedia::after_offer;
        policy.any_sip_port = (options & kAnySipPort) != 0;
        policy.take_up_any_stream = (options & kTakeUpAnyStream) != 0;
        return policy;
    }

    static Limits limits() {
        Limits limits;
        limits.calls = 6;
        limits.calls_per_host = 4;
        limits.calls_per_peer = 2;
        limits.pinholes = 20;
        limits.pinholes_per_host = 12;
        limits.dialogs_per_call = 4;
        limits.registrations = 3;
        limits.flows = 3;
        limits.flows_per_host = 2;
        limits.body_bytes = 2000;
        limits.head_bytes = 2000;
        limits.pending_bytes = 2000;
        limits.buffered_bytes = 5000;
        return limits;
    }

    void segment(unsigned kind, const Endpoint& from, const Endpoint& to, std::uint32_t offset,
                 std::string_view payload) {
        std::uint32_t& sent = sent_[{from, to, Transport::tcp}];
        const std::uint32_t begin = (kind & kAppend) != 0 ? sent : offset;
        const TcpSegment fields{.sequence = 4294966296U + begin - ((kind & kSyn) != 0 ? 1U : 0U),
                                .syn = (kind & kSyn) != 0,
                                .fin = (kind & kFin) != 0,
                                .rst = (kind & kRst) != 0};
        sent = std::max(sent, begin + static_cast<std::uint32_t>(payload.size()));
        packet(tcp_packet(from, to, fields, payload), from, (kind & kMarked) != 0);
    }

    void packet(const Bytes& bytes, const Endpoint& from, bool marked) {
        const Bytes exact = exact_copy(bytes);
        sources_.insert(from.address);
        engine_.on_packet(exact, marked, now_, plan_);
        check();
    }

    void expire_until(TimePoint end) {
        std::size_t steps = 0;
        for (auto next = engine_.next_expiry(); next && *next <= end; next = engine_.next_expiry()) {
            engine_.expire(*next, nullptr, plan_);
            for (const PinholeChange& change : plan_.changes) require(change.kind != PinholeChange::Kind::add);
            check();
            require(++steps < 100'000);  // a deadline that does not move
        }
    }

    void check() {
        for (const PinholeChange& change : plan_.changes) {
            switch (change.kind) {
                case PinholeChange::Kind::add:
                    check_rules(change.key);
                    require(open_.insert(change.key).second);
                    break;
                case PinholeChange::Kind::refresh: require(open_.count(change.key) == 1); break;
                case PinholeChange::Kind::remove:
                case PinholeChange::Kind::forget: require(open_.erase(change.key) == 1); break;
            }
        }
        for (const FlowSeed& seed : plan_.seeds) {
            require(open_.count({seed.transport, false, seed.inside, seed.remote.address}) == 1);
        }
        require(open_.size() == engine_.pinholes().size() && open_.size() <= limits().pinholes);
        require(engine_.calls().size() <= limits().calls && engine_.connections() <= limits().flows);
        std::map<IpAddress, std::size_t> per_host;
        for (const PinholeKey& key : open_) {
            require(++per_host[key.inside.address] <= limits().pinholes_per_host);
        }
        touch_views();
    }

    void check_rules(const PinholeKey& key) {
        require(key.inside.port >= 1024 && key.inside.port != kProtectedPort);
        const std::uint16_t port = key.inside.port;
        require(key.transport == Transport::udp || port == 1503 || (port >= 6891 && port <= 6901));
        require(engine_.policy().inside.contains(key.inside.address) && key.inside.address != address("10.0.0.1"));
        require(sources_.count(key.inside.address) == 1 || sources_.count(engine_relay()) == 1);
    }

    /// The views of a plan must be readable: the address sanitizer looks on.
    void touch_views() {
        for (const Event& event : plan_.events) {
            std::visit(
                [this](const auto& one) {
                    if constexpr (requires { one.call_id; }) {
                        for (const char c : one.call_id) sum_ += static_cast<unsigned char>(c);
                    }
                },
                event);
        }
    }

    Engine engine_;
    Plan plan_;
    TimePoint now_{std::chrono::seconds(1000)};
    std::set<IpAddress> sources_;
    std::set<PinholeKey> open_;
    std::map<FlowTuple, std::uint32_t> sent_;
    unsigned sum_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view input(reinterpret_cast<const char*>(data), size);
    if (input.empty()) return 0;
    Run run(static_cast<std::uint8_t>(input.front()));
    input.remove_prefix(1);
    while (input.size() >= kStepHead) run.step(input);
    run.finish();
    return 0;
}
