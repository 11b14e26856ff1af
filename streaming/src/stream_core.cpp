#include "rivulet/stream/core.h"

#include "batch_counters.h"
#include "rivulet/clock.h"
#include "rivulet/log.h"
#include "signal_stop.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>
#include <unordered_set>

namespace rivulet::detail {
namespace {

using Microseconds = std::chrono::microseconds;

enum class LateTicks { all, merge, skip };

enum class FailedBatches { stop, retry, skip };

FailedBatches parseFailedBatches(const std::string& name) {
    return name == "retry" ? FailedBatches::retry : name == "skip" ? FailedBatches::skip : FailedBatches::stop;
}

LateTicks parseLateTicks(const std::string& name) {
    return name == "all" ? LateTicks::all : name == "skip" ? LateTicks::skip : LateTicks::merge;
}

std::mutex activeMutex;
std::weak_ptr<StreamCore> activeCore; // guarded by activeMutex
std::string activeSite;               // guarded by activeMutex

constexpr std::size_t kMostPosted = 1000; // of what waits to be told; more would be a receiver gone wild

std::string timeText(Time time) { return std::to_string(time.time_since_epoch().count()) + " ms"; }

/// The failure of a batch, with its time in front of what failed.
std::exception_ptr describeBatchFailure(Time time, const std::exception_ptr& thrown) {
    const std::string batch = "batch " + timeText(time) + ": ";
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

struct StreamCore::Impl {
    mutable std::mutex mutex; // guards the following up to the next empty line
    std::condition_variable changed;
    State state = State::INITIALIZED;
    bool starting = false;
    bool stopRequested = false, stopGracefully = false, stopContext = false;
    std::exception_ptr failure;
    long dropped = 0;
    std::vector<std::shared_ptr<StreamingListener>> listeners;
    std::vector<std::function<void(StreamingListener&)>> posted;
    std::thread loop;

    // Own synchronization.
    std::stop_source stopSource;
    std::mutex telling; // listeners hear of one event at a time
    static inline thread_local const Impl* withinBatch = nullptr;
    static inline thread_local const Impl* withinListener = nullptr;
    std::recursive_mutex graph; // held while a batch is planned or forgotten, or a slice is taken
    BatchCounters counters;

    // Changed before the start alone; then used by the thread that runs the batches.
    std::vector<std::shared_ptr<Input>> declaredInputs, inputs; // of those, the ones that outputs need
    std::shared_ptr<const std::map<int, std::string>> inputNames;
    std::vector<Output> outputs;
    std::vector<StreamNodePtr> nodes; // all that outputs need, parents first
    std::vector<KeptByBatch*> kept;   // of those, what lasts from batch to batch
    Duration remembered{};
    Duration slack{}; // how much later than their times batches run
    Time zeroTime{}, lastBatch{};
    LateTicks lateTicks = LateTicks::merge;
    FailedBatches failedBatches = FailedBatches::stop;
    int attempts = 1; // at a batch
    int concurrentJobs = 1;

    /// Marks the calling thread for as long as it lives.
    struct Mark {
        const Impl*& within;
        const Impl* before;
        Mark(const Impl*& marked, const Impl* impl) : within(marked), before(marked) { within = impl; }
        ~Mark() { within = before; }
    };

    template <class Event> void tell(Event event) {
        std::vector<std::shared_ptr<StreamingListener>> told;
        {
            std::lock_guard lock(mutex);
            told = listeners;
        }
        const Mark mark(withinListener, this);
        std::lock_guard lock(telling);
        for (const auto& listener : told) {
            try {
                event(*listener);
            } catch (...) {
                logError("a streaming listener threw: " + messageOf(std::current_exception()));
            }
        }
    }

    void tellPosted() {
        std::vector<std::function<void(StreamingListener&)>> events;
        {
            std::lock_guard lock(mutex);
            events.swap(posted);
        }
        for (const auto& event : events) tell(event);
    }

    void collectNodes() {
        struct Visit {
            StreamNodePtr node;
            bool parentsDone = false;
        };
        std::unordered_set<const StreamNodeBase*> seen;
        std::vector<Visit> stack;
        for (auto output = outputs.rbegin(); output != outputs.rend(); ++output) stack.push_back({output->node});
        while (!stack.empty()) {
            const Visit visit = stack.back();
            stack.pop_back();
            if (visit.parentsDone) {
                nodes.push_back(visit.node);
                if (auto* lasting = dynamic_cast<KeptByBatch*>(visit.node.get())) kept.push_back(lasting);
            } else if (seen.insert(visit.node.get()).second) {
                stack.push_back({visit.node, true});
                for (const auto& parent : visit.node->parents()) stack.push_back({parent});
            }
        }
        std::map<int, std::string> names;
        for (const auto& input : declaredInputs) {
            const auto* node = dynamic_cast<const StreamNodeBase*>(input.get());
            if (!seen.contains(node)) {
                logWarn("start: no output needs the input of " + node->site().text() + ", so it is not started");
                continue;
            }
            inputs.push_back(input);
            names.emplace(input->id(), input->name());
        }
        for (const KeptByBatch* lasting : kept) slack = std::max(slack, lasting->slack());
        inputNames = std::make_shared<const std::map<int, std::string>>(std::move(names));
        for (const auto& output : outputs) output.node->remember(std::max(remembered, output.node->slide()));
        warnOfState();
    }
    void warnOfState() const {
        std::string states;
        for (const auto& node : nodes)
            if (const auto* lasting = dynamic_cast<KeptByBatch*>(node.get()); lasting && lasting->isState())
                states += (states.empty() ? "" : ", ") + node->site().text();
        if (!states.empty()) logWarn("start: no checkpoint directory is set, so a crash loses the state of " + states);
    }

    void readSettings(const Conf& conf) {
        lateTicks = parseLateTicks(conf.get("rivulet.streaming.lateTicks"));
        failedBatches = parseFailedBatches(conf.get("rivulet.streaming.failedBatches"));
        if (failedBatches == FailedBatches::retry) attempts = int(conf.getInt("rivulet.streaming.maxBatchFailures"));
        concurrentJobs = int(conf.getInt("rivulet.streaming.concurrentJobs"));
    }

    void allocate(Time time, BatchInfo& info) const {
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            info.inputRecords[inputs[i]->id()] = inputs[i]->allocate(time);
            if (auto told = inputs[i]->describe(time); !told.empty())
                info.inputDescriptions.emplace(inputs[i]->id(), std::move(told));
        }
    }

    /// The jobs of the outputs that have something to do at this time, in the order of `info.outputs`.
    std::vector<std::function<void()>> plan(Time time, BatchInfo& info) const {
        std::vector<std::function<void()>> jobs;
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            auto job = outputs[i].jobAt(time);
            if (!job) continue;
            jobs.push_back(std::move(job));
            auto& output = info.outputs.emplace_back();
            output.batchTime = time;
            output.id = int(i);
            output.name = outputs[i].site.operation;
            output.description = outputs[i].site.text();
        }
        return jobs;
    }

