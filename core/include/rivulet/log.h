#pragma once

#include <source_location>
#include <string_view>

namespace rivulet {

/// How much a log line matters, and from where on lines are shown.
enum class LogLevel { Trace, Debug, Info, Warn, Error, Fatal, Off };

/// Reads ALL, TRACE, DEBUG, INFO, WARN, ERROR, FATAL (or CRITICAL), OFF; case does not matter.
///
/// Errors:  UsageError for any other word, listing these
/// Source:  Spark SparkContext.setLogLevel
LogLevel parseLogLevel(std::string_view name, std::source_location where = std::source_location::current());

/// Shows lines of this level and above; WARN at the start. For the whole process: it has one log, on standard error.
///
/// Threads: any
void setLogLevel(std::string_view name, std::source_location where = std::source_location::current());
void setLogLevel(LogLevel level) noexcept;
/// Whether a line of this level would be shown; ask before building a costly message.
bool logEnabled(LogLevel level) noexcept;

/// Writes one line to standard error: time, level, thread, message. Never throws, so destructors may use it.
void log(LogLevel level, std::string_view message) noexcept;
void logDebug(std::string_view message) noexcept;
void logInfo(std::string_view message) noexcept;
void logWarn(std::string_view message) noexcept;
void logError(std::string_view message) noexcept;

} // namespace rivulet
