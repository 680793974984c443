// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <boost/container/small_vector.hpp>

namespace messenger::alg {

/// The calls that need something, by CallLabel::call: nearly always one, which takes no heap. In the order in which
/// they came.
class Holders {
   public:
    [[nodiscard]] std::span<const std::uint64_t> all() const {
        if (several_) return *several_;
        return {&one_, one_ != 0 ? 1U : 0U};
    }
    [[nodiscard]] bool empty() const { return all().empty(); }
    [[nodiscard]] std::uint64_t front() const { return all().front(); }
    [[nodiscard]] auto begin() const { return all().begin(); }
    [[nodiscard]] auto end() const { return all().end(); }
    /// For who may change them meanwhile.
    [[nodiscard]] boost::container::small_vector<std::uint64_t, 4> copy() const { return {begin(), end()}; }
    [[nodiscard]] bool has(std::uint64_t call) const {
        return std::find(all().begin(), all().end(), call) != all().end();
    }

    /// Unless it is there already.
    void add(std::uint64_t call) {
        if (has(call)) return;
        if (empty() && call != 0) {
            one_ = call;
            return;
        }
        if (!several_) several_ = std::make_unique<std::vector<std::uint64_t>>(all().begin(), all().end());
        several_->push_back(call);
    }
    void remove(std::uint64_t call) {
        if (!several_) {
            if (one_ == call) one_ = 0;
            return;
        }
        std::erase(*several_, call);
        if (several_->size() > 1 || (several_->size() == 1 && several_->front() == 0)) return;
        one_ = several_->empty() ? 0 : several_->front();
        several_.reset();
    }

   private:
    std::uint64_t one_ = 0;  ///< without several_; 0: none, for a call of that number is among several_ then
    std::unique_ptr<std::vector<std::uint64_t>> several_;
};

}  // namespace messenger::alg
