// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/explain/account_report.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "daemon/explain/lines.h"
#include "daemon/explain/wire_text.h"

namespace messenger::daemon {

namespace {

constexpr std::size_t kListed = 20;       // of what belongs to no call
constexpr std::size_t kMethodsTold = 20;  // a scanner invents names
constexpr std::size_t kMethodLongest = 32;

/// Methods that are there for the sake of a call. Others join a call that is known, and are only counted otherwise.
[[nodiscard]] bool belongs_to_call(std::string_view method) {
    constexpr std::array<std::string_view, 6> kMethods{"INVITE", "ACK", "BYE", "CANCEL", "PRACK", "UPDATE"};
    return std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
}

[[nodiscard]] std::string ends(const alg::FlowTuple& tuple) {
    std::string text;
    append_endpoint(text, tuple.source);
    text += " > ";
    append_endpoint(text, tuple.destination);
    return text;
}

}  // namespace

void AccountReport::ShortList::add(std::string line) {
    const auto known =
        std::find_if(entries.begin(), entries.end(), [&line](const Entry& entry) { return entry.line == line; });
    if (known != entries.end()) {
        ++known->times;
    } else if (entries.size() < kListed) {
        entries.push_back({std::move(line)});
    } else {
        ++left_out;
    }
}

void AccountReport::ShortList::append(std::string& out, std::string_view heading) const {
    if (entries.empty()) return;
    out += heading;
    out += '\n';
    for (const Entry& entry : entries) {
        const std::string times = entry.times > 1 ? fmt::format(" ({} times)", entry.times) : "";
        append_wrapped(out, "  ", 6, entry.line + times);
    }
    if (left_out != 0) fmt::format_to(std::back_inserter(out), "  ... and {} more\n", left_out);
    out += '\n';
}

/// Gives each event to the call that it belongs to.
class AccountReport::EventTeller {
   public:
    EventTeller(AccountReport& report, alg::TimePoint now) : report_(report), now_(now) {}

    void operator()(const alg::MessageEvent& event) {
        if (CallAccount* call = report_.call_of(event, now_)) call->on_message(event, report_.policy_, now_);
    }
    void operator()(const alg::MediaEvent& event) {
        if (CallAccount* call = report_.find(event.call_id)) call->on_media_line(event);
    }
    void operator()(const alg::SessionEvent& event) {
        if (CallAccount* call = report_.find(event.call_id)) {
            call->on_session(event);
        } else {
            report_.invitations_.add(fmt::format("{}: {}", ends(event.tuple), session_text(event)));
        }
    }
    void operator()(const alg::OpenEvent& event) {
        ++report_.opened_;
        CallAccount* call = report_.find(event.call_id);
        if (call == nullptr) return;
        report_.by_inside_[event.key.inside].push_back({call, call->on_open(event)});
    }
    void operator()(const alg::CloseEvent& event) {
        CallAccount* call = report_.find(event.call_id);
        if (call == nullptr) return;
        const std::size_t number = call->on_close(event, now_);
        if (number != CallAccount::kNone) report_.forget(event.key.inside, {call, number});
    }
    void operator()(const alg::RefuseEvent& event) {
        ++report_.refused_;
        if (CallAccount* call = report_.find(event.call_id)) {
            call->on_refuse(event, now_);
        } else {
            report_.refusals_.add(detail(event));
        }
    }
    void operator()(const alg::OpaqueEvent& event) {
        report_.opaque_.add(fmt::format("{}: {}", ends(event.tuple), alg::describe(event.reason)));
    }
    void operator()(const alg::RegistrationEvent& event) {
        report_.registrations_[{event.contact, event.tuple.source}] = event.seconds;
    }
    void operator()(const alg::EditEvent& event) {
        ++report_.edited_;
        if (event.declines_compression) report_.declined_.add(ends(event.tuple));
        if (CallAccount* call = report_.find(event.call_id)) call->on_edit(event, report_.diff_, now_);
    }

