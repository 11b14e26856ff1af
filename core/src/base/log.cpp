#include "rivulet/log.h"

#include "rivulet/error.h"

#include <algorithm>
#include <iterator>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <string>

namespace rivulet {
namespace {

spdlog::level::level_enum toSpdlog(LogLevel level) {
    static_assert(static_cast<int>(LogLevel::Trace) == SPDLOG_LEVEL_TRACE &&
                  static_cast<int>(LogLevel::Off) == SPDLOG_LEVEL_OFF);
    return static_cast<spdlog::level::level_enum>(level);
}

// Never destroyed, so that destructors of static objects may still log; and not in spdlog's registry, which is the
// user's.
spdlog::logger& logger() {
    static spdlog::logger& instance = *[] {
        auto* created = new spdlog::logger("rivulet", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
        created->set_pattern("%Y-%m-%d %H:%M:%S.%e %^%-8l%$ [%t] %v");
        created->set_level(spdlog::level::warn);
        created->flush_on(spdlog::level::warn);
        return created;
    }();
    return instance;
}

} // namespace

LogLevel parseLogLevel(std::string_view name, std::source_location where) {
    struct Word {
        std::string_view name;
        LogLevel level;
    };
    static constexpr Word kWords[] = {
        {"ALL", LogLevel::Trace},   {"TRACE", LogLevel::Trace},    {"DEBUG", LogLevel::Debug},
        {"INFO", LogLevel::Info},   {"WARN", LogLevel::Warn},      {"ERROR", LogLevel::Error},
        {"FATAL", LogLevel::Fatal}, {"CRITICAL", LogLevel::Fatal}, {"OFF", LogLevel::Off}};
    std::string upper(name);
    std::ranges::transform(upper, upper.begin(),
                           [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    const auto word = std::ranges::find(kWords, std::string_view(upper), &Word::name);
    if (word == std::end(kWords))
        throw UsageError("unknown log level '" + std::string(name) +
                             "'; write one of ALL, TRACE, DEBUG, INFO, WARN, ERROR, FATAL, CRITICAL, OFF",
                         where);
    return word->level;
}

void setLogLevel(std::string_view name, std::source_location where) { setLogLevel(parseLogLevel(name, where)); }

void setLogLevel(LogLevel level) noexcept { logger().set_level(toSpdlog(level)); }

bool logEnabled(LogLevel level) noexcept { return level != LogLevel::Off && logger().should_log(toSpdlog(level)); }

void log(LogLevel level, std::string_view message) noexcept {
    try {
        if (logEnabled(level)) logger().log(toSpdlog(level), spdlog::string_view_t(message.data(), message.size()));
    } catch (...) {
        // Nobody is left to tell: the log itself is broken.
    }
}

void logDebug(std::string_view message) noexcept { log(LogLevel::Debug, message); }
void logInfo(std::string_view message) noexcept { log(LogLevel::Info, message); }
void logWarn(std::string_view message) noexcept { log(LogLevel::Warn, message); }
void logError(std::string_view message) noexcept { log(LogLevel::Error, message); }

} // namespace rivulet
