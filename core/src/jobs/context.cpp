#include "rivulet/context.h"

#include "rivulet/log.h"

namespace rivulet {

Context::Context(std::string_view master, std::string_view appName, Where where)
    : Context(Conf(master, appName, where), where) {}

Context::Context(const Conf& conf, Where where) : engine_(std::make_shared<detail::Engine>(conf)) {
    rivulet::setLogLevel(conf.get("rivulet.log.level", where), where);
}

const Conf& Context::conf() const { return engine_->conf(); }
std::string Context::appName() const { return engine_->conf().get("rivulet.app.name", "rivulet"); }
int Context::defaultParallelism() const { return engine_->defaultParallelism(); }
void Context::setLogLevel(std::string_view level, Where where) const { rivulet::setLogLevel(level, where); }
const MemoryAccount& Context::memory() const { return *engine_->memory(); }
void Context::stop() const { engine_->stop(); }
bool Context::isStopped() const { return engine_->stopped(); }

LongAccumulator Context::longAccumulator(const std::string& name, Where where) const {
    return registered(LongAccumulator(), name, where);
}
DoubleAccumulator Context::doubleAccumulator(const std::string& name, Where where) const {
    return registered(DoubleAccumulator(), name, where);
}

std::shared_ptr<detail::Lineage> Context::source(const char* kind, const char* operation, Where where) const {
    engine_->checkUsable();
    return detail::makeLineage(engine_, kind, CallSite{operation, where});
}

void Context::checkSlices(int numSlices, Where where) {
    if (numSlices < 1)
        throw UsageError("parallelize: a positive number of slices is required, not " + std::to_string(numSlices),
                         where);
}

RDD<long, detail::RangePipe> Context::range(long start, long end, long step, int numSlices, Where where) const {
    if (step == 0) throw UsageError("range: step cannot be 0", where);
    if (numSlices < 0)
        throw UsageError("range: a positive number of slices is required, not " + std::to_string(numSlices), where);
    std::uint64_t count = 0; // computed without sign: the distance of two longs may not fit one
    if (step > 0 && end > start) count = (std::uint64_t(end) - std::uint64_t(start) - 1) / std::uint64_t(step) + 1;
    if (step < 0 && end < start)
        count = (std::uint64_t(start) - std::uint64_t(end) - 1) / (0 - std::uint64_t(step)) + 1;
    return {source("RangeRDD", "range", where),
            detail::RangePipe(start, step, count, numSlices > 0 ? numSlices : defaultParallelism())};
}

int Context::leastPartitions(const char* operation, int given, Where where) const {
    if (given < 0)
        throw UsageError(std::string(operation) + ": the minimum number of partitions cannot be negative (" +
                             std::to_string(given) + ")",
                         where);
    return given > 0 ? given : std::min(defaultParallelism(), 2);
}

RDD<std::string_view, detail::TextPipe> Context::textFile(const std::string& uris, int minPartitions,
                                                          Where where) const {
    const int least = leastPartitions("textFile", minPartitions, where);
    auto made = source("TextFileRDD", "textFile", where);
    made->setName(uris);
    return {std::move(made), detail::TextPipe(detail::TextInput::make(*engine_, uris, least, where))};
}

RDD<std::pair<std::string_view, std::string_view>, detail::WholeFilesPipe>
Context::wholeFiles(const char* operation, const std::string& uris, int minPartitions, Where where) const {
    const int least = leastPartitions(operation, minPartitions, where);
    auto made = source("WholeFilesRDD", operation, where);
    made->setName(uris);
    return {std::move(made), detail::WholeFilesPipe(detail::FilePieces::whole(uris, least, where))};
}

RDD<std::string_view, detail::RecordsPipe> Context::binaryRecords(const std::string& uris, long recordBytes,
                                                                  Where where) const {
    if (recordBytes < 1)
        throw UsageError("binaryRecords: the length of a record (" + std::to_string(recordBytes) +
                             " bytes) must be positive",
                         where);
    auto made = source("BinaryRecordsRDD", "binaryRecords", where);
    made->setName(uris);
    const auto bytes = std::uint64_t(recordBytes);
    return {std::move(made), detail::RecordsPipe(detail::FilePieces::records(*engine_, uris, bytes, where), bytes)};
}

} // namespace rivulet
