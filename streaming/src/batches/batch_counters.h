#pragma once

#include "rivulet/streaming_listener.h"

#include <mutex>

namespace rivulet::detail {

/// Counts batches and their records.
///
/// Threads: own synchronization
class BatchCounters {
  public:
    void submitted(const BatchInfo& batch);
    void started(const BatchInfo& batch);
    void completed(const BatchInfo& batch);
    void missed(long ticks);
    void setDiskFull(bool full);
    StreamingMetrics snapshot() const;

  private:
    mutable std::mutex mutex_;
    StreamingMetrics counted_; // guarded by mutex_
};

/// Logs how long a batch took.
void logBatch(const BatchInfo& batch);

} // namespace rivulet::detail
