// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/gateway/pinhole_sync.h"

#include <array>
#include <utility>

#include "daemon/translate.h"

namespace messenger::daemon {

namespace {

using nft::Failure;

constexpr std::array kPinholeSets{nft::SetId::pinholes4, nft::SetId::pinholes6, nft::SetId::open4, nft::SetId::open6};

}  // namespace

nft::Expected<std::size_t> PinholeSync::take_over(alg::Engine& engine, alg::TimePoint now) {
    std::size_t count = 0;
    for (const nft::SetId set : kPinholeSets) {
        const auto elements = ruleset_.list(set);
        if (!elements) {
            if (elements.error().failure == Failure::schema_gone) break;  // there was none before us
            return elements.error();
        }
        for (const nft::StoredElement& stored : *elements) {
            const auto pinhole = pinhole_at(set, stored.element.key);
            const auto note = parse_comment(stored.element.comment.text());
            if (!pinhole || !note) continue;  // not written by us: it goes with the old table
            engine.restore(*pinhole, note->purpose, note->label(), stored.expires, now);
            ++count;
        }
    }
    if (auto installed = reinstall(engine, now); !installed) return installed.error();
    return count;
}

nft::Expected<void> PinholeSync::reinstall(alg::Engine& engine, alg::TimePoint now) {
    engine.snapshot(now, wanted_);
    nft::Transaction all;
    for (const std::uint16_t port : options_.sip_ports) {
        for (const nft::Protocol protocol : {nft::Protocol::udp, nft::Protocol::tcp}) {
            all.add(nft::SetId::sip_ports, {nft::Key::port(protocol, port), {}, {}});
        }
    }
    for (const alg::PinholeChange& change : wanted_.changes) translate(change, all);
    ++counters_.reinstalls;
    return schema_.install(all);
}

void PinholeSync::stage(const alg::Plan& plan) {
    for (const alg::PinholeChange& change : plan.changes) {
        translate(change, staged_);
        const bool closes =
            change.kind == alg::PinholeChange::Kind::remove || change.kind == alg::PinholeChange::Kind::forget;
        if (closes) closed_.push_back(change.key);
    }
    counters_.changes += plan.changes.size();
    if (!options_.admit) return;
    for (const alg::FlowSeed& flow : plan.seeds) {
        seed({flow.remote, flow.inside, flow.transport});
        ++counters_.seeded;
    }
}

void PinholeSync::sweep(const alg::Engine& engine) {
    const std::vector<alg::PinholeKey> closed = std::exchange(closed_, {});
    for (const alg::PinholeKey& key : closed) {
        const auto place = place_of(key);
        if (!place || engine.pinholes().find(key) != nullptr) continue;  // opened again since
        const auto found = ruleset_.find(place->set, place->key);
        if (found && !*found) continue;
        if (found) {
            staged_.remove(place->set, place->key);
            ++counters_.swept;
        }
        closed_.push_back(key);  // look once more
    }
}

bool PinholeSync::stage_admission(const alg::Engine& engine, const alg::FlowTuple& tuple) {
    if (!engine.pinholes().admits(tuple)) return false;
    seed(tuple);
    ++counters_.admitted;
    return true;
}

void PinholeSync::seed(const alg::FlowTuple& tuple) {
    const nft::FlowTuple flow = to_nft(tuple);
    auto seeded = conntrack_.seed({flow, options_.marks.pinhole(), options_.first_packet});
    if (!seeded) {
        // The table of conntrack is full, or the kernel cannot: the flow is then an ordinary new one to the firewall.
        seed_error_ = seeded.error();
        return;
    }
    const nft::SetId set = nft::admitted(flow.source.address.family());
    for (const nft::FlowTuple& direction : {flow, flow.reversed()}) {
        staged_.add(set, {nft::Key::tuple(direction), options_.admitted, {}});
    }
}

nft::Expected<void> PinholeSync::commit() {
    std::optional<nft::NftError> failed = std::exchange(seed_error_, std::nullopt);
    if (!staged_.empty()) {
        ++counters_.transactions;
        auto committed = ruleset_.commit(staged_);
        staged_.clear();
        if (!committed) failed = committed.error();
    }
    if (!failed) return {};
    ++counters_.failures;
    return *std::move(failed);
}

std::optional<alg::Duration> PinholeSync::remaining(const alg::PinholeKey& key) {
    const auto place = place_of(key);
    if (!place) return std::nullopt;
    const auto found = ruleset_.find(place->set, place->key);
    // A kernel that does not answer is no proof that the media has stopped.
    if (!found) return std::chrono::seconds(5);
    if (!*found) return std::nullopt;
    return (*found)->expires;
}

}  // namespace messenger::daemon
