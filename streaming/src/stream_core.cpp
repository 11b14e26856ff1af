#include "rivulet/stream/core.h"

#include "batches/batch_runner.h"
#include "batches/ticks.h"
#include "durable/durability.h"
#include "rivulet/log.h"
#include "signal_stop.h"

#include <algorithm>
#include <condition_variable>
#include <future>
#include <thread>

// The life of a StreamingContext: what is declared, the start, the loop, the stop. What one batch does: batches/.

namespace rivulet::detail {
namespace {

std::mutex activeMutex;
std::weak_ptr<StreamCore> activeCore; // guarded by activeMutex
std::string activeSite;               // guarded by activeMutex

} // namespace

/// A savepoint that was asked for and not begun.
struct AskedSavepoint {
    std::string path;                                 // empty: it gets a name
    std::shared_ptr<std::promise<std::string>> waits; // null: nobody does
    void fail(const std::exception_ptr& failure) const {
        if (waits)
            waits->set_exception(failure);
        else
            logError("cannot make a savepoint: " + messageOf(failure));
    }
};

struct StreamCore::Impl {
    explicit Impl(Clock& clock) : runner(graph, bus, counters, clock, stopSource.get_token()) {}

    mutable std::mutex mutex; // guards the following up to the next empty line
    std::condition_variable changed;
    State state = State::INITIALIZED;
    bool starting = false;
    bool stopRequested = false, stopGracefully = false, stopContext = false;
    std::exception_ptr failure;
    long unallocated = 0; // records that waited when the context was stopped
    std::vector<AskedSavepoint> savepoints;
    std::thread loop;

    // Own synchronization.
    std::stop_source stopSource;
    StreamGraph graph;
    ListenerBus bus;
    BatchCounters counters;
    BatchRunner runner;

