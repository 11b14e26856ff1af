#pragma once

#include "rivulet/stream/graph.h"

namespace rivulet {
class Clock;
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

    /// `inLoop`: batches run on a thread of their own as the clock goes; otherwise by `runBatch`, on the caller's.
    void start(bool inLoop, std::source_location where);
    /// Runs one batch; throws what made it fail.
    void runBatch(Time time);
    void stop(bool stopContext, bool graceful);
    /// The last handle goes: stops, or (within a batch or a listener) asks for it.
    void release() noexcept;
    /// Without a loop: the stop that the batch that has just run asked for.
    void stopIfRequested() noexcept;
    /// True once stopped; throws what made it stop.
    bool awaitTermination(std::optional<Duration> timeout);
    /// Records that were received and never processed, because the context was stopped or a batch failed.
    long droppedRecords() const;

  private:
    struct Impl;
    void openInputs();
    void tellStarted();
    void runLoop();
    void finish() noexcept;

    const Context context_;
    const Duration batchDuration_;
    const std::shared_ptr<Clock> clock_;
    std::unique_ptr<Impl> impl_;
};

} // namespace rivulet::detail