    /// Runs one output and tells of it; throws what it threw.
    void runOutput(OutputOperationInfo& output, const std::function<void()>& job, const Clock& clock) {
        using Steady = std::chrono::steady_clock;
        output.startTime = clock.now();
        const auto begun = Steady::now();
        tell([&](StreamingListener& listener) { listener.onOutputOperationStarted(output); });
        std::exception_ptr thrown;
        try {
            job();
        } catch (...) {
            thrown = std::current_exception();
            output.failure = describeBatchFailure(output.batchTime, thrown);
        }
        output.duration = std::chrono::duration_cast<Microseconds>(Steady::now() - begun);
        output.endTime = clock.now();
        tell([&](StreamingListener& listener) { listener.onOutputOperationCompleted(output); });
        if (thrown) std::rethrow_exception(thrown);
    }

    /// Runs the outputs in their order, as many at a time as is set; after one that failed no other is begun. Throws
    /// what the first of those that failed threw.
    void runOutputs(std::vector<OutputOperationInfo>& outputs, const std::vector<std::function<void()>>& jobs,
                    const Clock& clock) {
        std::atomic<std::size_t> next = 0;
        std::atomic<bool> failed = false;
        std::vector<std::exception_ptr> thrown(jobs.size());
        const auto work = [&] {
            const Mark mark(withinBatch, this);
            for (std::size_t i; !failed && (i = next++) < jobs.size();) {
                try {
                    runOutput(outputs[i], jobs[i], clock);
                } catch (...) {
                    thrown[i] = std::current_exception();
                    failed = true;
                }
            }
        };
        {
            std::vector<std::jthread> helpers;
            for (std::size_t i = 1; i < std::min(std::size_t(concurrentJobs), jobs.size()); ++i)
                helpers.emplace_back(work);
            work();
        }
        for (const auto& error : thrown)
            if (error) std::rethrow_exception(error);
    }

