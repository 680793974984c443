// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "alg/base/time.h"
#include "alg/nat/changed_lines.h"
#include "alg/plan.h"
#include "daemon/explain/call_ids.h"
#include "daemon/explain/json_writer.h"
#include "daemon/explain/wire_text.h"

namespace messenger::daemon {

/// One line: an object with "event" first. Written field by field: a document tree for each line would take longer than
/// all the rest.
class EventLine {
   public:
    EventLine(JsonWriter& writer, std::string_view event) : writer_(writer) {
        writer_.begin();
        text("event", event);
    }
    EventLine(JsonWriter& writer, std::string_view event, alg::TimePoint time) : EventLine(writer, event) {
        seconds("time", time.time_since_epoch());
    }
    EventLine(const EventLine&) = delete;
    EventLine& operator=(const EventLine&) = delete;
    EventLine(EventLine&&) = delete;
    EventLine& operator=(EventLine&&) = delete;
    ~EventLine() { writer_.end(); }

    void text(std::string_view name, std::string_view bytes) { writer_.text(name, bytes); }
    void number(std::string_view name, std::uint64_t value) { writer_.number(name, value); }
    void seconds(std::string_view name, alg::Duration value) {
        scratch_.clear();
        append_seconds(scratch_, value);
        writer_.raw_number(name, scratch_);
    }
    /// Each with the sign of what it does: "-o=- 0 0 IN IP4 10.1.2.3".
    void changed_lines(std::string_view name, const std::vector<alg::ChangedLine>& lines) {
        writer_.begin_list(name);
        for (const alg::ChangedLine& line : lines) {
            scratch_.clear();
            scratch_ += line.added ? '+' : '-';
            scratch_ += line.text;
            writer_.list_entry(scratch_);
        }
        writer_.end_list();
    }
    void list(std::string_view name, const std::vector<std::string>& entries) {
        writer_.begin_list(name);
        for (const std::string& entry : entries) writer_.list_entry(entry);
        writer_.end_list();
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

/// The engine's events as JSON lines: one object each, with "event" and "time" first. The names of events and fields
/// are stable; packaging/messenger-algctl.8 lists them.
class EventLines {
   public:
    /// How much of a Call-ID is shown. whole: what messages carry, which takes remembering the long ones; shown: at
    /// most alg::kCallIdShown bytes, for who runs for ever.
    enum class CallIdText : std::uint8_t { whole, shown };

    /// out: borrowed; outlives this object.
    EventLines(std::string& out, CallIdText call_id_text) : writer_(out), call_id_text_(call_id_text) {}

    /// observed: what it says of a pinhole was not done, for the daemon only looked on.
    void write(const alg::Event& event, alg::TimePoint time, bool observed = false);
    [[nodiscard]] JsonWriter& writer() { return writer_; }
    /// Another capture begins.
    void forget_call_ids() { call_ids_ = {}; }

   private:
    class Teller;

    JsonWriter writer_;
    CallIdText call_id_text_;
    CallIds call_ids_;
};

}  // namespace messenger::daemon
