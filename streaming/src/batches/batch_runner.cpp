#include "batches/batch_runner.h"

#include "durable/durability.h"
#include "rivulet/log.h"

#include <algorithm>
#include <thread>

namespace rivulet::detail {
namespace {

using Microseconds = std::chrono::microseconds;
using Steady = std::chrono::steady_clock;

Microseconds since(Steady::time_point begun) { return std::chrono::duration_cast<Microseconds>(Steady::now() - begun); }

/// The failure of a batch, with its time in front of what failed.
std::exception_ptr describeFailure(Time time, const std::exception_ptr& thrown) {
    const std::string batch = "batch " + std::to_string(time.time_since_epoch().count()) + " ms: ";
    try {
        std::rethrow_exception(thrown);
    } catch (const JobError& error) {
        return std::make_exception_ptr(JobError(batch + error.what(), error.cause()));
    } catch (const Error&) {
        return thrown;
    } catch (...) {
        return std::make_exception_ptr(
            JobError(batch + "a function on the driver threw: " + messageOf(thrown), thrown));
    }
}

} // namespace

BatchRunner::BatchRunner(StreamGraph& graph, ListenerBus& bus, BatchCounters& counters, Clock& clock,
                         std::stop_token stop)
    : graph_(graph),
      bus_(bus),
      counters_(counters),
      clock_(clock),
      stop_(std::move(stop)) {}

void BatchRunner::readSettings(const Conf& conf, Time zero) {
    current_ = zero;
    planned_ = zero.time_since_epoch().count();
    slack_ = graph_.slack();
    hasState_ = graph_.hasState();
    const std::string failed = conf.get("rivulet.streaming.failedBatches");
    failed_ = failed == "retry" ? Failed::retry : failed == "skip" ? Failed::skip : Failed::stop;
    if (failed_ == Failed::retry) attempts_ = int(conf.getInt("rivulet.streaming.maxBatchFailures"));
    concurrentJobs_ = int(conf.getInt("rivulet.streaming.concurrentJobs"));
}

void BatchRunner::run(Time time) {
    const ThreadMark<BatchRunner> mark(this);
    awaitSinks();
    current_ = time;
    ++batches_;
    BatchInfo batch;
    batch.batchTime = time;
    batch.inputNames = graph_.inputNames();
    batch.submissionTime = clock_.now();
    const auto begun = Steady::now();
    bus_.tellPosted();
    try {
        begin(batch);
    } catch (...) {
        batch.failure = describeFailure(time, std::current_exception());
    }
    if (!batch.failure) attemptUntilDone(batch);
    if (batch.failure)
        abandon(batch);
    else
        deliver(batch);
    batch.processingEndTime = clock_.now();
    batch.processingDelay = since(begun);
    counters_.completed(batch);
    logBatch(batch);
    bus_.tell([&](StreamingListener& listener) { listener.onBatchCompleted(batch); });
    forgotten_.clear();
    lastWasShort_ = batch.processingDelay < std::chrono::milliseconds(1);
    if (!batch.failure) return;
    if (failed_ != Failed::skip || isCut()) std::rethrow_exception(batch.failure);
    logError("skipped with its " + std::to_string(batch.numRecords()) + " records: " + messageOf(batch.failure));
}

/// Where sinks have not taken many batches that are committed for them, waits until they do: what comes in waits then
/// too.
void BatchRunner::awaitSinks() {
    using namespace std::chrono_literals;
    if (!durability_) return;
    Outbox& outbox = durability_->outbox();
    for (Duration pause = 100ms; outbox.isFull(); pause = std::min<Duration>(2 * pause, 10s)) {
        if (!clock_.waitUntil(clock_.now() + pause, stop_))
            throw IoError("a stop while batches wait for their sinks: " + outbox.waiting() +
                          ". They are in the checkpoint, and the next start goes on with them");
        outbox.deliver(true);
    }
}

/// Fixes what belongs to the batch.
void BatchRunner::begin(BatchInfo& batch) {
    forget(batch.batchTime);
    allocate(batch);
    if (durability_) durability_->begun(batch.batchTime);
    counters_.submitted(batch);
    bus_.tell([&](StreamingListener& listener) { listener.onBatchSubmitted(batch); });
    batch.schedulingDelay =
        std::max<Microseconds>(batch.submissionTime - batch.batchTime - slack_, Microseconds::zero());
    batch.processingStartTime = clock_.now();
    counters_.started(batch);
    bus_.tell([&](StreamingListener& listener) { listener.onBatchStarted(batch); });
}

/// What nobody looks back to: before anything is made, so that it does not hold a version of a state, which would be
/// copied. To destroy it takes 15 us of an empty batch's 80, so that waits for the end of the batch where it can: where
/// there is no state, and where there is little, for much would be memory that this batch can have.
void BatchRunner::forget(Time time) {
    for (const auto& node : graph_.nodes()) node->forgetUpTo(time, forgotten_);
    if (hasState_ || !lastWasShort_) forgotten_.clear();
}

void BatchRunner::allocate(BatchInfo& batch) const {
    for (const auto& input : graph_.inputs()) {
        batch.inputRecords[input->id()] =
            durability_ ? durability_->allocate(*input, batch.batchTime) : input->allocate(batch.batchTime);
        if (auto told = input->describe(batch.batchTime); !told.empty())
            batch.inputDescriptions.emplace(input->id(), std::move(told));
    }
}

void BatchRunner::attemptUntilDone(BatchInfo& batch) {
    for (int tried = 1;; ++tried) {
        attempt(batch, tried - 1);
        if (!batch.failure || tried >= attempts_ || stop_.stop_requested() || isCut()) return;
        logWarn("attempt " + std::to_string(tried) + " of " + std::to_string(attempts_) +
                " failed and is repeated: " + messageOf(batch.failure));
    }
}

/// Makes an attempt at a batch whose input is fixed. One that fails notes why, and leaves all as it was.
void BatchRunner::attempt(BatchInfo& batch, int tried) {
    batch.outputs.clear();
    batch.failure = nullptr;
    try {
        const auto jobs = plan(batch, contextOf(batch.batchTime, tried));
        runOutputs(batch.outputs, jobs);
        commit(batch);
    } catch (...) {
        undo(batch);
        batch.failure = describeFailure(batch.batchTime, std::current_exception());
    }
}

BatchContext BatchRunner::contextOf(Time time, int tried) const {
    BatchContext context = durability_ ? durability_->contextOf(time) : BatchContext{time, batches_, false, 0, 0, {}};
    context.attempt = tried;
    return context;
}

/// Computes what lasts, and has every output ask for its RDD: the jobs of the outputs that have something to do. This
/// calls functions of the program, so it holds no lock.
BatchRunner::Jobs BatchRunner::plan(BatchInfo& batch, const BatchContext& context) {
    struct Planning {
        bool& flag;
        explicit Planning(bool& planning) : flag(planning) { flag = true; }
        ~Planning() { flag = false; }
    } const planning(planning_);
    for (KeptByBatch* lasting : graph_.kept()) lasting->materialize(batch.batchTime);
    Jobs jobs;
    int id = 0;
    for (const auto& declared : graph_.outputs()) {
        auto job = declared.jobAt(context);
        if (job) {
            jobs.push_back(std::move(job));
            auto& output = batch.outputs.emplace_back();
            output.batchTime = batch.batchTime;
            output.id = id;
            output.name = declared.site.operation;
            output.description = declared.site.text();
        }
        ++id;
    }
    planned_ = batch.batchTime.time_since_epoch().count();
    return jobs;
}

/// Runs the outputs in their order, as many at a time as is set; after one that failed no other is begun. Throws what
/// the first of those that failed threw.
void BatchRunner::runOutputs(std::vector<OutputOperationInfo>& outputs, const Jobs& jobs) {
    std::atomic<std::size_t> next = 0;
    std::atomic<bool> failed = false;
    std::vector<std::exception_ptr> thrown(jobs.size());
    const auto work = [&] {
        const ThreadMark<BatchRunner> mark(this);
        for (std::size_t i; !failed && (i = next++) < jobs.size();) {
            try {
                runOutput(outputs[i], jobs[i]);
            } catch (...) {
                thrown[i] = std::current_exception();
                failed = true;
            }
        }
    };
    {
        std::vector<std::jthread> helpers;
        for (std::size_t i = 1; i < std::min(std::size_t(concurrentJobs_), jobs.size()); ++i)
            helpers.emplace_back(work);
        work();
    }
    for (const auto& error : thrown)
        if (error) std::rethrow_exception(error);
}

/// Runs one output and tells of it; throws what it threw.
void BatchRunner::runOutput(OutputOperationInfo& output, const std::function<void()>& job) {
    output.startTime = clock_.now();
    const auto begun = Steady::now();
    bus_.tell([&](StreamingListener& listener) { listener.onOutputOperationStarted(output); });
    std::exception_ptr thrown;
    try {
        job();
    } catch (...) {
        thrown = std::current_exception();
        output.failure = describeFailure(output.batchTime, thrown);
    }
    output.duration = since(begun);
    output.endTime = clock_.now();
    bus_.tell([&](StreamingListener& listener) { listener.onOutputOperationCompleted(output); });
    if (thrown) std::rethrow_exception(thrown);
}

/// The one place where a batch is finished: all of it has succeeded, and what it changed comes into force. What must be
/// true in a crash from here on is to be written before the first `commit`; a throw here undoes the attempt.
void BatchRunner::commit(const BatchInfo& batch) {
    if (durability_) durability_->commit(batch.batchTime);
    for (KeptByBatch* lasting : graph_.kept()) lasting->commit(batch.batchTime);
}

/// After each attempt that failed, the last one too.
void BatchRunner::undo(const BatchInfo& batch) noexcept {
    for (const auto& node : graph_.derived()) node->drop(batch.batchTime); // made of what is taken back
    for (KeptByBatch* lasting : graph_.kept()) lasting->abort(batch.batchTime);
    if (durability_) durability_->undo();
}

/// After the commit: what it holds for sinks becomes visible. A failure here does not undo the batch.
void BatchRunner::deliver(BatchInfo& batch) {
    if (!durability_) return;
    try {
        durability_->outbox().deliver();
    } catch (...) {
        isFenced_ = true;
        batch.failure = describeFailure(batch.batchTime, std::current_exception());
    }
}

/// The one place where a batch is given up, after its last attempt, or when its input could not be fixed: its records
/// are lost, and counted. No listener knows of it yet.
void BatchRunner::abandon(BatchInfo& batch) {
    abandonedRecords_ += batch.numRecords();
    planned_ = batch.batchTime.time_since_epoch().count();
    if (!durability_ || failed_ != Failed::skip || isCut()) return;
    try {
        durability_->commitSkipped(batch.batchTime); // or a restart would run it again
    } catch (...) {
        batch.failure = describeFailure(batch.batchTime, std::current_exception());
    }
}

/// Whether nothing can be stored any more: after a write that failed no batch may follow (F18), nor where another
/// process goes on (F13).
bool BatchRunner::isCut() const { return isFenced_ || (durability_ && durability_->failed()); }

} // namespace rivulet::detail
