// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/explain/explain.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <random>
#include <system_error>

#include <fmt/format.h>

#include "daemon/capture/packet_source.h"
#include "daemon/explain/account_report.h"
#include "daemon/explain/capture_run.h"
#include "daemon/explain/json_report.h"
#include "daemon/explain/nft_report.h"
#include "daemon/explain/wire_text.h"

namespace messenger::daemon {

namespace {

constexpr std::size_t kFlushAt = std::size_t{256} * 1024;

/// A capture may have been made to be slow to read, too.
[[nodiscard]] alg::HashKey random_key() {
    std::random_device device;
    const auto half = [&device] { return (std::uint64_t{device()} << 32U) | device(); };
    return {half(), half()};
}

/// The report's text on its way to a stream, in big pieces.
class Output {
   public:
    explicit Output(std::FILE* to) : to_(to) { text_.reserve(2 * kFlushAt); }

    [[nodiscard]] std::string& text() { return text_; }
    void flush_if_large() {
        if (text_.size() >= kFlushAt) flush();
    }
    void flush() {
        if (!failure_ && (std::fwrite(text_.data(), 1, text_.size(), to_) != text_.size() || std::fflush(to_) != 0)) {
            failure_ = std::error_code(errno, std::generic_category());
        }
        text_.clear();
    }
    [[nodiscard]] const std::error_code& failure() const { return failure_; }

   private:
    std::FILE* to_;
    std::string text_;
    std::error_code failure_;
};

[[nodiscard]] std::unique_ptr<Report> make_report(const ExplainOptions& options, const alg::HashKey& secret,
                                                  std::string& out) {
    switch (options.format) {
        case ExplainFormat::json: return std::make_unique<JsonReport>(out);
        case ExplainFormat::nft: return std::make_unique<NftReport>(out);
        case ExplainFormat::account: break;
    }
    return std::make_unique<AccountReport>(out, options.policy, options.diff, secret);
}

}  // namespace

alg::Limits limits_for_captures(alg::Limits limits) {
    constexpr std::size_t kMany = 10'000'000;
    limits.flows = kMany;
    limits.flows_per_host = kMany;
    limits.buffered_bytes = std::size_t{512} * 1024 * 1024;
    limits.calls = kMany;
    limits.calls_per_host = kMany;
    limits.calls_per_peer = kMany;
    limits.pinholes = kMany;
    limits.pinholes_per_host = kMany;
    limits.registrations = kMany;
    limits.registrations_per_host = kMany;
    limits.bindings = kMany;
    limits.bindings_per_host = kMany;
    limits.messages_per_second = 0;
    return limits;
}

bool explain(const ExplainOptions& options, std::FILE* out, std::FILE* err) {
    Output output(out);
    const alg::HashKey secret = random_key();
    const std::unique_ptr<Report> report = make_report(options, secret, output.text());
    report->set_inside(options.inside);
    bool all_read = true;
    for (const std::string& file : options.files) {
        PacketSource source{CaptureFile(file)};
        CaptureRun run(options.policy, options.limits, secret, *report);
        run.hide_behind(options.nat);
        report->begin_capture(file);
        while (const auto packet = source.next()) {
            run.on_packet(*packet);
            output.flush_if_large();
            if (output.failure()) break;
        }
        CaptureSummary summary;
        summary.file = file;
        summary.frames = source.counts();
        summary.datagrams = source.datagrams();
        if (source.error()) summary.error = source.error()->text;
        run.describe(summary);
        report->end_capture(summary);
        output.flush();
        if (source.error()) {
            all_read = false;
            fmt::print(err, "messenger-algctl: {}\n", printable(source.error()->text, 4096));
        }
        if (output.failure()) {
            fmt::print(err, "messenger-algctl: cannot write the report: {}\n", output.failure().message());
            return false;
        }
    }
    return all_read;
}

}  // namespace messenger::daemon
