#include "batches/batch_counters.h"

#include "rivulet/error.h"
#include "rivulet/log.h"

#include <algorithm>
#include <cstdio>

namespace rivulet {
namespace {

using Microseconds = std::chrono::microseconds;

double milliseconds(Microseconds duration) { return double(duration.count()) / 1000; }
double seconds(Microseconds duration) { return double(duration.count()) / 1'000'000; }

/// The least, the largest, and what lies between.
std::string distribution(const char* what, std::vector<Microseconds> values) {
    std::sort(values.begin(), values.end());
    std::string text = std::string(what) + " (ms) of the last " + std::to_string(values.size()) + " batches:";
    for (const int percent : {0, 5, 10, 25, 50, 75, 90, 95, 100}) {
        const auto at = std::size_t(percent) * (values.size() - 1) / 100;
        char column[48];
        std::snprintf(column, sizeof column, " %d%%: %.3f", percent, milliseconds(values[at]));
        text += column;
    }
    return text;
}

} // namespace

std::vector<StreamInputInfo> BatchInfo::inputs() const {
    std::vector<StreamInputInfo> infos;
    for (const auto& [id, records] : inputRecords) {
        StreamInputInfo& info = infos.emplace_back(StreamInputInfo{id, {}, records, {}});
        if (inputNames)
            if (const auto name = inputNames->find(id); name != inputNames->end()) info.name = name->second;
        if (const auto told = inputDescriptions.find(id); told != inputDescriptions.end())
            info.description = told->second;
    }
    return infos;
}

StatsReportListener::StatsReportListener(int batches, std::source_location where) : most_(std::size_t(batches)) {
    if (batches < 1)
        throw UsageError("StatsReportListener: the number of batches (" + std::to_string(batches) +
                             ") must be positive, for example 10",
                         where);
}

void StatsReportListener::onBatchCompleted(const BatchInfo& batch) {
    totals_.push_back(batch.totalDelay());
    processings_.push_back(batch.processingDelay);
    if (totals_.size() > most_) {
        totals_.erase(totals_.begin());
        processings_.erase(processings_.begin());
    }
    if (!logEnabled(LogLevel::Info)) return;
    logInfo(distribution("total delay", totals_));
    logInfo(distribution("processing time", processings_));
}

namespace detail {

void BatchCounters::submitted(const BatchInfo&) {
    std::lock_guard lock(mutex_);
    ++counted_.waitingBatches;
}

void BatchCounters::started(const BatchInfo& batch) {
    std::lock_guard lock(mutex_);
    --counted_.waitingBatches;
    ++counted_.runningBatches;
    counted_.totalReceivedRecords += batch.numRecords();
    if (!counted_.lastReceivedBatch || counted_.lastReceivedBatch->batchTime <= batch.batchTime)
        counted_.lastReceivedBatch = batch;
}

void BatchCounters::completed(const BatchInfo& batch) {
    std::lock_guard lock(mutex_);
    if (batch.processingStartTime) { // else its input could not be fixed
        --counted_.runningBatches;
        counted_.totalProcessedRecords += batch.numRecords();
    }
    ++counted_.totalCompletedBatches;
    counted_.lastCompletedBatch = batch;
    if (counted_.lastReceivedBatch && counted_.lastReceivedBatch->batchTime == batch.batchTime)
        counted_.lastReceivedBatch = batch;
}

void BatchCounters::missed(long ticks) {
    if (ticks == 0) return;
    std::lock_guard lock(mutex_);
    counted_.missedTicks += ticks;
}

void BatchCounters::setDiskFull(bool full) {
    std::lock_guard lock(mutex_);
    counted_.diskFull = full;
}

StreamingMetrics BatchCounters::snapshot() const {
    std::lock_guard lock(mutex_);
    return counted_;
}

void logBatch(const BatchInfo& batch) {
    if (!logEnabled(LogLevel::Info)) return;
    char line[160];
    std::snprintf(line, sizeof line, "Total delay: %.3f s for time %s (execution: %.3f s)", seconds(batch.totalDelay()),
                  toString(batch.batchTime).c_str(), seconds(batch.processingDelay));
    logInfo(line);
}

} // namespace detail
} // namespace rivulet
