#pragma once

#include "batches/batch_counters.h"
#include "batches/listener_bus.h"
#include "batches/stream_graph.h"
#include "rivulet/clock.h"

#include <atomic>
#include <stop_token>

namespace rivulet::detail {

class Durability;

/// Runs one batch: fixes its input, plans its jobs, runs them, and has what it changed come into force or be as before.
///
/// Threads: one batch after the other; getters from any thread
class BatchRunner {
  public:
    /// After a request to `stop` a batch that failed is not repeated.
    BatchRunner(StreamGraph& graph, ListenerBus& bus, BatchCounters& counters, Clock& clock, std::stop_token stop);
    /// At the start, once the graph is frozen.
    void readSettings(const Conf& conf);
    /// At the start, where there is a checkpoint directory: what commits the batches.
    void setDurability(Durability* durability) { durability_ = durability; }

    /// Throws what made the batch fail, unless failed ones are to be skipped.
    void run(Time time);

    /// Records of batches that failed.
    long abandonedRecords() const { return abandonedRecords_; }
    /// Whether the calling thread is running a batch.
    bool isRunning() const { return ThreadMark<BatchRunner>::within(this); }

  private:
    enum class Failed { stop, retry, skip };
    using Jobs = std::vector<std::function<void()>>; // in the order of BatchInfo::outputs

    void begin(BatchInfo& batch);
    void allocate(BatchInfo& batch) const;
    void attemptUntilDone(BatchInfo& batch);
    void attempt(BatchInfo& batch);
    Jobs plan(BatchInfo& batch) const;
    void runOutputs(std::vector<OutputOperationInfo>& outputs, const Jobs& jobs);
    void runOutput(OutputOperationInfo& output, const std::function<void()>& job);
    void commit(const BatchInfo& batch);
    void undo(const BatchInfo& batch) noexcept;
    void abandon(BatchInfo& batch);
    bool isCut() const;

    StreamGraph& graph_;
    ListenerBus& bus_;
    BatchCounters& counters_;
    Clock& clock_;
    const std::stop_token stop_;

    // Changed before the start alone.
    Duration slack_{};
    Failed failed_ = Failed::stop;
    int attempts_ = 1; // at a batch
    int concurrentJobs_ = 1;
    Durability* durability_ = nullptr; // null: nothing outlives the process

    std::atomic<long> abandonedRecords_ = 0;
};

} // namespace rivulet::detail
