// SPDX-License-Identifier: GPL-2.0-or-later
// Plays a scenario to an engine and writes down what it decides.
#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <optional>

#include "alg/engine.h"
#include "alg/nat/changed_lines.h"
#include "alg/net/packet.h"
#include "tests/scenario/kernel.h"
#include "tests/scenario/scenario.h"
#include "tests/support/packet_builder.h"

namespace messenger::testing {

namespace {

using std::string;
using std::string_view;

string seconds(alg::Duration duration) {
    std::array<char, 32> text{};
    const int size = std::snprintf(text.data(), text.size(), "%g", std::chrono::duration<double>(duration).count());
    return {text.data(), static_cast<std::size_t>(size)};
}

string moment(alg::TimePoint when) {
    return seconds(when.time_since_epoch());
}

string pinhole(const alg::PinholeKey& key) {
    return string(key.transport == alg::Transport::tcp ? "tcp " : "udp ") +
           (key.any_remote ? "any" : key.remote.to_string()) + " > " + key.inside.to_string();
}

string protocol(alg::Transport transport) {
    return transport == alg::Transport::tcp ? "tcp " : "udp ";
}

string purpose(const alg::Purpose& what) {
    return " " + string(name(what.kind)) + " " + string(name(what.role));
}

alg::TcpFields flags_of(const Step& step) {
    alg::TcpFields flags;
    flags.syn = step.syn;
    flags.ack = step.ack;
    flags.fin = step.fin;
    flags.rst = step.rst;
    return flags;
}

class Player {
   public:
    explicit Player(const Scenario& scenario) : scenario_(scenario), kernel_(scenario.limits) {
        engine_.emplace(scenario.policy, scenario.limits, alg::HashKey{1, 2});
    }

    string play() {
        for (const Step& step : scenario_.steps) {
            expire_until(step.at);
            out_ += step.heading + "\n";
            switch (step.kind) {
                case Step::Kind::time: break;
                case Step::Kind::udp:
                    on_packet(udp_packet(step.tuple.source, step.tuple.destination, step.payload), step);
                    break;
                case Step::Kind::tcp: on_segments(step); break;
                case Step::Kind::first: out_ += "  " + admission_of(step.tuple) + "\n"; break;
                case Step::Kind::media: on_media(step); break;
                case Step::Kind::restart: restart(step.at); break;
            }
            flush();
        }
        out_ += "end: " + std::to_string(engine_->calls().size()) + " calls, " +
                std::to_string(engine_->pinholes().size()) + " pinholes, " + std::to_string(engine_->connections()) +
                " connections\n";
        return out_;
    }

   private:
    struct Direction {
        std::uint32_t first = 0;  ///< sequence number of the first byte
        std::uint32_t sent = 0;   ///< bytes sent so far
    };

    void expire_until(alg::TimePoint now) {
        for (auto next = engine_->next_expiry(); next && *next <= now; next = engine_->next_expiry()) {
            engine_->expire(*next, nullptr, plan_);
            kernel_.apply(plan_, *next);
            const bool nothing = plan_.events.empty() && plan_.changes.empty() && plan_.bindings.empty() &&
                                 plan_.callbacks.empty() && plan_.tls_flows.empty() && plan_.releases.empty();
            if (nothing) continue;
            out_ += "@" + moment(*next) + " expiry\n";
            write_plan();
            flush();
        }
    }

    void on_media(const Step& step) {
        const bool admitted = engine_->on_media(step.tuple, flags_of(step), step.at);
        if (admitted) kernel_.on_media(step.tuple, step.at);
        out_ += admitted ? "  admitted\n" : "  blocked\n";
    }

    /// The daemon ends and begins again: the kernel is all that the new one knows, and it puts the kernel right.
    void restart(alg::TimePoint now) {
        engine_.emplace(scenario_.policy, scenario_.limits, alg::HashKey{3, 4});
        kernel_.restore(*engine_, scenario_.nat ? scenario_.nat->outside : alg::IpAddress{}, now);
        alg::Plan wanted;
        engine_->snapshot(now, wanted);
        plan_ = kernel_.difference(wanted);
        kernel_.apply(plan_, now);
        write_plan();
    }

    [[nodiscard]] string admission_of(const alg::FlowTuple& tuple) const {
        const auto admission = engine_->find_admission(tuple);
        if (!admission) return "blocked";
        return string("admitted as ") + (admission->signalling ? "signalling" : "media") + " of " +
               admission->from_remote.destination.to_string();
    }

