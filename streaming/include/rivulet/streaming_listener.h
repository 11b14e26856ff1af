#pragma once

#include "rivulet/time.h"

#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rivulet {

/// What one input put into a batch.
struct StreamInputInfo {
    /// Inputs are numbered 0, 1, 2 ... in the order of their creation.
    int id = 0;
    /// As the web page of Spark calls it: `Socket text stream [0]`.
    std::string name;
    /// 0 where the input cannot tell.
    long records = 0;
    /// What the records came from (files, offsets), where the input tells.
    std::string description;
};

/// What is known of one output operation in one batch.
struct OutputOperationInfo {
    Time batchTime;
    /// The number of the operation in the order of declaration: the same in every batch, also where other operations
    /// have none.
    int id = 0;
    std::string name;        ///< `foreachRDD`
    std::string description; ///< `foreachRDD at word_count.cpp:12`
    /// By the context's clock; nothing until it has begun, or ended.
    std::optional<Time> startTime, endTime;
    /// How long it took; 0 until it has ended.
    std::chrono::microseconds duration{};
    /// Why it failed, or null.
    std::exception_ptr failure;
};

/// What is known of a batch.
struct BatchInfo {
    Time batchTime;
    /// Records that each input put into this batch, by the input's id; inputs that cannot tell give 0.
    std::map<int, long> inputRecords;
    /// What inputs tell of their records, by the input's id.
    std::map<int, std::string> inputDescriptions;
    /// Of all inputs, by their id; shared by all batches.
    std::shared_ptr<const std::map<int, std::string>> inputNames;
    /// The operations that have something to do in this batch, in the order of declaration; known when it is planned.
    std::vector<OutputOperationInfo> outputs;
    /// By the context's clock: when the batch's input was fixed, when it was begun, when it was done.
    Time submissionTime;
    std::optional<Time> processingStartTime, processingEndTime;
    /// How long after its time the batch was begun; 0 until it is.
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
    std::vector<StreamInputInfo> inputs() const;
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
/// For each batch in this order: submitted, started, for each output operation started and completed, batch completed.
///
/// Threads: called by the threads that run the batches, between their steps, one event at a time: be quick, and do not
///          call `stop` here (a UsageError)
/// Source:  Spark StreamingListener
class StreamingListener {
  public:
    virtual ~StreamingListener() = default;
    virtual void onStreamingStarted(Time) {}
    /// The input of the batch is fixed; it has no delays yet.
    virtual void onBatchSubmitted(const BatchInfo&) {}

    // Of receivers, told between two batches and before the end of a stop: started (also again), an error (after which
    // it goes on or is started again), at its end.
    virtual void onReceiverStarted(const ReceiverInfo&) {}
    virtual void onReceiverError(const ReceiverInfo&) {}
    virtual void onReceiverStopped(const ReceiverInfo&) {}

    virtual void onBatchStarted(const BatchInfo&) {}
    /// For failed batches too.
    virtual void onBatchCompleted(const BatchInfo&) {}
    virtual void onOutputOperationStarted(const OutputOperationInfo&) {}
    /// For failed operations too.
    virtual void onOutputOperationCompleted(const OutputOperationInfo&) {}
};

/// Logs, at INFO, how total delay and processing time were distributed over the last batches, after every batch.
///
/// Threads: as StreamingListener
/// Source:  Spark StatsReportListener
class StatsReportListener final : public StreamingListener {
  public:
    /// Errors: UsageError where `batches` is below 1
    explicit StatsReportListener(int batches = 10, std::source_location where = std::source_location::current());
    void onBatchCompleted(const BatchInfo& batch) override;

  private:
    const std::size_t most_;
    std::vector<std::chrono::microseconds> totals_, processings_; // the oldest first
};

/// How the streaming goes, in numbers.
///
/// Source: Spark StreamingSource
struct StreamingMetrics {
    long totalCompletedBatches = 0;
    long totalReceivedRecords = 0;  ///< of all batches that were begun
    long totalProcessedRecords = 0; ///< of all batches that were completed, failed ones too
    long missedTicks = 0;           ///< merged into a later batch, or skipped, because a batch took too long
    long waitingBatches = 0;        ///< submitted and not begun
    long runningBatches = 0;
    /// The disk of the checkpoint directory is full: a batch waits for room, and receivers for the batch.
    bool diskFull = false;
    /// Nothing until there is one.
    std::optional<BatchInfo> lastReceivedBatch, lastCompletedBatch;

    long unprocessedBatches() const { return waitingBatches + runningBatches; }
};

} // namespace rivulet
