// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/journal/call_story.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "daemon/explain/call_account.h"
#include "daemon/explain/event_lines.h"
#include "daemon/journal/one_way.h"
#include "daemon/process/clock.h"

namespace messenger::daemon {

namespace {

using nlohmann::json;

[[nodiscard]] std::int64_t whole_seconds(alg::Duration duration) {
    return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

/// Since 1970.
[[nodiscard]] std::int64_t wall_seconds(alg::TimePoint time) {
    return whole_seconds(to_wall_clock(time).time_since_epoch());
}

[[nodiscard]] std::string_view state_of(const alg::Call* call) {
    if (call == nullptr || !call->alive()) return "ended";
    const auto is_in = [call](alg::Dialog::State state) {
        return std::any_of(call->dialogs.begin(), call->dialogs.end(),
                           [state](const alg::Dialog& dialog) { return dialog.state == state; });
    };
    if (is_in(alg::Dialog::State::confirmed)) return "up";
    return is_in(alg::Dialog::State::early) ? "ringing" : "calling";
}

[[nodiscard]] json describe_one_way(const OneWay& one_way, alg::TimePoint now) {
    return {{"silent", name(one_way.silent)},
            {"cause", name(one_way.cause)},
            {"text", describe(one_way.silent, one_way.cause)},
            {"seconds", whole_seconds(now - one_way.since)}};
}

/// The engine's view of the same pinhole, for its exact other end.
[[nodiscard]] const alg::OpenPinhole* find_open(const alg::Call* call, const alg::PinholeKey& key) {
    if (call == nullptr) return nullptr;
    const auto found = std::find_if(call->open.begin(), call->open.end(),
                                    [&key](const alg::OpenPinhole& open) { return open.key == key; });
    return found == call->open.end() ? nullptr : &*found;
}

[[nodiscard]] json describe_stream(const PinholeRecord& pinhole, const alg::Call* call, alg::TimePoint now) {
    const alg::OpenPinhole* open = find_open(call, pinhole.key);
    std::string remote = pinhole.key.any_remote ? "*" : pinhole.key.remote.to_string();
    if (open != nullptr && open->remote_port != 0 && !pinhole.key.any_remote) {
        remote = alg::Endpoint{pinhole.key.remote, open->remote_port}.to_string();
    }
    json object = {{"kind", alg::name(pinhole.purpose.kind)},
                   {"role", alg::name(pinhole.purpose.role)},
                   {"proto", pinhole.key.transport == alg::Transport::tcp ? "tcp" : "udp"},
                   {"inside", pinhole.key.inside.to_string()},
                   {"remote", std::move(remote)},
                   {"open", pinhole.open},
                   {"observed", pinhole.observed},
                   {"on_hold", open != nullptr && open->on_hold},
                   {"in", describe_counter(pinhole.traffic.inbound)},
                   {"out", describe_counter(pinhole.traffic.outbound)}};
    if (pinhole.one_way.reported) object["one_way"] = describe_one_way(*pinhole.one_way.reported, now);
    return object;
}

/// Finds the record's pinholes beside the events that open and close them, in the order of these.
class PinholesOfEvents {
   public:
    explicit PinholesOfEvents(const CallRecord& record) : pinholes_(record.pinholes) {}

    /// nullptr if the record does not have it.
    [[nodiscard]] const PinholeRecord* opened(const alg::PinholeKey& key) {
        while (next_ < pinholes_.size() && pinholes_[next_].key != key) ++next_;
        if (next_ == pinholes_.size()) return nullptr;
        open_.push_back(&pinholes_[next_]);
        return &pinholes_[next_++];
    }
    [[nodiscard]] const PinholeRecord* closed(const alg::PinholeKey& key) {
        const auto found =
            std::find_if(open_.begin(), open_.end(), [&key](const PinholeRecord* one) { return one->key == key; });
        if (found == open_.end()) return nullptr;
        const PinholeRecord* pinhole = *found;
        open_.erase(found);
        return pinhole;
    }

   private:
    const std::vector<PinholeRecord>& pinholes_;
    std::size_t next_ = 0;
    std::vector<const PinholeRecord*> open_;
};

/// Visits the events with the record's pinholes beside those that open them.
class Replay {
   public:
    explicit Replay(const CallRecord& record)
        : record_(record), pinholes_(record), account_(first(record), begun(), AccountSource::daemon) {}

    void operator()(const alg::MessageEvent& event, alg::TimePoint at) { account_.on_message(event, policy_, at); }
    void operator()(const alg::MediaEvent& event, alg::TimePoint /*at*/) { account_.on_media_line(event); }
    void operator()(const alg::SessionEvent& event, alg::TimePoint /*at*/) { account_.on_session(event); }
    void operator()(const alg::OpenEvent& event, alg::TimePoint at) {
        const PinholeRecord* pinhole = pinholes_.opened(event.key);
        const bool observed = pinhole != nullptr && pinhole->observed;
        const std::size_t number = account_.on_open(event, observed);
        if (pinhole == nullptr) return;
        if (observed) account_.on_remark("(not done: the daemon only looked on)", at);
        const nft::Traffic& traffic = pinhole->traffic;
        account_.on_traffic(number, {traffic.inbound.packets, traffic.inbound.bytes},
                            {traffic.outbound.packets, traffic.outbound.bytes});
    }
    void operator()(const alg::CloseEvent& event, alg::TimePoint at) {
        static_cast<void>(account_.on_close(event, at));
    }
    void operator()(const alg::RefuseEvent& event, alg::TimePoint at) { account_.on_refuse(event, at); }
    void operator()(const alg::EditEvent& event, alg::TimePoint at) { account_.on_edit(event, true, at); }
    template <class Other>
    void operator()(const Other& /*event*/, alg::TimePoint /*at*/) {}

    [[nodiscard]] CallAccount& account() { return account_; }

   private:
    [[nodiscard]] static alg::MessageEvent first(const CallRecord& record) {
        alg::MessageEvent event;
        event.call_id = record.call_id;
        event.from = record.from;
        event.to = record.to;
        return event;
    }
    [[nodiscard]] alg::TimePoint begun() const { return to_wall_clock(record_.begun); }

    const CallRecord& record_;
    PinholesOfEvents pinholes_;
    alg::Policy policy_;
    CallAccount account_;
};

}  // namespace

json describe_counter(const nft::Counter& counter) {
    return {{"packets", counter.packets}, {"bytes", counter.bytes}};
}

json describe_call(const CallJournal& journal, const CallRecord& record, alg::TimePoint now) {
    const alg::Call* call = journal.engine_call(record);
    json streams = json::array();
    bool one_way = false;
    for (const PinholeRecord& pinhole : record.pinholes) {
        if (!pinhole.open && call != nullptr && call->alive()) continue;
        one_way = one_way || pinhole.one_way.reported.has_value();
        streams.push_back(describe_stream(pinhole, call, now));
    }
    const bool live = call != nullptr && call->alive();
    json blocked = json::array();
    if (live) {
        for (const alg::IpAddress& host : journal.blocked_hosts(record)) blocked.push_back(host.to_string());
    }
    return {{"id", record.call_id},
            {"from", record.from},
            {"to", record.to},
            {"inside", record.inside.to_string()},
            {"peer", record.peer.to_string()},
            {"state", state_of(call)},
            {"age_seconds", whole_seconds((live ? now : record.last) - record.begun)},
            {"began", wall_seconds(record.begun)},
            {"ended", live ? json(nullptr) : json(wall_seconds(record.last))},
            {"restored", record.restored},
            {"closed_by_operator", live && call->closed_by_operator},
            {"blocked", std::move(blocked)},
            {"one_way", one_way},
            {"streams", std::move(streams)}};
}

std::string tell_call(const CallRecord& record) {
    Replay replay(record);
    const alg::Duration shift = to_wall_clock(record.begun) - record.begun;
    if (record.restored) {
        replay.account().on_remark("taken over from before a restart of the daemon", record.begun + shift);
    }
    record.events.replay(record.names(), [&](alg::TimePoint at, const alg::Event& event) {
        std::visit([&](const auto& one) { replay(one, at + shift); }, event);
    });
    for (const PinholeRecord& pinhole : record.pinholes) {
        if (!pinhole.one_way.reported) continue;
        const OneWay& one_way = *pinhole.one_way.reported;
        replay.account().on_remark("ONE WAY: " + std::string(describe(one_way.silent, one_way.cause)),
                                   one_way.since + shift);
    }
    if (record.events.left_out() != 0) {
        replay.account().on_remark(std::to_string(record.events.left_out()) + " more events were not kept",
                                   record.last + shift);
    }
    std::string text;
    replay.account().finish(text);
    return text;
}

std::string call_event_lines(const CallRecord& record) {
    std::string text;
    EventLines lines(text, EventLines::CallIdText::shown);
    const alg::Duration shift = to_wall_clock(record.begun) - record.begun;
    PinholesOfEvents pinholes(record);
    record.events.replay(record.names(), [&](alg::TimePoint at, const alg::Event& event) {
        const PinholeRecord* pinhole = nullptr;
        if (const auto* open = std::get_if<alg::OpenEvent>(&event)) pinhole = pinholes.opened(open->key);
        if (const auto* close = std::get_if<alg::CloseEvent>(&event)) pinhole = pinholes.closed(close->key);
        lines.write(event, at + shift, pinhole != nullptr && pinhole->observed);
    });
    return text;
}

}  // namespace messenger::daemon