   private:
    AccountReport& report_;
    alg::TimePoint now_;
};

CallAccount* AccountReport::find(std::string_view call_id) {
    if (call_id.empty()) return nullptr;
    const auto found = by_id_.find(call_ids_.whole(call_id));
    return found == by_id_.end() ? nullptr : found->second;
}

CallAccount* AccountReport::call_of(const alg::MessageEvent& event, alg::TimePoint now) {
    call_ids_.learn(event.call_id);
    if (CallAccount* known = find(event.call_id)) return known;
    if (!belongs_to_call(event.method)) {
        const std::string method = event.request ? printable(event.method, kMethodLongest) : "responses";
        if (other_methods_.size() < kMethodsTold || other_methods_.contains(method)) {
            ++other_methods_[method];
        } else {
            ++other_methods_["more"];
        }
        return nullptr;
    }
    CallAccount* call = calls_.emplace_back(std::make_unique<CallAccount>(event, now)).get();
    by_id_.emplace(std::string(event.call_id), call);
    return call;
}

void AccountReport::forget(const alg::Endpoint& inside, const PinholeOfCall& pinhole) {
    const auto found = by_inside_.find(inside);
    if (found == by_inside_.end()) return;
    auto& pinholes = found->second;
    pinholes.erase(std::remove(pinholes.begin(), pinholes.end(), pinhole), pinholes.end());
    if (pinholes.empty()) by_inside_.erase(found);
}

void AccountReport::begin_capture(const std::string& file) {
    call_ids_ = {};
    calls_.clear();
    by_id_.clear();
    by_inside_.clear();
    registrations_.clear();
    other_methods_.clear();
    invitations_ = {};
    refusals_ = {};
    opaque_ = {};
    declined_ = {};
    opened_ = 0;
    refused_ = 0;
    std::string title;
    append_printable(title, file, file.size());
    fmt::format_to(std::back_inserter(out()), "{}\n{:=>{}}\n\n", title, "", std::min(title.size(), kColumns));
    if (const std::string text = inside_text(); !text.empty()) {
        append_wrapped(out(), "", 2, text);
        if (!inside().hint.empty()) append_wrapped(out(), "", 2, inside().hint);
        out() += '\n';
    }
}

void AccountReport::on_plan(alg::TimePoint now, const alg::Plan& plan) {
    EventTeller teller(*this, now);
    for (const alg::Event& event : plan.events) std::visit(teller, event);
}

void AccountReport::on_media(alg::TimePoint now, const alg::FlowTuple& tuple) {
    const auto pass = [&](const alg::Endpoint& inside, const alg::IpAddress& remote, bool in) {
        const auto found = by_inside_.find(inside);
        if (found == by_inside_.end()) return;
        for (const PinholeOfCall& pinhole : found->second) {
            if (!pinhole.call->admits(pinhole.number, tuple.transport, remote)) continue;
            pinhole.call->on_packet(pinhole.number, in, tuple, now);
        }
    };
    pass(tuple.destination, tuple.source.address, true);
    pass(tuple.source, tuple.destination.address, false);
}

void AccountReport::end_capture(const CaptureSummary& summary) {
    for (const auto& call : calls_) call->finish(out());
    append_registrations();
    append_other_messages();
    invitations_.append(out(), "Invitations outside of calls");
    refusals_.append(out(), "Refused, outside of calls");
    declined_.append(out(), "Offers to compress a connection, made unknown to the other side");
    opaque_.append(out(), "TCP connections that are not SIP, or cannot be followed");
    append_summary(summary);
}

void AccountReport::append_registrations() {
    ShortList list;
    for (const auto& [registration, seconds] : registrations_) {
        std::string line;
        append_endpoint(line, registration.first);
        line += seconds != 0 ? " at " : " no longer at ";
        append_endpoint(line, registration.second);
        if (seconds != 0) fmt::format_to(std::back_inserter(line), ", for {} s", seconds);
        list.add(std::move(line));
    }
    list.append(out(), "Registered");
}

void AccountReport::append_other_messages() {
    if (other_methods_.empty()) return;
    std::string text;
    for (const auto& [method, number] : other_methods_) {
        fmt::format_to(std::back_inserter(text), "{}{} {}", text.empty() ? "" : ", ", method, number);
    }
    out() += "SIP outside of calls\n";
    append_wrapped(out(), "  ", 4, text);
    out() += '\n';
}

void AccountReport::append_summary(const CaptureSummary& summary) {
    if (!summary.error.empty() && summary.frames.frames == 0) {
        append_wrapped(out(), "", 2, "Nothing of it could be read: " + printable(summary.error, 4096));
        out() += '\n';
        return;
    }
    const double seconds = std::chrono::duration<double>(summary.last - summary.first).count();
    append_wrapped(
        out(), "", 2,
        fmt::format("{} in {:.3f} s: {}, {}, {} opened ({} still open), {} refused.",
                    count(summary.frames.packets, "packet"), seconds, count(summary.counters.messages, "SIP message"),
                    count(calls_.size(), "call"), count(opened_, "pinhole"), summary.open_pinholes, refused_));
    const auto left_out = [this](std::uint64_t number, std::string_view noun, std::string_view what) {
        if (number != 0) append_wrapped(out(), "  ", 4, fmt::format("{} {}", count(number, noun), what));
    };
    for (std::size_t i = 0; i < kLeftOutCount; ++i) {
        left_out(summary.frames.left_out.at(i), "frame",
                 fmt::format("left out: {}", describe(static_cast<LeftOut>(i))));
    }
    left_out(summary.datagrams.incomplete, "datagram", "left out: fragments are missing");
    left_out(summary.datagrams.evicted, "datagram", "left out: too many fragments at once");
    left_out(summary.other_packets, "packet", "neither UDP nor TCP, or with a broken header");
    left_out(summary.packets_back, "packet", "with a time before that of an earlier one; taken to be at that time");
    if (summary.counters.messages == 0 && summary.frames.packets != 0 && !policy_.any_sip_port) {
        append_wrapped(out(), "  ", 4, "No SIP on the ports looked at; --sip-port any looks at every flow.");
    }
    if (!summary.error.empty()) {
        append_wrapped(out(), "  ", 4, "The capture could not be read to its end: " + printable(summary.error, 4096));
    }
    out() += '\n';
}

}  // namespace messenger::daemon
