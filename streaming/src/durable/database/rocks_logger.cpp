#include "durable/database/rocks_logger.h"

#include "rivulet/log.h"

#include <cstdarg>
#include <cstdio>

namespace rivulet::detail {
namespace {

/// What matters of it comes back as a status and is told by who gets that.
LogLevel levelOf(rocksdb::InfoLogLevel level) {
    switch (level) {
    case rocksdb::WARN_LEVEL: return LogLevel::Debug;
    case rocksdb::ERROR_LEVEL: return LogLevel::Info;
    case rocksdb::FATAL_LEVEL: return LogLevel::Warn;
    default: return LogLevel::Trace;
    }
}

class RocksLogger final : public rocksdb::Logger {
  public:
    RocksLogger() : rocksdb::Logger(logEnabled(LogLevel::Trace) ? rocksdb::DEBUG_LEVEL : rocksdb::WARN_LEVEL) {}

    using rocksdb::Logger::Logv;
    void Logv(const char* format, va_list arguments) override { Logv(rocksdb::INFO_LEVEL, format, arguments); }
    void Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
        if (level < GetInfoLogLevel() || !logEnabled(levelOf(level))) return;
        char text[1024];
        std::vsnprintf(text, sizeof text, format, arguments);
        log(levelOf(level), std::string("checkpoint storage: ") + text);
    }
};

} // namespace

std::shared_ptr<rocksdb::Logger> rocksLogger() { return std::make_shared<RocksLogger>(); }

} // namespace rivulet::detail
