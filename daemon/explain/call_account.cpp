// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/explain/call_account.h"

#include <algorithm>
#include <chrono>
#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "alg/nat/changed_lines.h"
#include "daemon/explain/lines.h"
#include "daemon/explain/wire_text.h"

namespace messenger::daemon {

namespace {

constexpr std::size_t kTimeWidth = 11;     // of "  12345.678"
constexpr std::size_t kDetailIndent = 17;  // of what belongs to the line above
constexpr std::size_t kSummaryWidth = 40;  // of a message's first line, before its ends
constexpr std::size_t kSummaryLongest = 120;
constexpr std::size_t kPartyLongest = 80;

[[nodiscard]] std::string_view why(alg::CloseReason reason, bool used) {
    switch (reason) {
        case alg::CloseReason::bye: return "BYE";
        case alg::CloseReason::cancel: return "CANCEL";
        case alg::CloseReason::failed: return "the request failed";
        case alg::CloseReason::replaced: return "not in the new agreement";
        case alg::CloseReason::fork_lost: return "another branch was answered";
        case alg::CloseReason::timeout: return used ? "silence" : "never used";
        case alg::CloseReason::finished: return "its connection has ended";
        case alg::CloseReason::signed_off: return "the host has signed off";
        case alg::CloseReason::tls_ended: return "the host's TLS connection to its server has ended";
        case alg::CloseReason::expired: return "its time is over";
        case alg::CloseReason::evicted: return "room was needed";
        case alg::CloseReason::by_operator: return "closed by an operator";
        case alg::CloseReason::blocked: return "an operator blocked one of its hosts";
    }
    return alg::name(reason);
}

/// What stands in place of a message where none has closed a pinhole.
[[nodiscard]] std::string_view occasion(alg::CloseReason reason) {
    switch (reason) {
        case alg::CloseReason::timeout: return "(silence)";
        case alg::CloseReason::by_operator:
        case alg::CloseReason::blocked: return "(order)";
        default: return "(time is over)";
    }
}

}  // namespace

std::string format_date(alg::TimePoint time) {
    using namespace std::chrono;
    const auto millis = floor<milliseconds>(time.time_since_epoch());
    const auto whole = floor<seconds>(millis);
    return fmt::format("{:%Y-%m-%d %H:%M:%S}.{:03} UTC", fmt::gmtime(std::time_t{whole.count()}),
                       (millis - whole).count());
}

CallAccount::CallAccount(const alg::MessageEvent& first, alg::TimePoint now, AccountSource source)
    : source_(source),
      call_id_(printable(first.call_id, kPartyLongest)),
      from_(printable(first.from, kPartyLongest)),
      to_(printable(first.to, kPartyLongest)),
      begun_(now) {}

void CallAccount::happens(alg::TimePoint now, std::string_view what) {
    end_repeats();
    const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(now - begun_).count();
    constexpr std::int64_t kPerSecond = 1000;
    append_wrapped(text_, fmt::format("{:>{}}.{:03}  ", millis / kPerSecond, kTimeWidth - 4, millis % kPerSecond),
                   kDetailIndent, what);
    line_time_ = now;
}

void CallAccount::adds(std::string_view what) {
    end_repeats();
    append_wrapped(text_, std::string(kTimeWidth + 4, ' '), kDetailIndent, what);
}

void CallAccount::end_repeats() {
    if (repeats_ == 0) return;
    const std::string times = repeats_ == 1 ? "once more" : fmt::format("{} times more", repeats_);
    repeats_ = 0;
    last_message_.clear();
    adds(fmt::format("(sent {})", times));
}

void CallAccount::on_message(const alg::MessageEvent& event, const alg::Policy& policy, alg::TimePoint now) {
    const alg::FlowTuple& tuple = event.tuple;
    has_invite_ = has_invite_ || (event.request && event.method == "INVITE");
    any_inside_ = any_inside_ || policy.inside.contains(tuple.source.address) ||
                  policy.inside.contains(tuple.destination.address);
    const std::string what = printable(summary(event), kSummaryLongest);
    std::string ends;
    append_endpoint(ends, tuple.source);
    ends += " > ";
    append_endpoint(ends, tuple.destination);
    if (tuple.transport == alg::Transport::tcp) ends += " tcp";
    std::string line = what;
    if (line.size() < kSummaryWidth) line.resize(kSummaryWidth, ' ');
    line += ' ';
    line += ends;
    if (line == last_message_) {
        ++repeats_;
        return;
    }
    if (kTimeWidth + 2 + line.size() <= kColumns) {
        happens(now, line);
    } else {
        happens(now, what);
        adds(ends);
    }
    last_message_ = std::move(line);
}

void CallAccount::on_media_line(const alg::MediaEvent& event) {
    (event.answer ? answered_ : offered_) = true;
    const std::string_view verb = event.answer ? "answers" : "offers";
    const std::string media = printable(event.media, kPartyLongest);
    if (event.port == 0) {
        adds(fmt::format("{} no {} (port 0)", verb, media));
        return;
    }
    adds(fmt::format("{} {} at {} port {} ({}, {})", verb, media, printable(event.address, kPartyLongest), event.port,
                     printable(event.protocol, kPartyLongest), name(event.direction)));
}

void CallAccount::on_session(const alg::SessionEvent& event) {
    // An m= line says it all for audio and video; the others have names that SIP does not show.
    if (event.kind != alg::SessionKind::audio_video) adds("SESSION " + session_text(event));
}

std::size_t CallAccount::on_open(const alg::OpenEvent& event, bool observed) {
    Pinhole& pinhole = pinholes_.emplace_back(Pinhole{event.key, event.purpose});
    pinhole.observed = observed;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(event.timeout).count();
    adds(fmt::format("{} {}; waits {} s", observed ? "WOULD OPEN " : "OPENS ", title(pinhole), seconds));
    if (event.remote_is_private) {
        adds("       to any remote, because the peer announces a private address but is not in a private network");
    }
    return pinholes_.size() - 1;
}

std::size_t CallAccount::on_close(const alg::CloseEvent& event, alg::TimePoint now) {
    const auto found = std::find_if(pinholes_.begin(), pinholes_.end(), [&event](const Pinhole& pinhole) {
        return pinhole.open && pinhole.key == event.key;
    });
    if (found == pinholes_.end()) return kNone;
    found->open = false;
    if (now != line_time_) happens(now, occasion(event.reason));
    const bool used = found->in + found->out > 0;
    adds(fmt::format("{} {}; {}; {}", found->observed ? "WOULD CLOSE" : "CLOSES", title(*found),
                     why(event.reason, used), traffic(*found)));
    return static_cast<std::size_t>(found - pinholes_.begin());
}

void CallAccount::on_refuse(const alg::RefuseEvent& event, alg::TimePoint now) {
    refused_ = true;
    const std::string text = "REFUSES: " + detail(event);
    if (now == line_time_) {
        adds(text);
    } else {
        happens(now, text);
    }
}

void CallAccount::on_edit(const alg::EditEvent& event, bool lines, alg::TimePoint now) {
    const std::size_t count = event.edits->size();
    const std::string text =
        fmt::format("NAT: leaves the gateway with {} change{}{}", count, count == 1 ? "" : "s", lines ? ":" : "");
    if (now == line_time_) {
        adds(text);
    } else {
        happens(now, text);
    }
    if (!lines) return;
    for (const alg::ChangedLine& line : alg::changed_lines(*event.edits)) {
        adds((line.added ? "+ " : "- ") + printable(line.text));
    }
}

void CallAccount::on_packet(std::size_t pinhole, bool in, const alg::FlowTuple& tuple, alg::TimePoint now) {
    Pinhole& through = pinholes_.at(pinhole);
    std::uint64_t& packets = in ? through.in : through.out;
    if (++packets > 1) return;
    std::string line =
        fmt::format("{} {}: first packet ", alg::name(through.purpose.kind), alg::name(through.purpose.role));
    append_endpoint(line, tuple.source);
    line += " > ";
    append_endpoint(line, tuple.destination);
    if (line == first_packet_) return;  // the way out of one inside host and the way in to the other
    happens(now, line);
    first_packet_ = std::move(line);
}

void CallAccount::on_traffic(std::size_t pinhole, const Traffic& in, const Traffic& out) {
    Pinhole& through = pinholes_.at(pinhole);
    through.in = in.packets;
    through.out = out.packets;
    through.bytes_in = in.bytes;
    through.bytes_out = out.bytes;
}

void CallAccount::on_remark(std::string_view text, alg::TimePoint now) {
    happens(now, text);
}

bool CallAccount::admits(std::size_t pinhole, alg::Transport transport, const alg::IpAddress& remote) const {
    const alg::PinholeKey& key = pinholes_.at(pinhole).key;
    return key.transport == transport && (key.any_remote || key.remote == remote);
}

std::string CallAccount::title(const Pinhole& pinhole) const {
    std::string text;
    append_endpoint(text, pinhole.key.inside);
    const std::string from = pinhole.key.any_remote ? "any host" : pinhole.key.remote.to_string();
    return fmt::format("{}/{} to {}: {} {}", text, name(pinhole.key.transport), from, alg::name(pinhole.purpose.kind),
                       alg::name(pinhole.purpose.role));
}

std::string CallAccount::traffic(const Pinhole& pinhole) {
    if (pinhole.in + pinhole.out == 0) return "no packets";
    if (pinhole.bytes_in + pinhole.bytes_out == 0) return fmt::format("{} in, {} out", pinhole.in, pinhole.out);
    return fmt::format("{} ({} bytes) in, {} ({} bytes) out", count(pinhole.in, "packet"), pinhole.bytes_in,
                       count(pinhole.out, "packet"), pinhole.bytes_out);
}

std::string_view CallAccount::note() const {
    if (!pinholes_.empty() || refused_) return {};
    if (source_ == AccountSource::daemon) {
        if (offered_ && !answered_) return "Nothing was opened: the offer was not answered.";
        return "Nothing was opened: no inside host is to receive anything.";
    }
    if (!any_inside_) return "Neither end is an inside host (see --inside), so there is nobody to open a port for.";
    if (offered_ && !answered_) return "Nothing was opened: the offer was not answered.";
    if (answered_) return "Nothing was opened: no inside host is to receive anything.";
    if (!has_invite_) return "Nothing was opened: the capture does not hold the beginning of this call.";
    return "Nothing was opened: no session description was seen.";
}

void CallAccount::finish(std::string& out) {
    end_repeats();
    for (const Pinhole& pinhole : pinholes_) {
        if (!pinhole.open) continue;
        const std::string_view state = pinhole.observed                    ? "would be open now"
                                       : source_ == AccountSource::capture ? "still open at the end of the capture"
                                                                           : "open now";
        append_wrapped(text_, std::string(kTimeWidth + 2, ' '), kDetailIndent,
                       fmt::format("{}: {}; {}", state, title(pinhole), traffic(pinhole)));
    }
    append_wrapped(out, "Call ", 4, call_id_);
    append_wrapped(out, "  ", 4, fmt::format("from {}", from_));
    append_wrapped(out, "  ", 4, fmt::format("to   {}", to_));
    append_wrapped(out, "  ", 4, format_date(begun_));
    out += text_;
    if (const std::string_view why_nothing = note(); !why_nothing.empty()) append_wrapped(out, "  ", 4, why_nothing);
    out += '\n';
}

}  // namespace messenger::daemon
