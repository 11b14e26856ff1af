#pragma once

#include "rivulet/error.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace rivulet {

struct JobStart {
    int jobId;
    CallSite site;           ///< the action
    std::string group;       ///< empty: none
    std::string description; ///< by `Context::setJobGroup` or `setJobDescription`
};
struct JobEnd {
    int jobId;
    std::string error; ///< empty: the job succeeded
    std::chrono::nanoseconds duration;
};
/// What one executor run does: the map tasks of a shuffle, or the tasks of the action.
struct StageInfo {
    int stageId, jobId;
    int tasks;     ///< those that are to run: outputs that are there already are not computed again
    int shuffleId; ///< -1: the stage of the action
};
struct StageEnd {
    StageInfo stage;
    bool succeeded;
    std::chrono::nanoseconds duration;
};
/// One attempt.
struct TaskInfo {
    std::uint64_t taskAttemptId;
    int stageId, jobId, partition, attempt;
};
struct TaskEnd {
    TaskInfo task;
    std::string error; ///< empty: the attempt succeeded
    std::chrono::nanoseconds duration;
    std::size_t shuffleBytesWritten;
};

/// Is told what jobs do; `Context::addListener`.
///
/// Threads: called from a thread of the context's own, one event after the other in the order in which they happened.
/// Tasks do not wait for it: where more than `rivulet.listenerBus.capacity` events wait, further ones are dropped, with
/// a warning. What a listener throws is logged
/// Source:  Spark SparkListener
class JobListener {
  public:
    virtual ~JobListener();
    virtual void onJobStart(const JobStart&) {}
    virtual void onJobEnd(const JobEnd&) {}
    virtual void onStageSubmitted(const StageInfo&) {}
    virtual void onStageCompleted(const StageEnd&) {}
    virtual void onTaskStart(const TaskInfo&) {}
    virtual void onTaskEnd(const TaskEnd&) {}
};

} // namespace rivulet
