// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/explain/event_lines.h"

#include <variant>

namespace messenger::daemon {

class EventLines::Teller {
   public:
    Teller(EventLines& lines, alg::TimePoint now, bool observed)
        : lines_(lines), writer_(lines.writer_), now_(now), observed_(observed) {}

    void operator()(const alg::MessageEvent& event) {
        if (lines_.call_id_text_ == CallIdText::whole) lines_.call_ids_.learn(event.call_id);
        EventLine line(writer_, "message", now_);
        line.text("transport", name(event.tuple.transport));
        line.ends(event.tuple);
        line.text("summary", summary(event));
        call_id(line, event.call_id);
        line.text("from", event.from);
        line.text("to", event.to);
    }
    void operator()(const alg::MediaEvent& event) {
        EventLine line(writer_, "media", now_);
        line.ends(event.tuple);
        line.text("role", event.answer ? "answer" : "offer");
        line.text("media", event.media);
        line.text("address", event.address);
        line.number("port", event.port);
        line.text("protocol", event.protocol);
        line.text("direction", name(event.direction));
        call_id(line, event.call_id);
    }
    void operator()(const alg::SessionEvent& event) {
        EventLine line(writer_, "session", now_);
        line.ends(event.tuple);
        line.text("kind", alg::name(event.kind));
        line.text("what", event.what);
        if (alg::opens_ports(event.kind)) line.flag("opens_ports");
        call_id(line, event.call_id);
    }
    void operator()(const alg::OpenEvent& event) {
        EventLine line(writer_, "open", now_);
        line.pinhole(event.key, event.purpose);
        line.seconds("timeout", event.timeout);
        if (event.remote_is_private) line.flag("remote_is_private");
        if (observed_) line.flag("observed");
        call_id(line, event.call_id);
    }
    void operator()(const alg::CloseEvent& event) {
        EventLine line(writer_, "close", now_);
        line.pinhole(event.key, event.purpose);
        line.text("reason", alg::name(event.reason));
        if (observed_) line.flag("observed");
        call_id(line, event.call_id);
    }
    void operator()(const alg::RefuseEvent& event) {
        EventLine line(writer_, "refuse", now_);
        line.text("reason", alg::name(event.reason));
        if (event.reason == alg::RefuseReason::not_understood) line.text("error", alg::name(event.error));
        line.text("detail", detail(event));
        line.ends(event.tuple);
        call_id(line, event.call_id);
    }
    void operator()(const alg::OpaqueEvent& event) {
        EventLine line(writer_, "opaque", now_);
        line.ends(event.tuple);
        line.text("reason", alg::name(event.reason));
    }
    void operator()(const alg::RegistrationEvent& event) {
        EventLine line(writer_, "register", now_);
        line.endpoint("contact", event.contact);
        line.ends(event.tuple);
        line.number("seconds", event.seconds);
        call_id(line, event.call_id);
    }

    void operator()(const alg::EditEvent& event) {
        EventLine line(writer_, "edit", now_);
        line.ends(event.tuple);
        line.number("edits", event.edits->size());
        line.changed_lines("lines", alg::changed_lines(*event.edits));
        if (event.declines_compression) line.flag("declines_compression");
        call_id(line, event.call_id);
    }

   private:
    void call_id(EventLine& line, std::string_view id) {
        const bool whole = lines_.call_id_text_ == CallIdText::whole;
        line.text("call_id", whole ? lines_.call_ids_.whole(id) : id.substr(0, alg::kCallIdShown));
    }

    EventLines& lines_;
    JsonWriter& writer_;
    alg::TimePoint now_;
    bool observed_;
};

void EventLines::write(const alg::Event& event, alg::TimePoint time, bool observed) {
    std::visit(Teller(*this, time, observed), event);
}

}  // namespace messenger::daemon
