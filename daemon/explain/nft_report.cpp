// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/explain/nft_report.h"

#include <iterator>

#include <fmt/format.h>

#include "daemon/explain/wire_text.h"
#include "daemon/translate.h"

namespace messenger::daemon {

void NftReport::begin_capture(const std::string& file) {
    out() += "# ";
    append_printable(out(), file, file.size());
    out() += '\n';
    if (const std::string text = inside_text(); !text.empty()) out() += "# " + text + '\n';
}

void NftReport::on_plan(alg::TimePoint now, const alg::Plan& plan) {
    transaction_.clear();
    bool timed_out = false;
    for (const alg::PinholeChange& change : plan.changes) {
        translate(change, transaction_);
        timed_out = timed_out || change.kind == alg::PinholeChange::Kind::forget;
    }
    if (transaction_.empty() && !timed_out) return;
    out() += "# ";
    append_seconds(out(), now.time_since_epoch());
    out() += '\n';
    out() += transaction_.to_nft();
    for (const alg::PinholeChange& change : plan.changes) {
        const auto place = place_of(change.key);
        if (change.kind != alg::PinholeChange::Kind::forget || !place) continue;
        fmt::format_to(std::back_inserter(out()), "# timed out in {}: {}\n", nft::spec_of(place->set).name,
                       place->key.to_string(place->set));
    }
}

void NftReport::end_capture(const CaptureSummary& summary) {
    out() += "# ";
    append_seconds(out(), summary.last.time_since_epoch());
    fmt::format_to(std::back_inserter(out()), " end of the capture, {} pinholes open\n", summary.open_pinholes);
}

}  // namespace messenger::daemon
