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

/// What is known of an input.
struct InputInfo {
    int id = 0;       ///< inputs are counted from 0 in the order of their creation
    std::string name; ///< such as "Socket stream [0]"
    bool isReceiver = false;
};

/// What is known of a receiver.
struct ReceiverInfo {
    int streamId = 0; ///< the id of its input
    std::string name;
    bool active = false;
    std::string lastErrorMessage; ///< empty where it had none
    std::exception_ptr lastError; ///< null where it had none, or was told in words alone
    Time lastErrorTime{};
};

/// Hears of the life of batches. Override what you need.
///
/// Threads: called by the thread that runs the batches, between its steps: be quick, and do not call `stop` here (a
/// UsageError) Source:  Spark StreamingListener
class StreamingListener {
  public:
    virtual ~StreamingListener() = default;
    virtual void onStreamingStarted(Time) {}

    // Of receivers, told between two batches and before the end of a stop: started (also again), an error (after which
    // it goes on or is started again), at its end.
    virtual void onReceiverStarted(const ReceiverInfo&) {}
    virtual void onReceiverError(const ReceiverInfo&) {}
    virtual void onReceiverStopped(const ReceiverInfo&) {}

    virtual void onBatchStarted(const BatchInfo&) {}
    /// For failed batches too.
    virtual void onBatchCompleted(const BatchInfo&) {}
};

} // namespace rivulet
