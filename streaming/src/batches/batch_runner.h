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
    void readSettings(const Conf& conf, Time zero);
    /// At the start, where there is a checkpoint directory: what commits the batches.
    void setDurability(Durability* durability) { durability_ = durability; }

    /// Throws what made the batch fail, unless failed ones are to be skipped.
    void run(Time time);

    /// Records of batches that failed.
    long abandonedRecords() const { return abandonedRecords_; }
    /// Whether the calling thread is running a batch.
    bool isRunning() const { return ThreadMark<BatchRunner>::within(this); }
    /// Whether it is planning the batch of this time.
    bool isPlanning(Time time) const { return isRunning() && planning_ && time == current_; }
    /// The last batch whose RDDs the calling thread may ask for: within a batch that one, otherwise the last that was
    /// planned. What is asked for before would be made of inputs that are not there yet.
    Time lastAskable() const { return isRunning() ? current_ : Time(Duration(planned_)); }

  private:
    enum class Failed { stop, retry, skip };
    using Jobs = std::vector<std::function<void()>>; // in the order of BatchInfo::outputs

    void awaitSinks();
    void begin(BatchInfo& batch);
    void forget(Time time);
    void allocate(BatchInfo& batch) const;
    void attemptUntilDone(BatchInfo& batch);
    void attempt(BatchInfo& batch, int tried);
    BatchContext contextOf(Time time, int tried) const;
    Jobs plan(BatchInfo& batch, const BatchContext& context);
    void runOutputs(std::vector<OutputOperationInfo>& outputs, const Jobs& jobs);
    void runOutput(OutputOperationInfo& output, const std::function<void()>& job);
    void commit(const BatchInfo& batch);
    void undo(const BatchInfo& batch) noexcept;
    void deliver(BatchInfo& batch);
    void abandon(BatchInfo& batch);
    bool isCut() const;

    StreamGraph& graph_;
    ListenerBus& bus_;
    BatchCounters& counters_;
    Clock& clock_;
    const std::stop_token stop_;

    // Changed before the start alone.
    Duration slack_{};
    bool hasState_ = false;
    Failed failed_ = Failed::stop;
    int attempts_ = 1; // at a batch
    int concurrentJobs_ = 1;
    Durability* durability_ = nullptr; // null: nothing outlives the process

    // Changed by the thread that runs the batches, while no other is within one.
    Time current_{};
    bool planning_ = false;
    bool lastWasShort_ = false;
    bool isFenced_ = false;     // another process has taken a sink over
    std::uint64_t batches_ = 0; // of this process
    StreamNodeBase::Forgotten forgotten_;

    std::atomic<Duration::rep> planned_ = 0; // the time of the last batch that was
    std::atomic<long> abandonedRecords_ = 0;
};

} // namespace rivulet::detail