    // Changed before the start alone; then used by the thread that runs the batches.
    Duration remembered{};
    std::optional<LateBatches> lateBatches; // nothing: as the configuration says
    std::string checkpointDirectory;        // empty: nothing outlives the process
    CheckpointOptions checkpointOptions;
    std::unique_ptr<Durability> durability;
    Ticks ticks;

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
      impl_(std::make_unique<Impl>(*clock_)) {}

StreamCore::~StreamCore() {
    if (!impl_->loop.joinable()) return;
    // The loop owns a share, so it is at its end: this is its own thread, or it has nothing left to do.
    if (impl_->loop.get_id() == std::this_thread::get_id())
        impl_->loop.detach();
    else
        impl_->loop.join();
}

Time StreamCore::zeroTime() const { return impl_->ticks.zero(); }

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

void StreamCore::add(Output output) { impl_->graph.add(std::move(output)); }

void StreamCore::add(std::shared_ptr<Input> input) { impl_->graph.add(std::move(input)); }

std::vector<InputInfo> StreamCore::inputs() const {
    std::vector<InputInfo> infos;
    for (const auto& input : impl_->graph.declaredInputs())
        infos.push_back({input->id(), input->name(), input->isReceiver()});
    return infos;
}

void StreamCore::post(std::function<void(StreamingListener&)> event) { impl_->bus.post(std::move(event)); }

void StreamCore::add(std::shared_ptr<StreamingListener> listener) { impl_->bus.add(std::move(listener)); }

void StreamCore::remove(const std::shared_ptr<StreamingListener>& listener) { impl_->bus.remove(listener); }

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

void StreamCore::setLateBatches(LateBatches policy, std::source_location where) {
    requireOpen("setLateBatches", where);
    impl_->lateBatches = policy;
}

void StreamCore::checkpoint(std::string directory, CheckpointOptions options, std::source_location where) {
    requireOpen("checkpoint", where);
    while (directory.size() > 1 && directory.back() == '/') directory.pop_back();
    if (directory.empty())
        throw UsageError("checkpoint: the directory has no name; leave checkpoint() out where nothing is to outlive "
                         "the process",
                         where);
    if (const auto scheme = directory.find("://"); scheme != directory.npos)
        throw UsageError("checkpoint: '" + directory +
                             "' names a scheme; a checkpoint lies in a local directory, which "
                             "is given by its path",
                         where);
    if (options.copyEvery < 1 || options.copies < 1)
        throw UsageError("checkpoint: a copy every " + std::to_string(options.copyEvery) + " batches, of which " +
                             std::to_string(options.copies) + " are kept, was asked for; both must be positive",
                         where);
    impl_->checkpointDirectory = std::move(directory);
    impl_->checkpointOptions = std::move(options);
}

const std::string& StreamCore::checkpointDirectory() const { return impl_->checkpointDirectory; }

// ---- savepoints

std::string StreamCore::savepoint(std::string path, bool waits, std::source_location where) {
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    const bool withinBatch = TaskContext::get() || impl_->runner.isRunning() || impl_->bus.isTelling();
    std::future<std::string> made;
    bool hasLoop = false;
    {
        const std::lock_guard lock(impl_->mutex);
        if (impl_->checkpointDirectory.empty())
            throw UsageError("savepoint: there is no checkpoint directory, and what is not stored cannot be copied; "
                             "call checkpoint(directory) before the start",
                             where);
        if (impl_->state != State::ACTIVE)
            throw UsageError("savepoint: this StreamingContext does not run; call it between start() and stop(). The "
                             "checkpoint directory of a stopped program may be copied as it is",
                             where);
        AskedSavepoint asked{path, nullptr};
        if (waits && !withinBatch) {
            asked.waits = std::make_shared<std::promise<std::string>>();
            made = asked.waits->get_future();
        }
        impl_->savepoints.push_back(std::move(asked));
        hasLoop = impl_->loop.joinable();
    }
    if (!made.valid()) return path;
    if (!hasLoop) beginSavepoints(); // between two batches, which this thread runs
    return made.get();
}

void StreamCore::beginSavepoints() noexcept {
    std::vector<AskedSavepoint> asked;
    {
        const std::lock_guard lock(impl_->mutex);
        asked.swap(impl_->savepoints);
    }
    for (const AskedSavepoint& savepoint : asked) {
        try {
            const Conf& conf = context_.conf();
            constexpr const char* kFolder = "rivulet.streaming.savepoints.directory";
            impl_->durability->beginSavepoint(
                {savepoint.path,
                 conf.contains(kFolder) ? conf.get(kFolder) : impl_->checkpointDirectory + ".savepoints",
                 std::size_t(conf.getInt("rivulet.streaming.savepoints.retained")),
                 [savepoint](const std::string& path, const std::exception_ptr& failure) {
                     if (failure) return savepoint.fail(failure);
                     logInfo("the savepoint '" + path + "' is complete");
                     if (savepoint.waits) savepoint.waits->set_value(path);
                 }});
        } catch (...) {
            savepoint.fail(std::current_exception());
        }
    }
}

Time StreamCore::lastBatchTime() const { return impl_->ticks.last(); }

Duration StreamCore::slack() const { return impl_->ticks.slack(); }

std::shared_ptr<StreamCore> StreamCore::active() {
    std::shared_ptr<StreamCore> core;
    {
        std::lock_guard lock(activeMutex);
        core = activeCore.lock();
    }
    return core && core->state() == State::ACTIVE ? core : nullptr;
}

StreamingMetrics StreamCore::metrics() const { return impl_->counters.snapshot(); }

bool StreamCore::isPlanning(Time time) const { return impl_->runner.isPlanning(time); }

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
    return timesTo(std::max(first, zero + slide), std::min(last, floorTime(impl_->runner.lastAskable(), slide, zero)),
                   slide);
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
        if (impl_->graph.outputs().empty())
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
        impl_->graph.freeze(impl_->remembered, !impl_->checkpointDirectory.empty());
        if (impl_->checkpointDirectory.empty()) impl_->graph.requireNoSinks();
        if (impl_->checkpointDirectory.empty()) impl_->graph.requireNoPages(where);
        Time zero = floorTime(clock_->now(), batchDuration_);
        if (!impl_->checkpointDirectory.empty()) {
            const std::string application =
                context_.conf().contains("rivulet.app.name") ? context_.conf().get("rivulet.app.name") : std::string();
            impl_->durability = std::make_unique<Durability>(impl_->checkpointDirectory, impl_->checkpointOptions,
                                                             application, impl_->graph, batchDuration_,
                                                             context_.conf().getBool("rivulet.streaming.plan.sync"));
            impl_->durability->outbox().setLimits(
                {.batches = std::size_t(context_.conf().getInt("rivulet.streaming.outbox.maxBatches")),
                 .bytes = std::size_t(context_.conf().getBytes("rivulet.streaming.outbox.maxBytes"))});
            impl_->durability->beginAt(zero);
            zero = impl_->durability->zeroTime();
        }
        impl_->runner.readSettings(context_.conf(), impl_->durability ? impl_->durability->lastTime() : zero);
        impl_->ticks = Ticks({.zero = zero,
                              .batch = batchDuration_,
                              .slack = impl_->graph.slack(),
                              .longSlides = impl_->graph.slidesOver(batchDuration_),
                              .late = impl_->lateBatches.value_or(
                                  parseLateBatches(context_.conf().get("rivulet.streaming.lateBatches")))});
        if (impl_->durability) {
            impl_->ticks.setLast(impl_->durability->lastTime());
            impl_->durability->recoverStates(
                std::size_t(context_.conf().getBytes("rivulet.streaming.state.cacheBytes")));
            impl_->durability->beginToWrite({[this, stop = impl_->stopSource.get_token()] {
                                                 constexpr Duration kPause = std::chrono::seconds(1);
                                                 impl_->counters.setDiskFull(true);
                                                 return clock_->waitUntil(clock_->now() + kPause, stop);
                                             },
                                             [this] { impl_->counters.setDiskFull(false); }});
            impl_->durability->recoverSinks();
        }
        impl_->graph.startInputs();
        if (impl_->durability) impl_->durability->restorePositions();
        impl_->runner.setDurability(impl_->durability.get());
        if (inLoop && context_.conf().getBool("rivulet.streaming.stopGracefullyOnShutdown"))
            stopOnSignal(shared_from_this(), true);
        if (const std::string signal = context_.conf().get("rivulet.streaming.savepoints.signal");
            inLoop && impl_->durability && signal != "none")
            savepointOnSignal(shared_from_this(), signal);
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
    impl_->bus.tell([this](StreamingListener& listener) { listener.onStreamingStarted(zeroTime()); });
}

// ---- batches

void StreamCore::runLoop() {
    const auto stop = impl_->stopSource.get_token();
    tellStarted();
    try {
        runPlanned();
        while (const auto time = impl_->ticks.await(*clock_, stop)) {
            impl_->counters.missed(impl_->ticks.missedBefore(*time));
            runBatch(*time);
            beginSavepoints();
        }
    } catch (...) {
        impl_->fail(std::current_exception());
    }
    finish();
}

void StreamCore::runBatch(Time time) {
    impl_->ticks.setLast(time);
    impl_->runner.run(time);
}

/// What an earlier process has begun has to be finished first: its outputs may have gone out.
void StreamCore::runPlanned() {
    if (!impl_->durability) return;
    if (const auto time = impl_->durability->planned()) runBatch(*time);
}

void StreamCore::runBatchIfDue() {
    runPlanned();
    if (const auto due = impl_->ticks.latest(clock_->now())) runBatch(*due);
    beginSavepoints();
}

// ---- stop

/// Stops the inputs, processes or counts what they still hold, and lets everybody know. On the thread that runs the
/// batches.
void StreamCore::finish() noexcept {
    for (const auto& input : impl_->graph.inputs()) input->stop();
    if (impl_->durability) impl_->durability->flushReceived();
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
            while (impl_->graph.hasMore() && std::chrono::steady_clock::now() < deadline)
                runBatch(impl_->ticks.last() + batchDuration_);
        } catch (...) {
            impl_->fail(std::current_exception());
        }
    }
    if (impl_->durability)
        if (const std::string waiting = impl_->durability->outbox().waiting(); !waiting.empty())
            logWarn("stop: what is committed is not all visible yet; the next start makes it so: " + waiting);
    const long unallocated = impl_->graph.unallocated();
    impl_->runner.setDurability(nullptr);
    if (impl_->durability) beginSavepoints();
    impl_->durability.reset(); // gives the directory back, when the copies are made
    impl_->bus.tellPosted();
    if (stopContext) context_.stop();
    {
        std::lock_guard lock(activeMutex);
        activeCore.reset();
    }
    std::lock_guard lock(impl_->mutex);
    impl_->unallocated = unallocated;
    if (const long lost = unallocated + impl_->runner.abandonedRecords(); lost > 0)
        logWarn(std::to_string(lost) + " received records were not processed, because " +
                (impl_->failure ? "a batch failed"
                 : graceful     ? "the graceful stop took too long"
                                : "the stop was not graceful"));
    for (const AskedSavepoint& asked : impl_->savepoints) // after the last one was begun
        asked.fail(std::make_exception_ptr(CancelledError("savepoint: the StreamingContext was stopped before it")));
    impl_->savepoints.clear();
    impl_->starting = false;
    impl_->state = State::STOPPED;
    impl_->changed.notify_all();
}

void StreamCore::stop(bool stopContext, bool graceful) {
    if (impl_->bus.isTelling())
        throw UsageError(
            "stop: a StreamingContext cannot be stopped from within a listener; set a flag and stop it from "
            "another thread");
    const bool withinBatch = TaskContext::get() || impl_->runner.isRunning();
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

bool StreamCore::isStopping() const { return impl_->stopSource.stop_requested(); }

void StreamCore::release() noexcept {
    try {
        if (!impl_->bus.isTelling()) return stop(false, false);
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
    long records = impl_->runner.abandonedRecords();
    for (const auto& input : impl_->graph.declaredInputs()) records += input->dropped();
    std::lock_guard lock(impl_->mutex);
    return records + impl_->unallocated;
}

} // namespace rivulet::detail
