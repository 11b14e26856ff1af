#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace rivulet {

namespace detail {
class Engine;
}

/// What a running task knows of itself. One object per attempt, reached from user code by `TaskContext::get()`.
///
/// Threads: belongs to the thread that runs the task
/// Source:  Spark TaskContext
class TaskContext {
  public:
    TaskContext(detail::Engine& engine, const std::atomic<bool>& cancelled, int jobId, int stageId, int partitionId,
                int attemptNumber);
    ~TaskContext();
    TaskContext(const TaskContext&) = delete;
    TaskContext& operator=(const TaskContext&) = delete;

    /// The context of the task that this thread runs, or null outside of tasks.
    static TaskContext* get() noexcept;

    int jobId() const { return jobId_; }
    int stageId() const { return stageId_; }
    int partitionId() const { return partitionId_; }
    /// 0 for the first attempt.
    int attemptNumber() const { return attemptNumber_; }
    /// Unique among all attempts of this process.
    std::uint64_t taskAttemptId() const { return taskAttemptId_; }

    bool isCancelled() const { return cancelled_.load(std::memory_order_relaxed); }
    /// Throws CancelledError once the job is to stop; tasks call it between blocks.
    void throwIfCancelled() const {
        if (isCancelled()) [[unlikely]]
            throwCancelled();
    }

    detail::Engine& engine() const { return engine_; }

  private:
    [[noreturn]] static void throwCancelled();

    detail::Engine& engine_;
    const std::atomic<bool>& cancelled_;
    int jobId_, stageId_, partitionId_, attemptNumber_;
    std::uint64_t taskAttemptId_;
    TaskContext* outer_;
};

} // namespace rivulet
