// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cassert>
#include <utility>

#include <tl/expected.hpp>

#include "nft/error.h"

namespace messenger::nft {

/// A value, or why the kernel did not give one. The only file here that names tl::expected; adds nodiscard and a check
/// on access, as alg/base/expected.h does for its own errors.
template <class T>
class [[nodiscard]] Expected {
   public:
    Expected(T value) : value_(std::move(value)) {}                       // NOLINT(google-explicit-constructor)
    Expected(NftError error) : value_(tl::unexpect, std::move(error)) {}  // NOLINT(google-explicit-constructor)

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
    [[nodiscard]] const NftError& error() const& {
        assert(!value_.has_value());
        return value_.error();
    }
    [[nodiscard]] NftError error() && {
        assert(!value_.has_value());
        return std::move(value_).error();
    }

   private:
    tl::expected<T, NftError> value_;
};

/// Done, or why not.
template <>
class [[nodiscard]] Expected<void> {
   public:
    Expected() = default;
    Expected(NftError error) : value_(tl::unexpect, std::move(error)) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool has_value() const { return value_.has_value(); }
    explicit operator bool() const { return value_.has_value(); }
    [[nodiscard]] const NftError& error() const& {
        assert(!value_.has_value());
        return value_.error();
    }
    [[nodiscard]] NftError error() && {
        assert(!value_.has_value());
        return std::move(value_).error();
    }

   private:
    tl::expected<void, NftError> value_;
};

}  // namespace messenger::nft