    void on_packet(const Bytes& packet, const Step& step) {
        const Bytes exact = exact_copy(packet);
        alg::PacketContext context;
        context.sip_marked = step.marked;
        if (scenario_.nat) {
            context.nat = &*scenario_.nat;
            context.in_queue = true;
            context.token = next_token_++;
        }
        context.in_queue = context.in_queue || scenario_.in_queue;
        engine_->on_packet(exact, context, step.at, plan_);
        kernel_.apply(plan_, step.at);
        write_plan();
        if (scenario_.in_queue) write_wire(exact);
    }

    void on_segments(const Step& step) {
        const auto [at, fresh] = directions_.try_emplace(step.tuple, Direction{4294966296U, 0});
        Direction& direction = at->second;
        if (step.syn && !step.syn_again && !fresh) {
            direction.first += 1'000'003;  // a new connection has another first number
            direction.sent = 0;
        }
        const std::uint32_t begin = step.syn_again ? 0U : step.offset.value_or(direction.sent);
        std::vector<std::size_t> bounds{0};
        for (const std::size_t cut : step.cuts) {
            if (cut > bounds.back() && cut < step.payload.size()) bounds.push_back(cut);
        }
        bounds.push_back(step.payload.size());
        std::vector<std::size_t> order = step.order;
        for (std::size_t i = 1; step.order.empty() && i < bounds.size(); ++i) order.push_back(i);
        for (const std::size_t segment : order) {
            const std::size_t from = bounds.at(segment - 1);
            TcpSegment fields;
            if (const auto other = directions_.find(step.tuple.reversed()); other != directions_.end()) {
                fields.ack = true;
                fields.acknowledgement = other->second.first + other->second.sent;
            }
            const bool last = segment == order.back();
            fields.syn = step.syn && from == 0;
            fields.fin = step.fin && last;
            fields.rst = step.rst && last;
            fields.sequence = direction.first + begin + static_cast<std::uint32_t>(from) - (fields.syn ? 1U : 0U);
            on_packet(tcp_packet(step.tuple.source, step.tuple.destination, fields,
                                 std::string_view(step.payload).substr(from, bounds.at(segment) - from)),
                      step);
        }
        direction.sent = std::max(direction.sent, begin + static_cast<std::uint32_t>(step.payload.size()));
    }

    void line(const string& text) { decisions_ += "  " + text + "\n"; }
    void kernel(const string& text) { transaction_ += "  kernel " + text + "\n"; }
    /// A step's decisions, the edits, then what the kernel is told: the same however many segments it took.
    void flush() {
        out_ += decisions_ + edits_ + transaction_;
        decisions_.clear();
        edits_.clear();
        transaction_.clear();
    }

    void write_plan() {
        if (plan_.verdict == alg::Verdict::drop) line("verdict drop");
        if (plan_.flow_mark != alg::FlowMark::none) {
            line(plan_.flow_mark == alg::FlowMark::sip ? "mark sip" : "mark opaque");
        }
        for (const alg::Event& event : plan_.events) std::visit([this](const auto& one) { write(one); }, event);
        for (const alg::PinholeChange& change : plan_.changes) write(change);
        for (const alg::BindingChange& change : plan_.bindings) write(change);
        for (const alg::CallbackChange& change : plan_.callbacks) write(change);
        for (const alg::TlsFlowChange& change : plan_.tls_flows) write(change);
        for (const alg::FlowSeed& seed : plan_.seeds) {
            kernel("seed " + seed.remote.to_string() + " <> " +
                   (seed.outside ? seed.outside->to_string() + " = " : "") + seed.inside.to_string());
        }
    }

    /// The lines of a payload that go on other than they came.
    void write_wire(const Bytes& before) {
        if (plan_.replacement.empty()) return;
        const auto came = alg::parse_packet(before);
        const auto goes = alg::parse_packet(plan_.replacement);
        if (!came || !goes || came->payload.size() != goes->payload.size()) {
            line("wire: another length");
            return;
        }
        for (std::size_t at = 0; at < goes->payload.size();) {
            const std::size_t end = goes->payload.find('\n', at);  // none behind the last piece of a segment
            const string_view now = goes->payload.substr(at, end == string_view::npos ? end : end + 1 - at);
            if (now != came->payload.substr(at, now.size())) line("wire " + string(now.substr(0, now.find('\r'))));
            at += now.size();
        }
    }

