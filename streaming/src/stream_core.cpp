#include "rivulet/stream/core.h"

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

LateTicks parseLateTicks(const std::string& name) {
    return name == "all" ? LateTicks::all : name == "skip" ? LateTicks::skip : LateTicks::merge;
}

std::mutex activeMutex;
std::weak_ptr<StreamCore> activeCore; // guarded by activeMutex
std::string activeSite;               // guarded by activeMutex

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
    std::thread loop;

    // Own synchronization.
    std::stop_source stopSource;
    std::atomic<std::thread::id> runner; // the thread that is within a batch
    std::atomic<std::thread::id> teller; // the thread that is within a listener

    // Changed before the start alone; then used by the thread that runs the batches.
    std::vector<std::shared_ptr<Input>> declaredInputs, inputs; // of those, the ones that outputs need
    std::vector<int> inputIds;
    std::vector<Output> outputs;
    std::vector<StreamNodePtr> nodes; // all that outputs need, parents first
    std::vector<KeptByBatch*> kept;   // of those, what lasts from batch to batch
    Duration remembered{};
    Time zeroTime{}, lastBatch{};
    LateTicks lateTicks = LateTicks::merge;

    /// Marks the calling thread for as long as it lives.
    struct Mark {
        std::atomic<std::thread::id>& thread;
        explicit Mark(std::atomic<std::thread::id>& marked) : thread(marked) { thread = std::this_thread::get_id(); }
        ~Mark() { thread = std::thread::id(); }
    };

    template <class Event> void tell(Event event) {
        std::vector<std::shared_ptr<StreamingListener>> told;
        {
            std::lock_guard lock(mutex);
            told = listeners;
        }
        const Mark mark(teller);
        for (const auto& listener : told) {
            try {
                event(*listener);
            } catch (...) {
                logError("a streaming listener threw: " + messageOf(std::current_exception()));
            }
        }
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
        for (std::size_t i = 0; i < declaredInputs.size(); ++i) {
            const auto* node = dynamic_cast<const StreamNodeBase*>(declaredInputs[i].get());
            if (!seen.contains(node)) {
                logWarn("start: no output needs the input of " + node->site().text() + ", so it is not started");
                continue;
            }
            inputs.push_back(declaredInputs[i]);
            inputIds.push_back(int(i));
        }
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

void StreamCore::add(std::shared_ptr<Input> input) { impl_->declaredInputs.push_back(std::move(input)); }

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
        impl_->lateTicks = parseLateTicks(context_.conf().get("rivulet.streaming.lateTicks"));
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
        while (clock_->waitUntil(impl_->lastBatch + batchDuration_, stop))
            runBatch(impl_->nextTick(impl_->lastBatch, clock_->now(), batchDuration_));
    } catch (...) {
        impl_->fail(std::current_exception());
    }
    finish();
}

void StreamCore::runBatch(Time time) {
    using Steady = std::chrono::steady_clock;
    const Impl::Mark mark(impl_->runner);
    impl_->lastBatch = time;
    BatchInfo info;
    info.batchTime = time;
    info.schedulingDelay = std::max<Microseconds>(clock_->now() - time, Microseconds::zero());
    const auto begun = Steady::now();
    // Before anything is made: what nobody looks back to must not hold a version of a state, which would be copied.
    for (const auto& node : impl_->nodes) node->forgetUpTo(time);
    try {
        for (std::size_t i = 0; i < impl_->inputs.size(); ++i)
            info.inputRecords[impl_->inputIds[i]] = impl_->inputs[i]->allocate(time);
        impl_->tell([&](StreamingListener& listener) { listener.onBatchStarted(info); });
        for (KeptByBatch* lasting : impl_->kept) lasting->materialize(time);
        std::vector<std::function<void()>> jobs;
        for (const Output& output : impl_->outputs)
            if (auto job = output.jobAt(time)) jobs.push_back(std::move(job));
        for (const auto& job : jobs) job();
        for (KeptByBatch* lasting : impl_->kept) lasting->commit(time);
    } catch (...) {
        for (KeptByBatch* lasting : impl_->kept) lasting->abort(time);
        info.failure = describeBatchFailure(time, std::current_exception());
    }
    info.processingDelay = std::chrono::duration_cast<Microseconds>(Steady::now() - begun);
    impl_->tell([&](StreamingListener& listener) { listener.onBatchCompleted(info); });
    if (!info.failure) return;
    {
        std::lock_guard lock(impl_->mutex);
        impl_->dropped += info.numRecords();
    }
    std::rethrow_exception(info.failure);
}

// ---- stop

/// Stops the inputs, processes or counts what they still hold, and lets everybody know. On the thread that runs the
/// batches.
void StreamCore::finish() noexcept {
    for (const auto& input : impl_->inputs) input->stop();
    const auto hasMore = [this] {
        return std::any_of(impl_->inputs.begin(), impl_->inputs.end(),
                           [](const auto& input) { return input->hasMore(); });
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
    if (impl_->teller.load() == std::this_thread::get_id())
        throw UsageError(
            "stop: a StreamingContext cannot be stopped from within a listener; set a flag and stop it from "
            "another thread");
    const bool withinBatch = TaskContext::get() || impl_->runner.load() == std::this_thread::get_id();
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
        if (impl_->teller.load() != std::this_thread::get_id()) return stop(false, false);
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
