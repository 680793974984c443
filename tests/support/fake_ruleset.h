// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "nft/ruleset.h"

namespace messenger::testing {

/// The sets in memory, refusing what a kernel would. Time stands still: nothing expires unless drop() says so.
class FakeRuleset final : public nft::Ruleset {
   public:
    [[nodiscard]] nft::Expected<nft::CommitReport> commit(const nft::Transaction& transaction) override {
        ++commits;
        if (fail_next) return *std::exchange(fail_next, std::nullopt);
        nft::CommitReport report;
        for (const nft::Operation& operation : transaction.operations()) {
            const auto at = std::pair(operation.set, operation.element.key);
            switch (operation.verb) {
                case nft::Verb::offer:
                case nft::Verb::add: elements.try_emplace(at, operation.element); break;
                case nft::Verb::create:
                    if (!elements.try_emplace(at, operation.element).second) ++report.already_there;
                    break;
                case nft::Verb::remove:
                    if (elements.erase(at) == 0) ++report.already_gone;
                    break;
                case nft::Verb::discard: elements.erase(at); break;
                case nft::Verb::refresh: elements.insert_or_assign(at, operation.element); break;
                case nft::Verb::flush:
                    std::erase_if(elements, [&](const auto& one) { return one.first.first == operation.set; });
                    break;
            }
        }
        return report;
    }

    [[nodiscard]] nft::Expected<std::vector<nft::StoredElement>> list(nft::SetId set) override {
        std::vector<nft::StoredElement> found;
        for (const auto& [at, element] : elements) {
            if (at.first == set && !unlisted.contains(at)) found.push_back({element, element.timeout, std::nullopt});
        }
        return found;
    }

    [[nodiscard]] nft::Expected<std::optional<nft::StoredElement>> find(nft::SetId set, const nft::Key& key) override {
        const auto found = elements.find({set, key});
        if (found == elements.end()) return std::optional<nft::StoredElement>{};
        return std::optional<nft::StoredElement>{{found->second, found->second.timeout, std::nullopt}};
    }

    [[nodiscard]] nft::Expected<void> find_each(std::span<const nft::Place> places, const OnFound& on_found) override {
        for (std::size_t i = 0; i < places.size(); ++i) {
            if (const auto found = *find(places[i].set, places[i].key)) on_found(i, *found);
        }
        return {};
    }

    /// As if it had timed out.
    void drop(nft::SetId set, const nft::Key& key) { elements.erase({set, key}); }
    [[nodiscard]] std::size_t count(nft::SetId set) const {
        std::size_t count = 0;
        for (const auto& [at, element] : elements) count += at.first == set ? 1U : 0U;
        return count;
    }

    std::map<std::pair<nft::SetId, nft::Key>, nft::Element> elements;
    std::set<std::pair<nft::SetId, nft::Key>> unlisted;  ///< there, but left out by list()
    std::size_t commits = 0;
    std::optional<nft::NftError> fail_next;  ///< what the next commit answers, doing nothing
};

}  // namespace messenger::testing
