// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/trial/packet_witness.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "daemon/trial/interruption.h"
#include "daemon/trial/program.h"
#include "nft/set_spec.h"

namespace messenger::daemon {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPatience(400);
constexpr std::chrono::milliseconds kStep(20);
/// A packet is shown to the rule first, then to us.
constexpr std::chrono::milliseconds kAfterDrop(40);

// Before everything else. Its own name, for it is not part of what is tried.
constexpr std::string_view kTraceTable = "messenger_alg_trial";
constexpr std::string_view kTraceRules =
    "table inet messenger_alg_trial {\n"
    "    chain trace {\n"
    "        type filter hook prerouting priority -2000; policy accept;\n"
    "        meta l4proto { tcp, udp } meta nftrace set 1\n"
    "    }\n"
    "}\n";

template <class T>
[[nodiscard]] T expect(nft::Expected<T> result) {
    if (!result) throw std::runtime_error(result.error().message());
    return *std::move(result);
}

}  // namespace

PacketWitness::PacketWitness(const NetworkNamespace& gateway, const nft::RulesetCopy& original, std::uint32_t outside)
    : rules_(original), outside_(outside) {
    gateway.enter([this] {
        const Finished made = run_program({"nft", "-f", "-"}, kTraceRules);
        if (made.status < 0) throw std::runtime_error("the program nft (nftables) is not there");
        if (made.status != 0) throw std::runtime_error("following packets: " + one_line(made.output));
        trace_.emplace(expect(nft::PacketTrace::open(expect(nft::NetlinkSocket::open()))));
    });
    match_places(gateway, original);
}

void PacketWitness::match_places(const NetworkNamespace& gateway, const nft::RulesetCopy& original) {
    std::optional<nft::RulesetCopy> copy;
    gateway.enter([&copy] {
        auto socket = expect(nft::NetlinkSocket::open());
        copy.emplace(expect(nft::RulesetCopy::read(socket)));
    });
    // By their places: the same number of the same chain.
    using Chain = std::pair<nft::TableName, std::string>;
    std::map<Chain, std::vector<std::uint64_t>> handles;
    for (const nft::RulePlace& rule : original.rules()) handles[{rule.table, rule.chain}].push_back(rule.handle);
    std::map<Chain, std::size_t> next;
    for (const nft::RulePlace& rule : copy->rules()) {
        const auto chain = handles.find({rule.table, rule.chain});
        std::size_t& number = next[{rule.table, rule.chain}];
        if (chain != handles.end() && number < chain->second.size()) {
            original_[{rule.table, rule.chain, rule.handle}] = chain->second[number];
        }
        ++number;
    }
}

bool PacketWitness::passes(const std::function<void()>& send, const Arrived& arrived) {
    static_cast<void>(trace_->take());
    base_chains_.clear();
    in_interfaces_.clear();
    culprit_.reset();
    send();
    const auto start = Clock::now();
    auto deadline = start + kPatience;
    while (Clock::now() < deadline) {
        Interruption::check();
        if (arrived(kStep)) {
            look();
            return true;
        }
        if (culprit_) continue;
        look();
        if (culprit_) deadline = std::min(deadline, Clock::now() + kAfterDrop);
    }
    return false;
}

void PacketWitness::look() {
    for (nft::TraceStep& step : trace_->take()) {
        std::string& base = base_chains_[{step.packet, step.place.table}];
        if (rules_.is_base_chain(step.place.table, step.place.chain)) base = step.place.chain;
        std::uint32_t& in_interface = in_interfaces_[step.packet];
        if (step.in_interface != 0) in_interface = step.in_interface;
        if (step.place.table.name != kTraceTable) note(step);
    }
}

void PacketWitness::note(nft::TraceStep& step) {
    const bool queue = step.verdict == nft::TraceStep::Verdict::queue;
    Culprit culprit;
    culprit.base_chain = base_chains_[{step.packet, step.place.table}];
    culprit.ours = step.place.table.name == nft::kTable;
    culprit.to_other_program = queue;
    culprit.from_outside = in_interfaces_[step.packet] == outside_;
    const auto live = original_.find({step.place.table, step.place.chain, step.place.handle});
    if (live != original_.end()) step.place.handle = live->second;
    culprit.place = std::move(step.place);
    const bool stops = step.verdict == nft::TraceStep::Verdict::drop || (queue && !culprit.ours);
    const auto& untracking = rules_.untracking();
    // Only rules that match are traced.
    if (!untracked_ && std::find(untracking.begin(), untracking.end(), culprit.place) != untracking.end()) {
        untracked_ = culprit;
    }
    if (!culprit_ && stops) culprit_ = std::move(culprit);
}

}  // namespace messenger::daemon
