#pragma once

#include "rivulet/time.h"

#include <exception>
#include <map>

namespace rivulet {

/// What is known of a batch.
struct BatchInfo {
    Time batchTime;
    /// Records that each input put into this batch, by the input's id; inputs that cannot tell give 0.
    std::map<int, long> inputRecords;
    /// How long after its time the batch was begun.
    std::chrono::microseconds schedulingDelay{};
    /// How long its jobs took; 0 until it is completed.
    std::chrono::microseconds processingDelay{};
    /// Why it failed, or null.
    std::exception_ptr failure;

    std::chrono::microseconds totalDelay() const { return schedulingDelay + processingDelay; }
    long numRecords() const {
        long sum = 0;
        for (const auto& [input, records] : inputRecords) sum += records;
        return sum;
    }
};

/// Hears of the life of batches. Override what you need.
///
/// Threads: called by the thread that runs the batches, between its steps: be quick, and do not call `stop` here (a
/// UsageError) Source:  Spark StreamingListener
class StreamingListener {
  public:
    virtual ~StreamingListener() = default;
    virtual void onStreamingStarted(Time) {}
    virtual void onBatchStarted(const BatchInfo&) {}
    /// For failed batches too.
    virtual void onBatchCompleted(const BatchInfo&) {}
};

} // namespace rivulet
