// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "alg/net/hash.h"
#include "alg/policy.h"
#include "daemon/explain/call_account.h"
#include "daemon/explain/call_ids.h"
#include "daemon/explain/report.h"

namespace messenger::daemon {

/// For people: each call in one piece, in the order in which the calls begin; then what belongs to no call, and a
/// summary. A call's account is complete at the end of the capture only, so all of them are kept until then.
class AccountReport final : public Report {
   public:
    /// diff: every line that an edit changes is shown.
    AccountReport(std::string& out, const alg::Policy& policy, bool diff, const alg::HashKey& secret)
        : Report(out),
          policy_(policy),
          diff_(diff),
          by_id_(0, alg::KeyedHash{secret}),
          by_inside_(0, alg::KeyedHash{secret}) {}

    void begin_capture(const std::string& file) override;
    void on_plan(alg::TimePoint now, const alg::Plan& plan) override;
    void on_media(alg::TimePoint now, const alg::FlowTuple& tuple) override;
    void end_capture(const CaptureSummary& summary) override;

   private:
    struct PinholeOfCall {
        CallAccount* call = nullptr;
        std::size_t number = 0;
        bool operator==(const PinholeOfCall&) const = default;
    };
    using Registration = std::pair<alg::Endpoint, alg::Endpoint>;  ///< contact, registrar
    /// A list of which only the beginning is told, each line once.
    struct ShortList {
        struct Entry {
            std::string line;
            std::size_t times = 1;
        };
        std::vector<Entry> entries;
        std::size_t left_out = 0;
        void add(std::string line);
        void append(std::string& out, std::string_view heading) const;
    };
    class EventTeller;

    [[nodiscard]] CallAccount* find(std::string_view call_id);
    [[nodiscard]] CallAccount* call_of(const alg::MessageEvent& event, alg::TimePoint now);
    void forget(const alg::Endpoint& inside, const PinholeOfCall& pinhole);
    void append_registrations();
    void append_other_messages();
    void append_summary(const CaptureSummary& summary);

    const alg::Policy& policy_;
    bool diff_;
    CallIds call_ids_;
    std::vector<std::unique_ptr<CallAccount>> calls_;
    std::unordered_map<std::string, CallAccount*, alg::KeyedHash, std::equal_to<>> by_id_;
    std::unordered_map<alg::Endpoint, std::vector<PinholeOfCall>, alg::KeyedHash> by_inside_;
    std::map<Registration, std::uint32_t> registrations_;            ///< with the seconds last granted
    std::map<std::string, std::size_t, std::less<>> other_methods_;  ///< requests outside of calls
    ShortList invitations_;
    ShortList refusals_;  ///< outside of calls
    ShortList opaque_;
    ShortList declined_;
    std::size_t opened_ = 0;
    std::size_t refused_ = 0;
    std::size_t edited_ = 0;  ///< messages
};

}  // namespace messenger::daemon
