#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rivulet {

struct JobScope;
namespace detail {
class AccumulatorCore;
class AccumulatorPart;
class Engine;
} // namespace detail

/// What a running task knows of itself. One object per attempt, reached from user code by `TaskContext::get()`.
///
/// Threads: belongs to the thread that runs the task
/// Source:  Spark TaskContext
class TaskContext {
  public:
    TaskContext(detail::Engine& engine, const std::atomic<bool>& cancelled, int jobId, int stageId, int partitionId,
                int attemptNumber, const JobScope* scope = nullptr);
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

    /// What `Context::setLocalProperty` said on the thread that started the job; empty: nothing.
    std::string getLocalProperty(std::string_view key) const;

    bool isCancelled() const { return cancelled_.load(std::memory_order_relaxed); }
    /// Throws CancelledError once the job is to stop; tasks call it between blocks.
    void throwIfCancelled() const {
        if (isCancelled()) [[unlikely]]
            throwCancelled();
    }

    detail::Engine& engine() const { return engine_; }

    // ---- for accumulators

    /// What this attempt has added to an accumulator, or null.
    detail::AccumulatorPart* findPart(const detail::AccumulatorCore* core) const noexcept {
        for (const Part& part : parts_)
            if (part.core.get() == core) return part.part.get();
        return nullptr;
    }
    /// Errors: UsageError where the accumulator is not registered
    detail::AccumulatorPart& addPart(std::shared_ptr<detail::AccumulatorCore> core);
    /// The attempt has succeeded: what it added counts.
    void mergeParts() noexcept;

  private:
    struct Part {
        std::shared_ptr<detail::AccumulatorCore> core;
        std::shared_ptr<detail::AccumulatorPart> part;
    };
    [[noreturn]] static void throwCancelled();

    detail::Engine& engine_;
    const std::atomic<bool>& cancelled_;
    int jobId_, stageId_, partitionId_, attemptNumber_;
    std::uint64_t taskAttemptId_;
    TaskContext* outer_;
    const JobScope* scope_;
    std::vector<Part> parts_;
};

} // namespace rivulet
