#include "rivulet/stream/graph.h"

#include "rivulet/clock.h"
#include "rivulet/log.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
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
    std::exception_ptr failure;
    std::vector<std::shared_ptr<StreamingListener>> listeners;
    bool stopRequested = false, stopGracefully = false, stopContext = false;
    long dropped = 0;
    std::thread::id loopThread;

    // Changed before the start alone; then read by the thread that runs the batches.
    std::vector<std::shared_ptr<Input>> inputs;
    std::vector<Output> outputs;
    std::vector<StreamNodePtr> nodes; // all that outputs need, parents first
    std::vector<StateOperator*> states;
    Duration remembered{};
    Time zeroTime{}, lastBatch{};
    LateTicks lateTicks = LateTicks::merge;

    bool inListener = false; // of the loop's thread
    std::jthread loop;

    template <class Event> void tell(Event event) {
        std::vector<std::shared_ptr<StreamingListener>> told;
        {
            std::lock_guard lock(mutex);
            told = listeners;
        }
        inListener = true;
        for (const auto& listener : told) {
            try {
                event(*listener);
            } catch (...) {
                logError("a streaming listener threw: " + messageOf(std::current_exception()));
            }
        }
        inListener = false;
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
                if (auto* state = dynamic_cast<StateOperator*>(visit.node.get())) states.push_back(state);
            } else if (seen.insert(visit.node.get()).second) {
                stack.push_back({visit.node, true});
                for (const auto& parent : visit.node->parents()) stack.push_back({parent});
            }
        }
        for (const auto& output : outputs) output.node->remember(std::max(remembered, output.node->slide()));
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
};

StreamCore::StreamCore(Context context, Duration batchDuration, std::shared_ptr<Clock> clock)
    : context_(std::move(context)),
      batchDuration_(batchDuration),
      clock_(std::move(clock)),
      impl_(std::make_unique<Impl>()) {}

