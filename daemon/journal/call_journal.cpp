// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/journal/call_journal.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <utility>
#include <variant>

#include "alg/call/dialog.h"

namespace messenger::daemon {

namespace {

constexpr std::size_t kNameLongest = 160;  // of From and To
constexpr std::size_t kFirstEvents = 1024;
constexpr std::size_t kMostPinholes = 1024;  // of one call, over all its life
constexpr int kLookedAt = 4;                 // records for each new one, in search of one that has ended
constexpr std::size_t kHexDigits = 16;
constexpr std::size_t kNodes = 2 * sizeof(void*) + 64;  // of list and hash table, about

[[nodiscard]] std::string_view shown_part(std::string_view call_id) {
    return call_id.substr(0, alg::kCallIdShown);
}

[[nodiscard]] std::string to_hex(std::uint64_t number) {
    std::array<char, kHexDigits> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr;
    std::string text(digits.data(), end);
    return text.insert(0, kHexDigits - text.size(), '0');
}

}  // namespace

/// Gives each event of a plan to the record that it belongs to.
class CallJournal::Recorder {
   public:
    Recorder(CallJournal& journal, const alg::Event& event, alg::TimePoint now)
        : journal_(journal), event_(event), now_(now) {}

    void operator()(const alg::MessageEvent& event) {
        if (CallRecord* record = journal_.record_of(event, now_)) journal_.append(*record, event_, now_);
    }
    void operator()(const alg::MediaEvent& event) { append(event.call_id); }
    void operator()(const alg::SessionEvent& event) { append(event.call_id); }
    void operator()(const alg::RefuseEvent& event) { append(event.call_id); }
    void operator()(const alg::EditEvent& event) { append(event.call_id); }
    void operator()(const alg::OpenEvent& event) {
        CallRecord* record = owner(event.call_id, event.key);
        if (record == nullptr || record->pinholes.size() >= kMostPinholes) return;
        PinholeRecord pinhole;
        pinhole.key = event.key;
        pinhole.purpose = event.purpose;
        pinhole.remote_is_private = event.remote_is_private;
        pinhole.observed = journal_.observing_;
        pinhole.opened = now_;
        record->pinholes.push_back(pinhole);
        journal_.append(*record, event_, now_);
        journal_.listener_.on_open(*record, record->pinholes.size() - 1);
    }
    void operator()(const alg::CloseEvent& event) {
        CallRecord* record = owner(event.call_id, event.key);
        if (record == nullptr) return;
        journal_.append(*record, event_, now_);
        auto& pinholes = record->pinholes;
        const auto found = std::find_if(pinholes.begin(), pinholes.end(), [&event](const PinholeRecord& pinhole) {
            return pinhole.open && pinhole.key == event.key;
        });
        if (found == pinholes.end()) return;
        found->open = false;
        journal_.listener_.on_close(*record, static_cast<std::size_t>(found - pinholes.begin()));
    }
    void operator()(const alg::OpaqueEvent& /*event*/) {}
    void operator()(const alg::RegistrationEvent& /*event*/) {}

   private:
    [[nodiscard]] CallRecord* owner(std::string_view call_id, const alg::PinholeKey& key) {
        return call_id.empty() ? journal_.find_nameless(key) : journal_.find_exactly(call_id);
    }
    void append(std::string_view call_id) {
        if (CallRecord* record = journal_.find_exactly(call_id)) journal_.append(*record, event_, now_);
    }

