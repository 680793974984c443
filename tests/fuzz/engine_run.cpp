// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/fuzz/engine_run.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "tests/fuzz/heap_size.h"
#include "tests/fuzz/require.h"

namespace messenger::test {

using namespace messenger::testing;
using alg::Endpoint;
using alg::Engine;
using alg::FlowTuple;
using alg::Limits;
using alg::Policy;
using alg::Transport;

namespace {

constexpr std::uint16_t kProtectedPort = 3389;
constexpr std::size_t kTlsServer = 7;
// What all tables together may take under limits() below: an engine that has been filled up takes a third of it.
constexpr std::size_t kMostMemory = std::size_t{1} << 20U;

Policy make_policy(unsigned options) {
    Policy policy;
    policy.inside.add(*alg::Prefix::parse("10.0.0.0/8"));
    policy.inside.add(*alg::Prefix::parse("2001:db8:1::/48"));
    policy.relays.add(*alg::Prefix::parse("10.1.2.2"));
    policy.protected_ports = {kProtectedPort};
    policy.protected_addresses = {address("10.0.0.1")};
    policy.nat_ports = {40'000, 40'039};
    policy.keep_numbers = (options & kOtherNumbers) == 0;
    if ((options & kAfterOffer) != 0) policy.early_media = alg::EarlyMedia::after_offer;
    if ((options & kRegisteredRanges) != 0) policy.fixed_ranges = alg::FixedRanges::registered;
    if ((options & kDecline) != 0) policy.compression = alg::Compression::decline;
    if ((options & kTlsRanges) != 0) {
        const Endpoint& server = engine_endpoints()[kTlsServer];
        policy.tls.servers.add(*alg::Prefix::parse(server.address.to_string()));
        policy.tls.port = server.port;
    }
    policy.any_sip_port = (options & kAnySipPort) != 0;
    policy.take_up_any_stream = (options & kTakeUpAnyStream) != 0;
    return policy;
}

constexpr Limits kLimits = [] {
    Limits limits;
    limits.calls = 6;
    limits.calls_per_host = 4;
    limits.calls_per_peer = 2;
    limits.pinholes = 20;
    limits.pinholes_per_host = 12;
    limits.pinholes_per_call = 10;
    limits.dialogs_per_call = 4;
    limits.registrations = 3;
    limits.registrations_per_host = 2;
    limits.bindings = 24;
    limits.bindings_per_host = 14;
    limits.flows = 3;
    limits.flows_per_host = 2;
    limits.body_bytes = 2000;
    limits.head_bytes = 2000;
    limits.pending_bytes = 2000;
    limits.buffered_bytes = 5000;
    limits.held_bytes = 4000;
    limits.held_segments = 10;
    limits.held_in_all = 15;
    return limits;
}();

/// How the kernel translates: one server is not translated to, one inside port has another number, and the first packet
/// of each flow is not known.
class Translations final : public alg::FlowTranslations {
   public:
    [[nodiscard]] Answer find(const FlowTuple& tuple) override {
        const bool outbound = tuple.source.address.is_private();
        const Endpoint& inside = outbound ? tuple.source : tuple.destination;
        const Endpoint& remote = outbound ? tuple.destination : tuple.source;
        if (remote.address == address("198.51.100.99")) return {Answer::Kind::not_translated, {}};
        if (inside.port < 40'000) return {};
        return {Answer::Kind::translated, {engine_outside(), static_cast<std::uint16_t>(inside.port + 21'000)}};
    }
};

/// What the kernel knows of a pinhole is anybody's guess.
class Witness final : public alg::PinholeWitness {
   public:
    explicit Witness(unsigned guess) : guess_(guess) {}
    [[nodiscard]] std::optional<alg::Duration> remaining(const alg::PinholeKey& key) override {
        if ((guess_ + key.inside.port) % 3 == 0) return std::nullopt;
        return std::chrono::seconds(1 + (guess_ + key.inside.port) % 200);
    }

   private:
    unsigned guess_;
};

}  // namespace

EngineRun::EngineRun(Kind kind, std::uint8_t options)
    : kind_(kind),
      options_(options),
      memory_before_(heap_size()),
      engine_(make_policy(options), kLimits, alg::HashKey{1, 2}),
      edits_(engine_.policy(), kLimits, path_),
      wire_(kLimits.flow_idle),
      path_{engine_outside(), (options & kAdvertised) != 0 ? engine_advertised() : engine_outside()} {}

void EngineRun::play(std::string_view steps) {
    for (InputStep one; take_step(steps, one);) step(one);
    check_snapshot();
    finish();
}

void EngineRun::step(const InputStep& step) {
    const Endpoint& from = engine_endpoints()[step.from()];
    const Endpoint& to = engine_endpoints()[step.to()];
    const auto pause = std::chrono::seconds(step.pause) * ((step.kind & kLongPause) != 0 ? 60 : 1);
    expire_until(now_ + pause);
    now_ += pause;
    if (from.address.family() != to.address.family()) return;
    switch (step.kind & kKindMask) {
        case kUdp:
            sayings_.hear({from, to, Transport::udp}, step.payload);
            packet(udp_packet(from, to, step.payload), {from, to, Transport::udp}, false);
            break;
        case kTcp: segment(step, from, to); break;
        case kMedia: media(from, to, step.offset); break;
        default: break;
    }
}

void EngineRun::media(const Endpoint& from, const Endpoint& to, unsigned flags) {
    alg::TcpFields tcp;
    tcp.syn = (flags & 1U) != 0;
    tcp.ack = (flags & 2U) != 0;
    tcp.fin = (flags & 4U) != 0;
    tcp.rst = (flags & 8U) != 0;
    // An inside end may be reached at any port, not only at those that send.
    Endpoint inside = to;
    if ((flags & 32U) != 0) inside.port = static_cast<std::uint16_t>(5350 + (flags >> 6U));
    const FlowTuple udp{from, inside, Transport::udp};
    const FlowTuple stream{from, inside, Transport::tcp};
    if ((flags & 16U) != 0) {
        (void)engine_.on_media(stream, tcp, now_);
    } else if ((flags & 2U) != 0) {
        const auto found = engine_.find_admission(stream);
        const auto admission = engine_.admit(stream, tcp, now_, plan_);
        require(found.has_value() == admission.has_value(), "who asks is told what happens");
    } else {
        (void)engine_.on_media(udp, {}, now_);
        if (const auto admission = engine_.find_admission(udp)) {
            // Between two inside hosts either may be the one that it leads to.
            const auto has_pinhole = [this](const FlowTuple& way) {
                return kernel_.pinholes().contains({way.transport, false, way.destination, way.source.address}) ||
                       kernel_.pinholes().contains({way.transport, true, way.destination, {}});
            };
            const FlowTuple& way = admission->from_remote;
            require(admission->signalling || has_pinhole(way) || has_pinhole(way.reversed()),
                    "what is admitted has a pinhole");
        }
    }
}

void EngineRun::segment(const InputStep& step, const Endpoint& from, const Endpoint& to) {
    const FlowTuple tuple{from, to, Transport::tcp};
    std::uint32_t& sent = sent_[tuple];
    const bool syn = (step.kind & kSyn) != 0;
    const std::uint32_t begin = (step.kind & kAppend) != 0 ? sent : step.offset * 16U;
    TcpSegment fields;
    fields.sequence = WireCheck::kFirst + begin - (syn ? 1U : 0U);
    fields.syn = syn;
    fields.fin = (step.kind & kFin) != 0;
    fields.rst = (step.kind & kRst) != 0;
    fields.ack = kind_ == Kind::nat && wire_.has_begun(tuple);
    if (fields.ack) fields.acknowledgement = wire_.acknowledgement(tuple);
    sent = std::max(sent, begin + static_cast<std::uint32_t>(step.payload.size()));
    sayings_.hear(tuple, step.payload, begin);
    packet(tcp_packet(from, to, fields, step.payload), tuple, (step.kind & kMarked) != 0);
}

void EngineRun::packet(const Bytes& bytes, const FlowTuple& tuple, bool marked) {
    const Bytes exact = exact_copy(bytes);
    Translations translations;
    alg::PacketContext context;
    context.sip_marked = marked;
    context.in_queue = kind_ == Kind::nat || (options_ & kDecline) != 0;
    if (kind_ == Kind::nat) {
        context.nat = &path_;
        context.translations = &translations;
    }
    const auto view = alg::parse_packet(exact);
    const std::size_t begin = view && tuple.transport == Transport::tcp
                                  ? view->tcp.sequence + (view->tcp.syn ? 1U : 0U) - WireCheck::kFirst
                                  : 0;
    context.token = wire_.send(tuple, exact, begin, now_);
    const std::uint64_t unedited = engine_.counters().unedited;
    engine_.on_packet(exact, context, now_, plan_);
    wire_.take(plan_, context.token, engine_.counters().unedited != unedited);
    check_plan();
}

void EngineRun::expire_until(alg::TimePoint end) {
    constexpr std::size_t kMostSteps = 100'000;
    std::size_t steps = 0;
    for (auto next = engine_.next_expiry(); next && *next <= end; next = engine_.next_expiry()) {
        now_ = std::max(now_, *next);
        Witness witness(static_cast<unsigned>(steps + options_));
        engine_.expire(now_, end - now_ > std::chrono::hours(24) ? nullptr : &witness, plan_);
        for (const alg::PinholeChange& change : plan_.changes) {
            require(change.kind != alg::PinholeChange::Kind::add || (options_ & kTlsRanges) != 0, "time opens nothing");
        }
        wire_.take(plan_, 0, false);
        check_plan();
        require(++steps < kMostSteps, "a deadline moves on");
    }
}

void EngineRun::finish() {
    expire_until(now_ + std::chrono::hours(100));
    wire_.finish();
    require(kernel_.empty(), "time closes everything");
    require(engine_.pinholes().size() == 0 && engine_.calls().size() == 0 && engine_.connections() == 0,
            "and forgets everything");
    require(engine_.bindings().size() == 0 && engine_.registrations().size() == 0, "bindings and registrations too");
    require(!engine_.next_expiry(), "and waits for nothing");
}

void EngineRun::check_plan() {
    kernel_.take(plan_, now_);
    kernel_.compare(engine_, now_);
    edits_.remember(engine_.bindings());
    for (const alg::Event& event : plan_.events) {
        if (const auto* edit = std::get_if<alg::EditEvent>(&event)) edits_.check(*edit);
    }
    for (const alg::PinholeChange& change : plan_.changes) {
        if (change.kind == alg::PinholeChange::Kind::add) check_added(change);
    }
    check_limits();
    touch_views();
    check_memory();
}

void EngineRun::check_added(const alg::PinholeChange& change) {
    const alg::PinholeKey& key = change.key;
    const std::uint16_t port = key.inside.port;
    const bool tcp = key.transport == Transport::tcp;
    require(port >= 1024 && port != kProtectedPort, "no protected port");
    require(!tcp || port == 1503 || (port >= 6891 && port <= 6901), "over TCP only what is known");
    require(engine_.policy().inside.contains(key.inside.address) && key.inside.address != address("10.0.0.1"),
            "only an inside host");
    require(key.any_remote || sayings_.named(key.remote) || key.remote == engine_outside() ||
                engine_.policy().inside.contains(key.remote),
            "only for somebody who was named");
    // "5350/4" and its RTCP ports; of an odd port the even one below it is the other (RFC 3550 section 11).
    const auto behind = static_cast<std::uint16_t>(2 * kLimits.port_count);
    const auto above = static_cast<std::uint16_t>(port + 1);
    const auto asked_for = [&](const alg::IpAddress& host) {
        const bool hidden = tcp && sayings_.said_word(host, "Ms-Text-Format");
        const bool registered = tcp && (options_ & kRegisteredRanges) != 0 && sayings_.said_word(host, "REGISTER");
        return sayings_.said_port(host, port, behind) || sayings_.said_port(host, above, 0) || hidden || registered;
    };
    const bool over_tls = (options_ & kTlsRanges) != 0 && key.any_remote && sayings_.has_spoken(key.inside.address);
    require(asked_for(key.inside.address) || asked_for(engine_relay()) || over_tls, "only for who asked for it");
}

void EngineRun::check_limits() {
    require(kernel_.pinholes().size() <= kLimits.pinholes, "limit of pinholes");
    std::map<alg::IpAddress, std::size_t> pinholes;
    for (const alg::PinholeKey& key : kernel_.pinholes()) {
        require(++pinholes[key.inside.address] <= kLimits.pinholes_per_host, "limit of a host's pinholes");
    }
    require(engine_.calls().size() <= kLimits.calls && engine_.connections() <= kLimits.flows, "limits of tables");
    require(engine_.registrations().size() <= kLimits.registrations, "limit of registrations");
    std::map<alg::IpAddress, std::size_t> registrations;
    for (const auto& [key, registration] : engine_.registrations().all()) {
        require(++registrations[key.host] <= kLimits.registrations_per_host, "limit of a host's registrations");
    }
    std::map<alg::IpAddress, std::size_t> callbacks;
    std::map<alg::IpAddress, std::size_t> callbacks_of_calls;
    for (const auto& [key, callback] : engine_.callbacks().all()) {
        const alg::IpAddress& host = key.inside.address;
        if (callback.of_call) {
            // Of a server and of a peer.
            require(++callbacks_of_calls[host] <= 2 * kLimits.calls_per_host, "limit of callbacks of a host's calls");
        } else {
            require(++callbacks[host] <= kLimits.registrations_per_host, "limit of a host's callbacks");
        }
    }
    require(engine_.bindings().size() <= kLimits.bindings, "limit of bindings");
    std::map<alg::IpAddress, std::size_t> calls;
    std::map<alg::IpAddress, std::size_t> strangers;
    for (const auto& [id, call] : engine_.calls().all()) {
        require(call.dialogs.size() <= kLimits.dialogs_per_call, "limit of dialogs");
        require(call.open.size() <= kLimits.pinholes_per_call, "limit of a call's pinholes");
        require(++calls[call.charged_to] <= kLimits.calls_per_host, "limit of a host's calls");
        if (call.uninvited_by) {
            require(++strangers[*call.uninvited_by] <= kLimits.calls_per_peer, "limit of a stranger's calls");
        }
    }
}

/// What the kernel would have to have after it lost its table is what it has.
void EngineRun::check_snapshot() {
    engine_.snapshot(now_, plan_);
    std::set<alg::PinholeKey> open;
    for (const alg::PinholeChange& change : plan_.changes) open.insert(change.key);
    require(open == kernel_.pinholes(), "a snapshot is what is open");
}

void EngineRun::check_memory() const {
    const std::size_t now = heap_size();
    require(now < memory_before_ + kMostMemory, "memory is bounded");
}

/// The views of a plan must be readable: the address sanitizer looks on.
void EngineRun::touch_views() {
    for (const alg::Event& event : plan_.events) {
        std::visit(
            [this](const auto& one) {
                if constexpr (requires { one.call_id; }) {
                    for (const char c : one.call_id) sum_ += static_cast<unsigned char>(c);
                }
            },
            event);
    }
}

}  // namespace messenger::test
