#pragma once

#include "rivulet/stream/durable/checkpoint.h"
#include "rivulet/stream/graph.h"

namespace rivulet {
class Clock;

/// What becomes of batches whose time passed while an earlier one ran.
enum class LateBatches {
    all,   ///< each runs, one after the other
    merge, ///< one takes what arrived, but never past a time at which a stream with a longer slide has a batch
    skip,  ///< the latest one takes what arrived, and streams with a longer slide may miss a batch
};

} // namespace rivulet

namespace rivulet::detail {

/// What the handles of a StreamingContext share: the graph, the clock, and the loop that runs the batches.
///
/// The loop's thread owns a share of it, so that it outlives every batch; the last handle to go asks it to stop.
///
/// Threads: own synchronization; batches run one after the other
class StreamCore : public std::enable_shared_from_this<StreamCore> {
  public:
    enum class State { INITIALIZED, ACTIVE, STOPPED };

    StreamCore(Context context, Duration batchDuration, std::shared_ptr<Clock> clock);
    ~StreamCore();

    const Context& context() const { return context_; }
    Duration batchDuration() const { return batchDuration_; }
    Clock& clock() const { return *clock_; }
    const std::shared_ptr<Clock>& sharedClock() const { return clock_; }
    Time zeroTime() const;
    State state() const;

    /// Throws a UsageError once the context was started or stopped.
    void requireOpen(const char* operation, std::source_location where) const;
    void add(Output output);
    /// Gives it the next id.
    void add(std::shared_ptr<Input> input);
    std::vector<InputInfo> inputs() const;
    void add(std::shared_ptr<StreamingListener> listener);
    void remove(const std::shared_ptr<StreamingListener>& listener);
    /// From any thread: the listeners are told between two batches.
    void post(std::function<void(StreamingListener&)> event);
    void remember(Duration duration, std::source_location where);
    void setLateBatches(LateBatches policy, std::source_location where);

    /// Where the state is stored; see StreamingContext.
    void checkpoint(std::string directory, CheckpointOptions options, std::source_location where);
    const std::string& checkpointDirectory() const;
    /// See StreamingContext. Within a batch and where it `waits` not, it only asks for one.
    std::string savepoint(std::string path, bool waits, std::source_location where);
    /// The time of the last batch that is over; that of the start before the first.
    Time lastBatchTime() const;
    /// How much later than their times batches run.
    Duration slack() const;

    /// The core that was started and not stopped, or null.
    static std::shared_ptr<StreamCore> active();
    /// What all handles share, so that a new one can be made.
    std::shared_ptr<const void> owner() const { return owner_.lock(); }
    void setOwner(std::weak_ptr<const void> owner) { owner_ = std::move(owner); }

    /// The times of the batches that were planned (and, for functions that are called within a batch, that one) at
    /// which a stream of this slide has an RDD, from `from` to `to`, both floored and included.
    ///
    /// Errors: UsageError before the start
    std::vector<Time> batchTimes(const char* operation, Time from, Time to, Duration slide,
                                 std::source_location where) const;

    /// Whether the calling thread is planning the batch of this time: what this batch does to states is done, and no
    /// other batch has changed them since.
    bool isPlanning(Time time) const;

    /// `inLoop`: batches run on a thread of their own as the clock goes; otherwise by `runBatch`, on the caller's.
    void start(bool inLoop, std::source_location where);
    /// Runs one batch; throws what made it fail.
    void runBatch(Time time);
    /// Runs the batch that the clock has come to, if it did not run yet; before it one that an earlier process has
    /// begun.
    void runBatchIfDue();
    void stop(bool stopContext, bool graceful);
    /// Whether a stop was requested, so that nobody should wait for what may not come.
    bool isStopping() const;
    /// The last handle goes: stops, or (within a batch or a listener) asks for it.
    void release() noexcept;
    /// Without a loop: the stop that the batch that has just run asked for.
    void stopIfRequested() noexcept;
    /// True once stopped; throws what made it stop.
    bool awaitTermination(std::optional<Duration> timeout);
    /// Records that were received and never processed, because the context was stopped or a batch failed.
    long droppedRecords() const;
    StreamingMetrics metrics() const;

  private:
    struct Impl;
    void runPlanned();
    void beginSavepoints() noexcept;
    void tellStarted();
    void runLoop();
    void finish() noexcept;

    const Context context_;
    const Duration batchDuration_;
    const std::shared_ptr<Clock> clock_;
    std::weak_ptr<const void> owner_;
    std::unique_ptr<Impl> impl_;
};

} // namespace rivulet::detail
