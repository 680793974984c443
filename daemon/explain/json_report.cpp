// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/explain/json_report.h"

#include <cstdint>
#include <string_view>
#include <variant>

#include "daemon/explain/wire_text.h"

namespace messenger::daemon {

namespace {

/// One line: an object with "event" first.
class Line {
   public:
    Line(JsonWriter& writer, std::string_view event) : writer_(writer) {
        writer_.begin();
        text("event", event);
    }
    Line(JsonWriter& writer, std::string_view event, alg::TimePoint time) : Line(writer, event) {
        seconds("time", time.time_since_epoch());
    }
    Line(const Line&) = delete;
    Line& operator=(const Line&) = delete;
    Line(Line&&) = delete;
    Line& operator=(Line&&) = delete;
    ~Line() { writer_.end(); }

    void text(std::string_view name, std::string_view bytes) { writer_.text(name, bytes); }
    void number(std::string_view name, std::uint64_t value) { writer_.number(name, value); }
    void seconds(std::string_view name, alg::Duration value) {
        scratch_.clear();
        append_seconds(scratch_, value);
        writer_.raw_number(name, scratch_);
    }
    void flag(std::string_view name) { writer_.flag(name); }
    void endpoint(std::string_view name, const alg::Endpoint& endpoint) {
        scratch_.clear();
        append_endpoint(scratch_, endpoint);
        text(name, scratch_);
    }
    void ends(const alg::FlowTuple& tuple) {
        endpoint("src", tuple.source);
        endpoint("dst", tuple.destination);
    }
    void pinhole(const alg::PinholeKey& pinhole, alg::Purpose purpose) {
        text("proto", name(pinhole.transport));
        endpoint("inside", pinhole.inside);
        scratch_.clear();
        append_remote(scratch_, pinhole);
        text("remote", scratch_);
        scratch_.assign(alg::name(purpose.kind));
        scratch_ += ' ';
        scratch_ += alg::name(purpose.role);
        text("purpose", scratch_);
    }

   private:
    JsonWriter& writer_;
    std::string scratch_;
};

class EventWriter {
   public:
    EventWriter(JsonWriter& writer, alg::TimePoint now, CallIds& call_ids)
        : writer_(writer), now_(now), call_ids_(call_ids) {}

    void operator()(const alg::MessageEvent& event) {
        call_ids_.learn(event.call_id);
        Line line(writer_, "message", now_);
        line.text("transport", name(event.tuple.transport));
        line.ends(event.tuple);
        line.text("summary", summary(event));
        line.text("call_id", event.call_id);
        line.text("from", event.from);
        line.text("to", event.to);
    }
    void operator()(const alg::MediaEvent& event) {
        Line line(writer_, "media", now_);
        line.ends(event.tuple);
        line.text("role", event.answer ? "answer" : "offer");
        line.text("media", event.media);
        line.text("address", event.address);
        line.number("port", event.port);
        line.text("protocol", event.protocol);
        line.text("direction", name(event.direction));
        call_id(line, event.call_id);
    }
    void operator()(const alg::OpenEvent& event) {
        Line line(writer_, "open", now_);
        line.pinhole(event.key, event.purpose);
        line.seconds("timeout", event.timeout);
        if (event.remote_is_private) line.flag("remote_is_private");
        call_id(line, event.call_id);
    }
    void operator()(const alg::CloseEvent& event) {
        Line line(writer_, "close", now_);
        line.pinhole(event.key, event.purpose);
        line.text("reason", alg::name(event.reason));
        call_id(line, event.call_id);
    }
    void operator()(const alg::RefuseEvent& event) {
        Line line(writer_, "refuse", now_);
        line.text("reason", alg::name(event.reason));
        if (event.reason == alg::RefuseReason::not_understood) line.text("error", alg::name(event.error));
        line.text("detail", detail(event));
        line.ends(event.tuple);
        call_id(line, event.call_id);
    }
    void operator()(const alg::OpaqueEvent& event) {
        Line line(writer_, "opaque", now_);
        line.ends(event.tuple);
        line.text("reason", alg::name(event.reason));
    }
    void operator()(const alg::RegistrationEvent& event) {
        Line line(writer_, "register", now_);
        line.endpoint("contact", event.contact);
        line.ends(event.tuple);
        line.number("seconds", event.seconds);
        call_id(line, event.call_id);
    }

   private:
    void call_id(Line& line, std::string_view shown) { line.text("call_id", call_ids_.whole(shown)); }

    JsonWriter& writer_;
    alg::TimePoint now_;
    CallIds& call_ids_;
};

}  // namespace

void JsonReport::begin_capture(const std::string& file) {
    call_ids_ = {};
    Line(writer_, "capture").text("file", file);
}

void JsonReport::on_plan(alg::TimePoint now, const alg::Plan& plan) {
    EventWriter writer(writer_, now, call_ids_);
    for (const alg::Event& event : plan.events) std::visit(writer, event);
}

void JsonReport::end_capture(const CaptureSummary& summary) {
    Line line(writer_, "summary", summary.last);
    line.text("file", summary.file);
    line.number("frames", summary.frames.frames);
    line.number("packets", summary.frames.packets);
    line.number("other_packets", summary.other_packets);
    line.number("messages", summary.counters.messages);
    line.number("not_understood", summary.counters.not_understood);
    line.number("open_calls", summary.open_calls);
    line.number("open_pinholes", summary.open_pinholes);
    for (std::size_t i = 0; i < kLeftOutCount; ++i) {
        const auto count = summary.frames.left_out.at(i);
        if (count != 0) line.number(name(static_cast<LeftOut>(i)), count);
    }
    if (summary.datagrams.incomplete != 0) line.number("incomplete_datagrams", summary.datagrams.incomplete);
    if (!summary.error.empty()) line.text("error", summary.error);
}

}  // namespace messenger::daemon
