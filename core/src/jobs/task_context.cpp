#include "rivulet/task_context.h"

#include "rivulet/error.h"

namespace rivulet {
namespace {

thread_local TaskContext* current = nullptr;
std::atomic<std::uint64_t> nextAttempt = 0;

} // namespace

TaskContext::TaskContext(detail::Engine& engine, const std::atomic<bool>& cancelled, int jobId, int stageId,
                         int partitionId, int attemptNumber)
    : engine_(engine),
      cancelled_(cancelled),
      jobId_(jobId),
      stageId_(stageId),
      partitionId_(partitionId),
      attemptNumber_(attemptNumber),
      taskAttemptId_(nextAttempt.fetch_add(1, std::memory_order_relaxed)),
      outer_(std::exchange(current, this)) {}

TaskContext::~TaskContext() { current = outer_; }

TaskContext* TaskContext::get() noexcept { return current; }

void TaskContext::throwCancelled() { throw CancelledError("the task was cancelled"); }

} // namespace rivulet
