// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "daemon/explain/report.h"
#include "nft/transaction.h"

namespace messenger::daemon {

/// The nft commands that the daemon would have executed, with comment lines that say when: input for `nft -f`.
class NftReport final : public Report {
   public:
    using Report::Report;

    void begin_capture(const std::string& file) override;
    void on_plan(alg::TimePoint now, const alg::Plan& plan) override;
    void on_media(alg::TimePoint /*now*/, const alg::FlowTuple& /*tuple*/) override {}
    void end_capture(const CaptureSummary& summary) override;

   private:
    nft::Transaction transaction_;
};

}  // namespace messenger::daemon