    /// The next tick after `last` that is due, by the policy for late ones: merged ticks never pass over one at which a
    /// slower stream has a batch.
    Time nextTick(Time last, Time now, Duration batch) const {
        const Time next = last + batch;
        if (lateTicks == LateTicks::all || now < next + batch) return next;
        const Time latest = floorTime(now, batch, zeroTime);
        if (lateTicks == LateTicks::skip) return latest;
        Time merged = latest;
        for (const auto& node : nodes)
            if (node->slide() > batch)
                merged = std::min(merged, std::max(next, floorTime(last, node->slide(), zeroTime) + node->slide()));
        return merged;
    }

    /// With `mutex` held.
    void requestStop(bool context, bool graceful) {
        stopRequested = true;
        stopGracefully = graceful;
        stopContext = stopContext || context;
        stopSource.request_stop();
    }
    void fail(std::exception_ptr error) {
        std::lock_guard lock(mutex);
        if (!failure) failure = std::move(error);
    }
};

StreamCore::StreamCore(Context context, Duration batchDuration, std::shared_ptr<Clock> clock)
    : context_(std::move(context)),
      batchDuration_(batchDuration),
      clock_(std::move(clock)),
      impl_(std::make_unique<Impl>()) {}

StreamCore::~StreamCore() {
    if (!impl_->loop.joinable()) return;
    // The loop owns a share, so it is at its end: this is its own thread, or it has nothing left to do.
    if (impl_->loop.get_id() == std::this_thread::get_id())
        impl_->loop.detach();
    else
        impl_->loop.join();
}

Time StreamCore::zeroTime() const { return impl_->zeroTime; }

void StreamCore::runBatchIfDue() {
    const Time due = floorTime(clock_->now() - impl_->slack, batchDuration_, impl_->zeroTime);
    if (due > impl_->lastBatch) runBatch(due);
}

StreamCore::State StreamCore::state() const {
    std::lock_guard lock(impl_->mutex);
    return impl_->state;
}

void StreamCore::requireOpen(const char* operation, std::source_location where) const {
    const State now = state();
    if (now == State::INITIALIZED) return;
    throw UsageError(std::string(operation) + ": streams and outputs cannot be added after the StreamingContext was " +
                         (now == State::ACTIVE ? "started" : "stopped") + "; declare them before start()",
                     where);
}

void StreamCore::add(Output output) { impl_->outputs.push_back(std::move(output)); }

void StreamCore::add(std::shared_ptr<Input> input) {
    input->setId(int(impl_->declaredInputs.size()));
    impl_->declaredInputs.push_back(std::move(input));
}

std::vector<InputInfo> StreamCore::inputs() const {
    std::vector<InputInfo> infos;
    for (const auto& input : impl_->declaredInputs) infos.push_back({input->id(), input->name(), input->isReceiver()});
    return infos;
}

void StreamCore::post(std::function<void(StreamingListener&)> event) {
    std::lock_guard lock(impl_->mutex);
    if (impl_->posted.size() < kMostPosted) impl_->posted.push_back(std::move(event));
}

void StreamCore::add(std::shared_ptr<StreamingListener> listener) {
    std::lock_guard lock(impl_->mutex);
    impl_->listeners.push_back(std::move(listener));
}

void StreamCore::remove(const std::shared_ptr<StreamingListener>& listener) {
    std::lock_guard lock(impl_->mutex);
    std::erase(impl_->listeners, listener);
}

void StreamCore::remember(Duration duration, std::source_location where) {
    requireOpen("remember", where);
    if (impl_->remembered != Duration::zero())
        throw UsageError("remember: the duration is set already (" + durationText(impl_->remembered) +
                             "); it can be set once",
                         where);
    if (duration <= Duration::zero())
        throw UsageError("remember: the duration (" + durationText(duration) + ") must be positive", where);
    impl_->remembered = duration;
}

std::shared_ptr<StreamCore> StreamCore::active() {
    std::shared_ptr<StreamCore> core;
    {
        std::lock_guard lock(activeMutex);
        core = activeCore.lock();
    }
    return core && core->state() == State::ACTIVE ? core : nullptr;
}

StreamingMetrics StreamCore::metrics() const { return impl_->counters.snapshot(); }

std::unique_lock<std::recursive_mutex> StreamCore::holdGraph() const { return std::unique_lock(impl_->graph); }

std::vector<Time> StreamCore::batchTimes(const char* operation, Time from, Time to, Duration slide,
                                         std::source_location where) const {
    if (state() == State::INITIALIZED)
        throw UsageError(std::string(operation) + ": this stream has not been initialized, because its "
                                                  "StreamingContext was not started; call it after start()",
                         where);
    const Time zero = zeroTime(), first = floorTime(from, slide, zero), last = floorTime(to, slide, zero);
    if (first != from || last != to)
        logWarn(std::string(operation) + ": the ends " + toString(Interval{from, to}) +
                " are no batch times; taken as " + toString(Interval{first, last}));
    return timesTo(std::max(first, zero + slide), std::min(last, floorTime(impl_->lastBatch, slide, zero)), slide);
}

// ---- start

void StreamCore::start(bool inLoop, std::source_location where) {
    context_.engine()->checkUsable();
    {
        std::lock_guard lock(impl_->mutex);
        if (impl_->state == State::ACTIVE || impl_->starting) {
            logWarn("start: this StreamingContext was started already");
            return;
        }
        if (impl_->state == State::STOPPED)
            throw UsageError("start: this StreamingContext was stopped and cannot be started again; make a new one",
                             where);
        if (impl_->outputs.empty())
            throw UsageError("start: no output operations registered, so nothing to execute; call print, foreachRDD or "
                             "saveAsTextFiles on a stream",
                             where);
        std::lock_guard activeLock(activeMutex);
        if (const auto other = activeCore.lock())
            throw UsageError("start: another StreamingContext is active in this process (started at " + activeSite +
                                 "); stop it first",
                             where);
        activeCore = weak_from_this();
        activeSite = CallSite{"start", where}.text();
        impl_->starting = true;
    }
    try {
        impl_->collectNodes();
        impl_->readSettings(context_.conf());
        impl_->zeroTime = impl_->lastBatch = floorTime(clock_->now(), batchDuration_);
        openInputs();
        if (inLoop && context_.conf().getBool("rivulet.streaming.stopGracefullyOnShutdown"))
            stopOnSignal(shared_from_this(), true);
    } catch (...) {
        impl_->fail(std::current_exception());
        finish();
        throw;
    }
    {
        std::lock_guard lock(impl_->mutex);
        impl_->starting = false;
        impl_->state = State::ACTIVE;
        if (inLoop) impl_->loop = std::thread([self = shared_from_this()] { self->runLoop(); });
    }
    if (!inLoop) tellStarted();
}

void StreamCore::tellStarted() {
    impl_->tell([this](StreamingListener& listener) { listener.onStreamingStarted(impl_->zeroTime); });
}

void StreamCore::openInputs() {
    std::size_t started = 0;
    try {
        for (; started < impl_->inputs.size(); ++started) impl_->inputs[started]->start();
    } catch (...) {
        impl_->inputs.resize(started); // finish() stops these
        throw;
    }
}

// ---- batches

void StreamCore::runLoop() {
    const auto stop = impl_->stopSource.get_token();
    tellStarted();
    try {
        while (clock_->waitUntil(impl_->lastBatch + batchDuration_ + impl_->slack, stop)) {
            const Time last = impl_->lastBatch;
            const Time next = impl_->nextTick(last, clock_->now() - impl_->slack, batchDuration_);
            impl_->counters.missed((next - last) / batchDuration_ - 1);
            runBatch(next);
        }
    } catch (...) {
        impl_->fail(std::current_exception());
    }
    finish();
}

void StreamCore::runBatch(Time time) {
    using Steady = std::chrono::steady_clock;
    const Impl::Mark mark(Impl::withinBatch, impl_.get());
    BatchInfo info;
    info.batchTime = time;
    info.inputNames = impl_->inputNames;
    info.submissionTime = clock_->now();
    const auto begun = Steady::now();
    impl_->tellPosted();
    try {
        const auto held = holdGraph();
        // Before anything is made: what nobody looks back to must not hold a version of a state, which would be copied.
        for (const auto& node : impl_->nodes) node->forgetUpTo(time);
        impl_->lastBatch = time;
        impl_->allocate(time, info);
        impl_->counters.submitted(info);
        impl_->tell([&](StreamingListener& listener) { listener.onBatchSubmitted(info); });
        info.schedulingDelay = std::max<Microseconds>(info.submissionTime - time - impl_->slack, Microseconds::zero());
        info.processingStartTime = clock_->now();
        impl_->counters.started(info);
        impl_->tell([&](StreamingListener& listener) { listener.onBatchStarted(info); });
    } catch (...) {
        info.failure = describeBatchFailure(time, std::current_exception());
    }
    if (!info.failure) tryBatch(info);
    info.processingEndTime = clock_->now();
    info.processingDelay = std::chrono::duration_cast<Microseconds>(Steady::now() - begun);
    impl_->counters.completed(info);
    logBatch(info);
    impl_->tell([&](StreamingListener& listener) { listener.onBatchCompleted(info); });
    if (!info.failure) return;
    {
        std::lock_guard lock(impl_->mutex);
        impl_->dropped += info.numRecords();
    }
    if (impl_->failedBatches != FailedBatches::skip) std::rethrow_exception(info.failure);
    logError("skipped with its " + std::to_string(info.numRecords()) + " records: " + messageOf(info.failure));
}

/// Makes attempts at a batch whose input is fixed until one succeeds; every one that fails leaves all as it was.
void StreamCore::tryBatch(BatchInfo& info) {
    const auto stop = impl_->stopSource.get_token();
    for (int attempt = 1;; ++attempt) {
        info.outputs.clear();
        info.failure = nullptr;
        try {
            auto held = holdGraph();
            for (KeptByBatch* lasting : impl_->kept) lasting->materialize(info.batchTime);
            const auto jobs = impl_->plan(info.batchTime, info);
            held.unlock();
            impl_->runOutputs(info.outputs, jobs, *clock_);
            for (KeptByBatch* lasting : impl_->kept) lasting->commit(info.batchTime);
            return;
        } catch (...) {
            for (KeptByBatch* lasting : impl_->kept) lasting->abort(info.batchTime);
            info.failure = describeBatchFailure(info.batchTime, std::current_exception());
        }
        if (attempt >= impl_->attempts || stop.stop_requested()) return;
        logWarn("attempt " + std::to_string(attempt) + " of " + std::to_string(impl_->attempts) +
                " failed and is repeated: " + messageOf(info.failure));
    }
}

// ---- stop

/// Stops the inputs, processes or counts what they still hold, and lets everybody know. On the thread that runs the
/// batches.
void StreamCore::finish() noexcept {
    for (const auto& input : impl_->inputs) input->stop();
    const auto hasMore = [this] {
        return std::any_of(impl_->inputs.begin(), impl_->inputs.end(),
                           [](const auto& input) { return input->hasMore(); }) ||
               std::any_of(impl_->kept.begin(), impl_->kept.end(),
                           [](const KeptByBatch* lasting) { return lasting->hasMore(); });
    };
    bool graceful, stopContext;
    {
        std::lock_guard lock(impl_->mutex);
        graceful = impl_->stopGracefully && !impl_->failure;
        stopContext = impl_->stopContext;
    }
    if (graceful) {
        const auto limit = context_.conf().getDuration("rivulet.streaming.gracefulStopTimeout", 10 * batchDuration_);
        const auto deadline = std::chrono::steady_clock::now() + limit;
        try {
            while (hasMore() && std::chrono::steady_clock::now() < deadline)
                runBatch(impl_->lastBatch + batchDuration_);
        } catch (...) {
            impl_->fail(std::current_exception());
        }
    }
    long left = 0;
    for (const auto& input : impl_->inputs) left += input->unallocated();
    impl_->tellPosted();
    if (stopContext) context_.stop();
    {
        std::lock_guard lock(activeMutex);
        activeCore.reset();
    }
    std::lock_guard lock(impl_->mutex);
    impl_->dropped += left;
    if (impl_->dropped > 0)
        logWarn(std::to_string(impl_->dropped) + " received records were not processed, because " +
                (impl_->failure ? "a batch failed"
                 : graceful     ? "the graceful stop took too long"
                                : "the stop was not graceful"));
    impl_->starting = false;
    impl_->state = State::STOPPED;
    impl_->changed.notify_all();
}

void StreamCore::stop(bool stopContext, bool graceful) {
    if (Impl::withinListener == impl_.get())
        throw UsageError(
            "stop: a StreamingContext cannot be stopped from within a listener; set a flag and stop it from "
            "another thread");
    const bool withinBatch = TaskContext::get() || Impl::withinBatch == impl_.get();
    std::unique_lock lock(impl_->mutex);
    if (impl_->state == State::ACTIVE || impl_->starting) {
        impl_->requestStop(stopContext, graceful);
        if (withinBatch) return; // the stop follows it
        if (impl_->starting || impl_->loop.joinable()) {
            impl_->changed.wait(lock, [this] { return impl_->state == State::STOPPED; });
        } else {
            lock.unlock();
            finish();
            lock.lock();
        }
    }
    impl_->state = State::STOPPED;
    impl_->changed.notify_all();
    std::thread loop = std::move(impl_->loop);
    lock.unlock();
    if (loop.joinable()) loop.join();
    if (stopContext) context_.stop();
}

void StreamCore::release() noexcept {
    try {
        if (Impl::withinListener != impl_.get()) return stop(false, false);
        std::lock_guard lock(impl_->mutex);
        impl_->requestStop(false, false);
    } catch (...) {
        logError("could not stop a StreamingContext: " + messageOf(std::current_exception()));
    }
}

void StreamCore::stopIfRequested() noexcept {
    {
        std::lock_guard lock(impl_->mutex);
        if (!impl_->stopRequested || impl_->state != State::ACTIVE) return;
    }
    finish();
}

bool StreamCore::awaitTermination(std::optional<Duration> timeout) {
    std::unique_lock lock(impl_->mutex);
    const auto stopped = [this] { return impl_->state == State::STOPPED; };
    if (timeout) {
        constexpr Duration kLongest = std::chrono::hours(24 * 365 * 10); // more would overflow the clock
        if (!impl_->changed.wait_for(lock, std::min(*timeout, kLongest), stopped)) return false;
    } else {
        impl_->changed.wait(lock, stopped);
    }
    if (impl_->failure) std::rethrow_exception(impl_->failure);
    return true;
}

long StreamCore::droppedRecords() const {
    long dropped = 0;
    for (const auto& input : impl_->declaredInputs) dropped += input->dropped();
    std::lock_guard lock(impl_->mutex);
    return impl_->dropped + dropped;
}

} // namespace rivulet::detail
