// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cassert>
#include <utility>

#include <tl/expected.hpp>

#include "alg/base/error.h"

namespace messenger::alg {

/// A value or the one reason why there is none. The only file that names tl::expected: GCC 12 has no std::expected in
/// C++20, and Clang 14 cannot use libstdc++'s. Adds what tl::expected 1.0 lacks: nodiscard, and a check on access.
template <class T>
class [[nodiscard]] Expected {
   public:
    Expected(T value) : value_(std::move(value)) {}         // NOLINT(google-explicit-constructor)
    Expected(Error error) : value_(tl::unexpect, error) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool has_value() const { return value_.has_value(); }
    explicit operator bool() const { return value_.has_value(); }

    [[nodiscard]] const T& operator*() const& {
        assert(value_.has_value());
        return *value_;
    }
    [[nodiscard]] T& operator*() & {
        assert(value_.has_value());
        return *value_;
    }
    [[nodiscard]] T&& operator*() && {
        assert(value_.has_value());
        return *std::move(value_);
    }
    [[nodiscard]] const T* operator->() const {
        assert(value_.has_value());
        return &*value_;
    }
    [[nodiscard]] T* operator->() {
        assert(value_.has_value());
        return &*value_;
    }
    [[nodiscard]] Error error() const {
        assert(!value_.has_value());
        return value_.error();
    }

   private:
    tl::expected<T, Error> value_;
};

/// Success, or the reason for failure.
template <>
class [[nodiscard]] Expected<void> {
   public:
    Expected() = default;
    Expected(Error error) : value_(tl::unexpect, error) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool has_value() const { return value_.has_value(); }
    explicit operator bool() const { return value_.has_value(); }
    [[nodiscard]] Error error() const {
        assert(!value_.has_value());
        return value_.error();
    }

   private:
    tl::expected<void, Error> value_;
};

}  // namespace messenger::alg
