#pragma once

#include <exception>
#include <memory>
#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>

namespace rivulet {

/// The root of every exception that Rivulet throws. The message says what happened, to what, and what to do.
class Error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// The caller misused the API. Thrown at the wrong call: what was given, the rule, what to write instead, and where.
class UsageError : public Error {
  public:
    explicit UsageError(const std::string& message, std::source_location where = std::source_location::current());
    const std::source_location& where() const noexcept { return where_; }
    /// The message without the place in the program, for what a user typed: an option, a setting.
    const std::string& message() const noexcept { return *message_; }

  private:
    std::shared_ptr<const std::string> message_;
    std::source_location where_;
};

/// A disk, a socket or another device failed. The message names the path or peer and the errno.
class IoError : public Error {
  public:
    using Error::Error;
};

/// Stored bytes are not what they should be. The message names file, offset, what was expected and what was found.
class CorruptionError : public Error {
  public:
    using Error::Error;
};

/// A job failed: a user function (or a device below it) threw in every attempt that a task was allowed.
///
/// The message names operator, call site, partition and attempt; `cause()` is what the last attempt threw.
class JobError : public Error {
  public:
    JobError(const std::string& message, std::exception_ptr cause) : Error(message), cause_(std::move(cause)) {}
    /// What the last attempt threw; rethrow it to handle a user type.
    const std::exception_ptr& cause() const noexcept { return cause_; }

  private:
    std::exception_ptr cause_;
};

/// The job was stopped from outside: its context was stopped, or another thread cancelled it.
class CancelledError : public Error {
  public:
    using Error::Error;
};

/// Where an operation was called, as messages and lineage print it: `map at word_count.cpp:12`.
struct CallSite {
    const char* operation = "";
    std::source_location where;

    std::string text() const;
};

namespace detail {

/// The message of any exception, of `std::exception` and of types that are not.
std::string messageOf(const std::exception_ptr& error);

} // namespace detail
} // namespace rivulet