StreamCore::~StreamCore() {
    try {
        stop(false, false);
    } catch (...) {
        logError("could not stop a StreamingContext: " + messageOf(std::current_exception()));
    }
    if (impl_->loop.joinable() && impl_->loop.get_id() == std::this_thread::get_id()) impl_->loop.detach();
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

int StreamCore::add(std::shared_ptr<Input> input) {
    impl_->inputs.push_back(std::move(input));
    return int(impl_->inputs.size()) - 1;
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

void StreamCore::start(bool inLoop, std::source_location where) {
    switch (state()) {
    case State::ACTIVE: logWarn("start: this StreamingContext was started already"); return;
    case State::STOPPED:
        throw UsageError("start: this StreamingContext was stopped and cannot be started again; make a new one", where);
    case State::INITIALIZED: break;
    }
    if (impl_->outputs.empty())
        throw UsageError("start: no output operations registered, so nothing to execute; call print, foreachRDD or "
                         "saveAsTextFiles on a stream",
                         where);
    context_.engine()->checkUsable();
    {
        std::lock_guard lock(activeMutex);
        if (const auto other = activeCore.lock(); other && other->state() == State::ACTIVE)
            throw UsageError("start: another StreamingContext is active in this process (started at " + activeSite +
                                 "); stop it first",
                             where);
        activeCore = weak_from_this();
        activeSite = CallSite{"start", where}.text();
    }
    impl_->collectNodes();
    impl_->lateTicks = parseLateTicks(context_.conf().get("rivulet.streaming.lateTicks"));
    impl_->zeroTime = impl_->lastBatch = floorTime(clock_->now(), batchDuration_);
    std::size_t started = 0;
    try {
        for (const auto& input : impl_->inputs) {
            input->start();
            ++started;
        }
    } catch (...) {
        for (std::size_t i = 0; i < started; ++i) impl_->inputs[i]->stop();
        std::lock_guard lock(impl_->mutex);
        impl_->state = State::STOPPED;
        impl_->failure = std::current_exception();
        impl_->changed.notify_all();
        throw;
    }
    {
        std::lock_guard lock(impl_->mutex);
        impl_->state = State::ACTIVE;
    }
    impl_->tell([&](StreamingListener& listener) { listener.onStreamingStarted(impl_->zeroTime); });
    if (inLoop) impl_->loop = std::jthread([this](const std::stop_token& stop) { runLoop(stop); });
}

void StreamCore::runLoop(const std::stop_token& stop) {
    {
        std::lock_guard lock(impl_->mutex);
        impl_->loopThread = std::this_thread::get_id();
    }
    try {
        while (clock_->waitUntil(impl_->lastBatch + batchDuration_, stop)) {
            runBatch(impl_->nextTick(impl_->lastBatch, clock_->now(), batchDuration_));
            if (stop.stop_requested()) break;
        }
    } catch (...) {
        std::lock_guard lock(impl_->mutex);
        impl_->failure = std::current_exception();
        impl_->stopGracefully = false;
    }
    finish();
}

void StreamCore::runBatch(Time time) {
    using Steady = std::chrono::steady_clock;
    impl_->lastBatch = time;
    BatchInfo info;
    info.batchTime = time;
    info.schedulingDelay = std::max<Microseconds>(clock_->now() - time, Microseconds::zero());
    const auto begun = Steady::now();
    try {
        for (std::size_t i = 0; i < impl_->inputs.size(); ++i)
            info.inputRecords[int(i)] = impl_->inputs[i]->allocate(time);
        impl_->tell([&](StreamingListener& listener) { listener.onBatchStarted(info); });
        std::vector<std::function<void()>> jobs;
        for (const Output& output : impl_->outputs)
            if (auto job = output.jobAt(time)) jobs.push_back(std::move(job));
        for (StateOperator* state : impl_->states) state->materialize(time);
        for (const auto& job : jobs) job();
        for (StateOperator* state : impl_->states) state->commit(time);
    } catch (...) {
        for (StateOperator* state : impl_->states) state->abort(time);
        info.failure = describeBatchFailure(time, std::current_exception());
    }
    for (const auto& node : impl_->nodes) node->forgetUpTo(time);
    info.processingDelay = std::chrono::duration_cast<Microseconds>(Steady::now() - begun);
    impl_->tell([&](StreamingListener& listener) { listener.onBatchCompleted(info); });
    if (!info.failure) return;
    std::lock_guard lock(impl_->mutex);
    impl_->dropped += info.numRecords();
    std::rethrow_exception(info.failure);
}

/// Stops the inputs, processes or counts what they still hold, and lets everybody know. On the thread that runs the
/// batches.
void StreamCore::finish() {
    for (const auto& input : impl_->inputs) input->stop();
    const auto waiting = [this] {
        long sum = 0;
        for (const auto& input : impl_->inputs) sum += input->unallocated();
        return sum;
    };
    bool graceful, stopContext;
    {
        std::lock_guard lock(impl_->mutex);
        graceful = impl_->stopGracefully;
        stopContext = impl_->stopContext;
    }
    if (graceful) {
        const auto limit = context_.conf().getDuration("rivulet.streaming.gracefulStopTimeout", 10 * batchDuration_);
        const auto deadline = std::chrono::steady_clock::now() + limit;
        try {
            while (waiting() > 0 && std::chrono::steady_clock::now() < deadline)
                runBatch(impl_->lastBatch + batchDuration_);
        } catch (...) {
            std::lock_guard lock(impl_->mutex);
            impl_->failure = std::current_exception();
        }
    }
    const long left = waiting();
    {
        std::lock_guard lock(activeMutex);
        if (activeCore.lock().get() == this) activeCore.reset();
    }
    if (stopContext) context_.stop();
    std::lock_guard lock(impl_->mutex);
    impl_->dropped += left;
    if (impl_->dropped > 0)
        logWarn(std::to_string(impl_->dropped) + " received records were not processed, because " +
                (impl_->failure ? "a batch failed"
                 : graceful     ? "the graceful stop took too long"
                                : "the stop was not graceful"));
    impl_->state = State::STOPPED;
    impl_->changed.notify_all();
}

void StreamCore::stop(bool stopContext, bool graceful) {
    if (impl_->inListener &&
        (impl_->loopThread == std::thread::id() || impl_->loopThread == std::this_thread::get_id()))
        throw UsageError("stop: a StreamingContext cannot be stopped from within a listener; set a flag and stop it "
                         "from another thread");
    std::unique_lock lock(impl_->mutex);
    const bool inLoop = impl_->loop.joinable();
    if (impl_->state == State::ACTIVE) {
        impl_->stopRequested = true;
        impl_->stopGracefully = graceful;
        impl_->stopContext = impl_->stopContext || stopContext;
        if (inLoop) {
            impl_->loop.request_stop();
            if (impl_->loopThread == std::this_thread::get_id()) return; // within a batch: the stop follows it
            impl_->changed.wait(lock, [this] { return impl_->state == State::STOPPED; });
        } else {
            lock.unlock();
            finish();
            lock.lock();
        }
    }
    impl_->state = State::STOPPED;
    impl_->changed.notify_all();
    lock.unlock();
    if (stopContext) context_.stop();
}

bool StreamCore::awaitTermination(std::optional<Duration> timeout) {
    std::unique_lock lock(impl_->mutex);
    const auto stopped = [this] { return impl_->state == State::STOPPED; };
    if (timeout) {
        if (!impl_->changed.wait_for(lock, *timeout, stopped)) return false;
    } else {
        impl_->changed.wait(lock, stopped);
    }
    if (impl_->failure) std::rethrow_exception(impl_->failure);
    return true;
}

long StreamCore::droppedRecords() const {
    long dropped = 0;
    for (const auto& input : impl_->inputs) dropped += input->dropped();
    std::lock_guard lock(impl_->mutex);
    return impl_->dropped + dropped;
}

} // namespace rivulet::detail