    void write(const alg::MessageEvent& event) {
        string text = event.request ? string(event.method) + " " + string(event.request_uri)
                                    : std::to_string(event.status) + " (" + string(event.method) + ")";
        line("message " + text + " " + string(event.call_id));
    }
    void write(const alg::MediaEvent&) {}
    void write(const alg::SessionEvent& event) {
        if (event.kind == alg::SessionKind::audio_video) return;  // most scenarios are about that
        line("session " + string(name(event.kind)) + " " + string(event.what) + " " + string(event.call_id));
    }
    void write(const alg::OpenEvent& event) {
        line("open " + pinhole(event.key) + purpose(event.purpose) + " " + string(event.call_id) +
             (event.remote_is_private ? " (private remote)" : ""));
    }
    void write(const alg::CloseEvent& event) {
        line("close " + pinhole(event.key) + purpose(event.purpose) + " " + string(event.call_id) + " " +
             string(name(event.reason)));
    }
    void write(const alg::RefuseEvent& event) {
        string text = "refuse " + string(name(event.reason));
        if (event.reason == alg::RefuseReason::not_understood) text += " (" + string(name(event.error)) + ")";
        if (event.announced) text += " " + event.announced->to_string();
        if (event.port != 0) text += " port " + std::to_string(event.port);
        if (event.last_port > event.port) text += "-" + std::to_string(event.last_port);
        if (event.owner) text += " of " + event.owner->to_string();
        if (event.allowed.last != 0) {
            text += " not in " + std::to_string(event.allowed.first) + "-" + std::to_string(event.allowed.last) +
                    " by " + string(event.user);
        }
        line(text + (event.call_id.empty() ? "" : " ") + string(event.call_id));
    }
    void write(const alg::OpaqueEvent& event) { line("opaque " + string(name(event.reason))); }
    void write(const alg::RegistrationEvent& event) {
        line("registered " + event.contact.to_string() + " " + std::to_string(event.seconds) + " s");
    }
    void write(const alg::PinholeChange& change) {
        constexpr std::array<std::string_view, 4> kKinds{"add", "refresh", "remove", "forget"};
        const bool timed =
            change.kind == alg::PinholeChange::Kind::add || change.kind == alg::PinholeChange::Kind::refresh;
        kernel(string(kKinds.at(static_cast<std::size_t>(change.kind))) + " " + pinhole(change.key) +
               (change.outside ? " as " + change.outside->to_string() : "") +
               (timed ? " for " + seconds(change.timeout) + " s" : ""));
    }
    void write(const alg::BindingChange& change) {
        constexpr std::array<std::string_view, 3> kKinds{"bind", "bind again", "unbind"};
        const bool timed = change.kind != alg::BindingChange::Kind::remove;
        kernel(string(kKinds.at(static_cast<std::size_t>(change.kind))) + " " + protocol(change.transport) +
               change.inside.to_string() + " = " + change.outside.to_string() +
               (change.listener ? " as a listener" : "") + (timed ? " for " + seconds(change.timeout) + " s" : ""));
    }
    void write(const alg::CallbackChange& change) {
        constexpr std::array<std::string_view, 3> kKinds{"let call back", "let call back again", "no call back"};
        const bool timed = change.kind != alg::CallbackChange::Kind::remove;
        kernel(string(kKinds.at(static_cast<std::size_t>(change.kind))) + " " + protocol(change.transport) +
               change.remote.to_string() + " > " + change.inside.to_string() +
               (change.outside ? " as " + change.outside->to_string() : "") +
               (timed ? " for " + seconds(change.timeout) + " s" : ""));
    }
    void write(const alg::TlsFlowChange& change) {
        const bool add = change.kind == alg::TlsFlowChange::Kind::add;
        kernel(string(add ? "watch " : "watch no more ") + change.tuple.source.to_string() + " > " +
               change.tuple.destination.to_string() + (add ? " for " + seconds(change.timeout) + " s" : ""));
    }
    void write(const alg::EditEvent& event) {
        for (const alg::ChangedLine& one : changed_lines(*event.edits)) {
            edits_ += (one.added ? "  + " : "  - ") + one.text + "\n";
        }
    }

    const Scenario& scenario_;
    Kernel kernel_;
    std::optional<alg::Engine> engine_;  ///< always there; a restart makes it anew
    alg::Plan plan_;
    std::map<alg::FlowTuple, Direction> directions_;
    string out_;
    string decisions_;
    string edits_;
    string transaction_;
    alg::PacketToken next_token_ = 0;
};

}  // namespace

string play(const Scenario& scenario) {
    return Player(scenario).play();
}

}  // namespace messenger::testing
