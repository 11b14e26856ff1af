#include "rivulet/task_context.h"

#include "rivulet/error.h"
#include "rivulet/jobs/accumulator.h"
#include "rivulet/jobs/job_scope.h"
#include "rivulet/log.h"

namespace rivulet {
namespace {

thread_local TaskContext* current = nullptr;
std::atomic<std::uint64_t> nextAttempt = 0;

} // namespace

TaskContext::TaskContext(detail::Engine& engine, const std::atomic<bool>& cancelled, int jobId, int stageId,
                         int partitionId, int attemptNumber, const JobScope* scope)
    : engine_(engine),
      cancelled_(cancelled),
      jobId_(jobId),
      stageId_(stageId),
      partitionId_(partitionId),
      attemptNumber_(attemptNumber),
      taskAttemptId_(nextAttempt.fetch_add(1, std::memory_order_relaxed)),
      outer_(std::exchange(current, this)),
      scope_(scope) {}

TaskContext::~TaskContext() { current = outer_; }

TaskContext* TaskContext::get() noexcept { return current; }

std::string TaskContext::getLocalProperty(std::string_view key) const {
    if (!scope_) return {};
    const auto found = scope_->properties.find(std::string(key));
    return found == scope_->properties.end() ? std::string() : found->second;
}

detail::AccumulatorPart& TaskContext::addPart(std::shared_ptr<detail::AccumulatorCore> core) {
    core->requireRegistered();
    auto part = core->makePart();
    parts_.push_back({std::move(core), std::move(part)});
    return *parts_.back().part;
}

void TaskContext::mergeParts() noexcept {
    for (const Part& part : parts_) {
        try {
            part.core->merge(*part.part);
        } catch (...) { // the task's result is right; its job goes on
            logError("accumulator '" + part.core->name() +
                     "' lost what a task added: its merge threw: " + detail::messageOf(std::current_exception()));
        }
    }
    parts_.clear();
}

void TaskContext::throwCancelled() { throw CancelledError("the task was cancelled"); }

} // namespace rivulet