    CallJournal& journal_;
    const alg::Event& event_;
    alg::TimePoint now_;
};

void CallJournal::on_plan(const alg::Plan& plan, alg::TimePoint now) {
    for (const alg::Event& event : plan.events) std::visit(Recorder(*this, event, now), event);
}

CallRecord* CallJournal::record_of(const alg::MessageEvent& event, alg::TimePoint now) {
    if (event.call_id.empty()) return nullptr;
    if (CallRecord* known = find_exactly(event.call_id)) return known;
    // Only what the engine follows as a call: others' SIP passes here, too, and every scanner's.
    const alg::Policy& policy = engine_.policy();
    const bool from_inside = policy.inside.contains(event.tuple.source.address);
    const bool ours = from_inside || policy.inside.contains(event.tuple.destination.address);
    const bool begins = event.request && (event.method == "INVITE" || event.method == "UPDATE");
    CallRecord* nameless = nullptr;
    if (nameless_ != 0) nameless = find(alg::make_call_key(event.call_id), {});
    if (nameless == nullptr && !(ours && begins)) return nullptr;
    CallRecord* record = nameless;
    if (record != nullptr) {
        record->call_id = shown_part(event.call_id);
        by_id_.insert_or_assign(record->call_id,
                                std::find_if(records_.begin(), records_.end(),
                                             [record](const CallRecord& known) { return &known == record; }));
    } else {
        record = add(event.call_id, now);
    }
    if (record == nullptr) return nullptr;
    record->key = alg::make_call_key(event.call_id);
    record->from = event.from.substr(0, kNameLongest);
    record->to = event.to.substr(0, kNameLongest);
    record->inside = from_inside ? event.tuple.source.address : event.tuple.destination.address;
    record->peer = from_inside ? event.tuple.destination.address : event.tuple.source.address;
    charge(*record);
    return record;
}

CallRecord* CallJournal::add(std::string_view call_id, alg::TimePoint now) {
    make_room();
    if (memory_ >= limits_.bytes) {
        ++counters_.left_out;
        return nullptr;
    }
    ++counters_.calls;
    CallRecord& record = records_.emplace_back();
    record.call_id = shown_part(call_id);
    record.begun = now;
    record.last = now;
    if (!call_id.empty()) by_id_.insert_or_assign(record.call_id, std::prev(records_.end()));
    charge(record);
    return &record;
}

/// Lets go of what has ended, if there is too much of it. To know which has, each must be asked for in the engine, so
/// only a few are looked at each time; one that lives goes to the end of the list, and the next time others come first.
void CallJournal::make_room() {
    for (int i = 0; i < kLookedAt && !records_.empty(); ++i) {
        if (records_.size() < engine_.calls().size() + limits_.recent_calls && memory_ < limits_.bytes) return;
        if (engine_call(records_.front()) != nullptr || records_.front().has_open_pinhole()) {
            records_.splice(records_.end(), records_, records_.begin());
        } else {
            erase(records_.begin());
        }
    }
}

void CallJournal::erase(Records::iterator record) {
    listener_.forget(*record);
    if (!record->call_id.empty()) by_id_.erase(record->call_id);
    if (record->named_late) --nameless_;
    memory_ -= record->memory;
    records_.erase(record);
}

void CallJournal::append(CallRecord& record, const alg::Event& event, alg::TimePoint now) {
    record.last = now;
    // What is left of a full journal belongs to the calls that are in it already.
    const bool full = memory_ >= limits_.bytes;
    if (!full && record.events.memory() < kFirstEvents) record.events.reserve(kFirstEvents);
    record.events.append(event, now, full ? 0 : limits_.bytes_per_call);
    charge(record);
}

void CallJournal::charge(CallRecord& record) {
    const std::size_t memory = sizeof record + kNodes + record.call_id.capacity() + record.from.capacity() +
                               record.to.capacity() + record.events.memory() +
                               record.pinholes.capacity() * sizeof(PinholeRecord);
    memory_ += memory - record.memory;
    record.memory = memory;
}

void CallJournal::set_observing(bool observing) {
    observing_ = observing;
    if (observing) return;
    for (CallRecord& record : records_) {
        for (PinholeRecord& pinhole : record.pinholes) pinhole.observed = pinhole.observed && !pinhole.open;
    }
}

void CallJournal::adopt(alg::TimePoint now) {
    for (const auto& [key, call] : engine_.calls().all()) {
        CallRecord* record = add(call.id(), now);
        if (record == nullptr) return;
        record->key = key;
        record->named_late = call.id().empty();
        nameless_ += record->named_late ? 1U : 0U;
        record->inside = call.charged_to;
        record->restored = true;
        record->pinholes.reserve(call.open.size());
        for (const alg::OpenPinhole& open : call.open) {
            PinholeRecord pinhole;
            pinhole.key = open.key;
            pinhole.purpose = open.purpose;
            pinhole.opened = now;
            record->pinholes.push_back(pinhole);
            if (!open.key.any_remote) record->peer = open.key.remote;
        }
        // The kernel lists them in the order of a hash table.
        std::sort(record->pinholes.begin(), record->pinholes.end(),
                  [](const PinholeRecord& a, const PinholeRecord& b) { return a.key < b.key; });
        charge(*record);
        for (std::size_t i = 0; i < record->pinholes.size(); ++i) listener_.on_open(*record, i);
    }
}

CallRecord* CallJournal::find_exactly(std::string_view call_id) {
    if (call_id.empty()) return nullptr;
    const auto found = by_id_.find(shown_part(call_id));
    return found == by_id_.end() ? nullptr : &*found->second;
}

CallRecord* CallJournal::find_nameless(const alg::PinholeKey& key) {
    if (nameless_ == 0) return nullptr;
    for (CallRecord& record : records_) {
        const alg::Call* call = record.named_late ? engine_call(record) : nullptr;
        const auto& pinholes = record.pinholes;
        const bool has = std::any_of(pinholes.begin(), pinholes.end(), [&key](const PinholeRecord& pinhole) {
            return pinhole.open && pinhole.key == key;
        });
        if (record.named_late && (has || (call != nullptr && call->charged_to == key.inside.address))) return &record;
    }
    return nullptr;
}

CallRecord* CallJournal::find(std::uint64_t key, std::string_view call_id) {
    if (CallRecord* known = find_exactly(call_id)) return known;
    for (CallRecord& record : records_) {
        if (record.named_late && record.key == key) return &record;
    }
    return nullptr;
}

CallRecord* CallJournal::find(std::string_view name, bool* ambiguous) {
    if (ambiguous != nullptr) *ambiguous = false;
    if (name.empty()) return nullptr;
    if (CallRecord* known = find_exactly(name)) return known;
    CallRecord* found = nullptr;
    for (CallRecord& record : records_) {
        const bool begins = !record.call_id.empty() && std::string_view(record.call_id).substr(0, name.size()) == name;
        if (!begins && to_hex(record.key) != name) continue;
        if (found != nullptr) {
            if (ambiguous != nullptr) *ambiguous = true;
            return nullptr;
        }
        found = &record;
    }
    return found;
}

const alg::Call* CallJournal::engine_call(const CallRecord& record) const {
    return engine_.calls().find(record.key);
}

bool CallJournal::is_live(const CallRecord& record) const {
    const alg::Call* call = engine_call(record);
    return call != nullptr && call->alive();
}

std::vector<alg::IpAddress> CallJournal::blocked_hosts(const CallRecord& record) const {
    const alg::Call* call = engine_call(record);
    std::vector<alg::IpAddress> hosts;
    for (const alg::IpAddress& host : engine_.policy().blocked) {
        const auto has = [&host](const alg::Dialog& dialog) {
            return dialog.has_host(host) ||
                   std::find(dialog.peers.begin(), dialog.peers.end(), host) != dialog.peers.end();
        };
        const bool takes_part = record.inside == host || record.peer == host ||
                                (call != nullptr && std::any_of(call->dialogs.begin(), call->dialogs.end(), has));
        if (takes_part) hosts.push_back(host);
    }
    return hosts;
}

}  // namespace messenger::daemon
