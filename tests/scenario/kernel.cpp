// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/scenario/kernel.h"

#include <algorithm>
#include <utility>

namespace messenger::testing {

namespace {

/// A change that holds for some time puts an element there, others take it away.
template <class Elements, class Place, class Change>
void put(Elements& elements, const Place& place, const Change& change, bool stays, alg::TimePoint until) {
    if (stays) {
        elements[place] = {change, {}, until};
    } else {
        elements.erase(place);
    }
}

/// With an owner for the text that its label points at.
template <class Element>
[[nodiscard]] alg::CallLabel label_of(const Element& element) {
    alg::CallLabel label = element.change.label;
    label.call_id = element.call_id;
    return label;
}

/// Additions of what is wanted and not there, or there with another outside end; removals of what is not wanted.
template <class Elements, class Change, class PlaceOf>
[[nodiscard]] std::vector<Change> difference_of(const Elements& elements, const std::vector<Change>& wanted,
                                                PlaceOf&& place_of) {
    std::vector<Change> changes;
    for (const Change& change : wanted) {
        const auto found = elements.find(place_of(change));
        if (found == elements.end() || found->second.change.outside != change.outside) changes.push_back(change);
    }
    for (const auto& entry : elements) {
        const bool stays = std::any_of(wanted.begin(), wanted.end(),
                                       [&](const Change& change) { return place_of(change) == entry.first; });
        if (stays) continue;
        changes.push_back(entry.second.change);
        changes.back().kind = Change::Kind::remove;
    }
    return changes;
}

template <class Elements>
void erase_due(Elements& elements, alg::TimePoint now) {
    std::erase_if(elements, [now](const auto& entry) { return entry.second.until <= now; });
}

}  // namespace

void Kernel::apply(const alg::Plan& plan, alg::TimePoint now) {
    for (const alg::PinholeChange& change : plan.changes) {
        using Kind = alg::PinholeChange::Kind;
        const bool stays = change.kind == Kind::add || change.kind == Kind::refresh;
        put(pinholes_, change.key, change, stays, now + change.timeout);
        if (stays) pinholes_[change.key].call_id = change.label.call_id;
    }
    for (const alg::BindingChange& change : plan.bindings) {
        put(bindings_, place_of(change), change, change.kind != alg::BindingChange::Kind::remove, now + change.timeout);
    }
    for (const alg::CallbackChange& change : plan.callbacks) {
        put(callbacks_, place_of(change), change, change.kind != alg::CallbackChange::Kind::remove,
            now + change.timeout);
    }
    for (const alg::TlsFlowChange& change : plan.tls_flows) {
        if (change.kind == alg::TlsFlowChange::Kind::add) {
            tls_flows_[change.tuple] = now + change.timeout;
        } else {
            tls_flows_.erase(change.tuple);
        }
    }
}

void Kernel::on_media(const alg::FlowTuple& tuple, alg::TimePoint now) {
    const bool stream = tuple.transport == alg::Transport::tcp;
    const alg::Duration silence = stream ? limits_.stream_silence : limits_.media_silence;
    for (const alg::FlowTuple& way : {tuple, tuple.reversed()}) {
        for (const bool any : {false, true}) {
            const auto found =
                pinholes_.find({way.transport, any, way.destination, any ? alg::IpAddress{} : way.source.address});
            if (found != pinholes_.end() && found->second.until > now) found->second.until = now + silence;
        }
    }
}

void Kernel::forget_due(alg::TimePoint now) {
    erase_due(pinholes_, now);
    erase_due(bindings_, now);
    erase_due(callbacks_, now);
    std::erase_if(tls_flows_, [now](const auto& entry) { return entry.second <= now; });
}

void Kernel::restore(alg::Engine& engine, const alg::IpAddress& behind, alg::TimePoint now) {
    forget_due(now);
    for (const auto& [key, element] : pinholes_) {
        engine.restore(key, element.change.purpose, label_of(element), element.until - now, now);
        if (const auto& other = element.change.sharer) {
            engine.restore(key, element.change.purpose, {other->call, other->dialog, {}}, element.until - now, now);
        }
    }
    for (const auto& [place, element] : bindings_) {
        const alg::BindingChange& change = element.change;
        const auto label = change.listener ? std::nullopt : std::optional(label_of(element));
        engine.restore_binding({place.transport, place.inside, place.outside}, change.outside.port, label,
                               element.until - now, now);
    }
    for (const auto& [key, element] : pinholes_) {
        if (element.change.outside) engine.restore_outside(key, *element.change.outside);
    }
    for (const auto& [key, element] : callbacks_) {
        engine.restore_callback(key, element.change.outside, element.change.holders, element.until - now, now);
    }
    for (const auto& [tuple, until] : tls_flows_) engine.restore_tls(tuple, behind, now);
}

alg::Plan Kernel::difference(const alg::Plan& wanted) const {
    alg::Plan changes;
    changes.changes =
        difference_of(pinholes_, wanted.changes, [](const alg::PinholeChange& change) { return change.key; });
    changes.bindings =
        difference_of(bindings_, wanted.bindings, [](const alg::BindingChange& change) { return place_of(change); });
    changes.callbacks =
        difference_of(callbacks_, wanted.callbacks, [](const alg::CallbackChange& change) { return place_of(change); });
    return changes;
}

}  // namespace messenger::testing
