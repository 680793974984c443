// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "alg/base/time.h"
#include "alg/plan.h"
#include "alg/policy.h"

namespace messenger::daemon {

/// What an account is made from: of a capture it is known only what the capture holds.
enum class AccountSource : std::uint8_t { capture, daemon };

/// What happened in one call, told in order as it happens.
class CallAccount {
   public:
    /// first: the message that the call is met with.
    CallAccount(const alg::MessageEvent& first, alg::TimePoint now, AccountSource source = AccountSource::capture);

    void on_message(const alg::MessageEvent& event, const alg::Policy& policy, alg::TimePoint now);
    void on_media_line(const alg::MediaEvent& event);
    void on_session(const alg::SessionEvent& event);
    /// Returns a number for the pinhole, by which its packets are reported. observed: it was not opened, for the daemon
    /// only looked on.
    [[nodiscard]] std::size_t on_open(const alg::OpenEvent& event, bool observed = false);
    /// Returns the number of the pinhole that has closed; kNone if it never opened.
    [[nodiscard]] std::size_t on_close(const alg::CloseEvent& event, alg::TimePoint now);
    void on_refuse(const alg::RefuseEvent& event, alg::TimePoint now);
    /// lines: show what changes.
    void on_edit(const alg::EditEvent& event, bool lines, alg::TimePoint now);
    /// A packet through a pinhole of this call, in if it is towards the inside host.
    void on_packet(std::size_t pinhole, bool in, const alg::FlowTuple& tuple, alg::TimePoint now);

    /// The same for many packets at once, of which only the sum is known.
    struct Traffic {
        std::uint64_t packets = 0;
        std::uint64_t bytes = 0;
    };
    void on_traffic(std::size_t pinhole, const Traffic& in, const Traffic& out);
    /// Something that is no event of the engine's, as a sentence of ours.
    void on_remark(std::string_view text, alg::TimePoint now);

    [[nodiscard]] bool admits(std::size_t pinhole, alg::Transport transport, const alg::IpAddress& remote) const;

    /// Appends the account to out.
    void finish(std::string& out);

    static constexpr std::size_t kNone = SIZE_MAX;

   private:
    struct Pinhole {
        alg::PinholeKey key;
        alg::Purpose purpose;
        std::uint64_t in = 0;
        std::uint64_t out = 0;
        std::uint64_t bytes_in = 0;  ///< known of the daemon's calls only
        std::uint64_t bytes_out = 0;
        bool open = true;
        bool observed = false;
    };

    /// The line of something that happens now, and the lines below it that say more.
    void happens(alg::TimePoint now, std::string_view what);
    void adds(std::string_view what);
    void end_repeats();
    [[nodiscard]] std::string title(const Pinhole& pinhole) const;
    [[nodiscard]] static std::string traffic(const Pinhole& pinhole);
    [[nodiscard]] std::string_view note() const;

    AccountSource source_;
    std::string call_id_;
    std::string from_;
    std::string to_;
    alg::TimePoint begun_;
    alg::TimePoint line_time_;  ///< of the last line with a time
    std::string text_;
    std::string last_message_;
    std::string first_packet_;  ///< the last such line
    std::size_t repeats_ = 0;   ///< of last_message_, not yet told
    std::vector<Pinhole> pinholes_;
    bool has_invite_ = false;
    bool any_inside_ = false;
    bool offered_ = false;
    bool answered_ = false;
    bool refused_ = false;
};

/// "2026-03-01 10:00:00.123 UTC".
[[nodiscard]] std::string format_date(alg::TimePoint time);

}  // namespace messenger::daemon
