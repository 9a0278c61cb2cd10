// SPDX-License-Identifier: Apache-2.0
//
// Result<T>: the error channel for everything from outside. A value, or an Error whose text is one
// clear sentence that says what, where and what to do. It must be looked at: value() of an error is
// our own bug and ends the process.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "pools/ensure.h"

namespace tandem {

/// How a program ends; the numbers are its exit codes.
enum class ExitCode : int {
  kYes = 0,          ///< yes, or done
  kNo = 1,           ///< the answer is no: differs, not identical, check failed
  kBadInput = 2,     ///< wrong usage or bad input
  kOutOfMemory = 3,  ///< a pool ran out of memory
  kDivergence = 4,   ///< two copies of a stream differ
  kFailure = 5,      ///< disk, network or peer failed at run time
};

struct Error {
  ExitCode code = ExitCode::kBadInput;
  std::string text;

  static Error BadInput(std::string text) { return {ExitCode::kBadInput, std::move(text)}; }
  static Error Failure(std::string text) { return {ExitCode::kFailure, std::move(text)}; }
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : value_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool ok() const { return value_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    ENSURE(ok(), "%s", std::get<1>(value_).text.c_str());
    return std::get<0>(value_);
  }
  const T& value() const& {
    ENSURE(ok(), "%s", std::get<1>(value_).text.c_str());
    return std::get<0>(value_);
  }
  T&& value() && { return std::move(value()); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const {
    ENSURE(!ok(), "a result that holds a value was asked for its error");
    return std::get<1>(value_);
  }

 private:
  std::variant<T, Error> value_;
};

/// The outcome of something that gives no value: nothing, or an Error.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Error error) : error_(std::move(error)) {}

  [[nodiscard]] bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error& error() const {
    ENSURE(!ok(), "a status that is ok was asked for its error");
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

}  // namespace tandem
