#include "rivulet/rdd/engine.h"

#include "base/cpu_budget.h"
#include "jobs/executor.h"
#include "jobs/listener_bus.h"
#include "rivulet/conf.h"
#include "rivulet/jobs/job_scope.h"
#include "rivulet/log.h"
#include "rivulet/memory_account.h"
#include "rivulet/rdd/actions.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>
#include <unordered_set>

namespace rivulet::detail {
namespace {

/// A job while it runs.
struct ActiveJob {
    int id;
    CallSite site;
    JobScope scope;
    std::atomic<bool> cancelled = false;
    std::string why{}; // set before `cancelled`

    std::string text() const { return "job " + std::to_string(id) + " (" + site.text() + ")"; }
    void cancel(const std::string& reason) {
        if (cancelled) return;
        why = reason;
        cancelled = true;
    }
};

using Clock = std::chrono::steady_clock;
constexpr const char* kStopped = "because its Context was stopped";
std::atomic<std::uint64_t> nextEngine = 0;

/// What the calling thread says of its jobs, by engine.
JobScope& scopeOf(std::uint64_t engine) {
    thread_local std::unordered_map<std::uint64_t, JobScope> scopes;
    return scopes[engine];
}

/// The failure of a task, as its job reports it.
std::exception_ptr describeFailure(const std::exception_ptr& thrown, const TaskContext& task, int attempts,
                                   const ActiveJob& job) {
    const auto place = [&](const std::string& rdd) {
        return " in partition " + std::to_string(task.partitionId()) + rdd + " (attempt " +
               std::to_string(task.attemptNumber() + 1) + " of " + std::to_string(attempts) + ", job " +
               std::to_string(job.id) + ": " + job.site.text() + "): ";
    };
    try {
        std::rethrow_exception(thrown);
    } catch (const UserFunctionError& error) {
        const OperatorSite& site = error.site();
        return std::make_exception_ptr(JobError(
            site.site.text() + " threw" + place(" of RDD " + std::to_string(site.rddId)) + messageOf(error.cause()),
            error.cause()));
    } catch (const Error&) {
        return thrown;
    } catch (...) {
        return std::make_exception_ptr(JobError("a task failed" + place("") + messageOf(thrown), thrown));
    }
}

bool isWorthRetrying(const std::exception_ptr& thrown) {
    try {
        std::rethrow_exception(thrown);
    } catch (const UserFunctionError& error) {
        return isWorthRetrying(error.cause());
    } catch (const CancelledError&) {
        return false;
    } catch (const UsageError&) {
        return false;
    } catch (...) {
        return true;
    }
}

/// Tells listeners of one attempt.
class TaskReport {
  public:
    TaskReport(JobListenerBus& listeners, const TaskContext& task) : listeners_(listeners) {
        if (!listeners.isActive()) return;
        began_ = Clock::now();
        info_ = {task.taskAttemptId(), task.stageId(), task.jobId(), task.partitionId(), task.attemptNumber()};
        listeners.post([info = info_](JobListener& listener) { listener.onTaskStart(info); });
    }
    void end(std::string error, std::size_t written) {
        if (!listeners_.isActive() || began_ == Clock::time_point()) return;
        listeners_.post([end = TaskEnd{info_, std::move(error), Clock::now() - began_, written}](
                            JobListener& listener) { listener.onTaskEnd(end); });
    }
    void end(const std::exception_ptr& thrown) {
        if (!listeners_.isActive()) return;
        try {
            std::rethrow_exception(thrown);
        } catch (const UserFunctionError& error) {
            end(messageOf(error.cause()), 0);
        } catch (...) {
            end(messageOf(thrown), 0);
        }
    }

  private:
    JobListenerBus& listeners_;
    TaskInfo info_{};
    Clock::time_point began_{};
};

} // namespace

struct Engine::State {
    Conf conf;
    std::shared_ptr<MemoryAccount> memory = std::make_shared<MemoryAccount>();
    int maxFailures;
    std::unique_ptr<Executor> executor;
    int defaultParallelism;
    ShuffleStore shuffles{memory};
    BlockStore blocks{memory};

    std::atomic<int> nextRdd = 0, nextShuffle = 0, nextJob = 0, nextStage = 0, nextFuture = 0;
    std::atomic<bool> stopped = false;
    const std::uint64_t number = nextEngine.fetch_add(1);
    JobListenerBus listeners;

    std::mutex mutex; // guards the following
    std::condition_variable changed;
    std::set<ActiveJob*> jobs;
    std::unordered_set<int> shufflesInProgress;
    std::deque<std::string> cancelledGroups;               // of jobs to come; the newest thousand
    std::unordered_map<int, std::string> cancelledFutures; // until they end
    struct Thread {
        int future;
        std::thread thread;
        std::shared_ptr<std::atomic<bool>> ended;
    };
    std::vector<Thread> threads; // of asynchronous actions

    explicit State(const Conf& given)
        : conf(given),
          listeners(std::size_t(given.getInt("rivulet.listenerBus.capacity"))) {
        const Master master = parseMaster(conf.get("rivulet.master", "local[*]"));
        const int threads = master.threads > 0 ? master.threads : availableCpus();
        maxFailures = int(conf.getInt("rivulet.task.maxFailures", master.maxFailures));
        executor = makeExecutor(conf.get("rivulet.executor"), threads);
        defaultParallelism = int(conf.getInt("rivulet.default.parallelism", threads));
    }
    ~State() {
        for (Thread& other : threads) { // the last user of the engine may be one of them
            if (other.thread.get_id() == std::this_thread::get_id())
                other.thread.detach();
            else
                other.thread.join();
        }
    }

    /// False where the tasks that read this find no element: to wake a thread for them would take longer than they do,
    /// 20 us of an empty batch's 80.
    bool mayHaveElements(const Dependency& read) const {
        std::vector<const Dependency*> stack{&read};
        constexpr int kMostVisits = 64; // a lineage may be long, and its elements are then likely
        for (int visits = 0; !stack.empty(); ++visits) {
            const Dependency& dependency = *stack.back();
            stack.pop_back();
            if (const auto& shuffle = dependency.shuffle) {
                if (!shuffles.isEmpty(shuffle->id(), shuffle->mapPartitions())) return true;
            } else if (const auto known = dependency.parent->hasElements()) {
                if (*known) return true;
            } else {
                if (visits == kMostVisits) return true;
                for (const Dependency& parent : dependency.parent->dependencies()) stack.push_back(&parent);
            }
        }
        return false;
    }

    /// Runs the tasks of one stage: `body(i, task)` for each partition, up to maxFailures times; throws the failure of
    /// the first that failed for good.
    template <class Body>
    void runStage(Engine& engine, ActiveJob& job, int shuffle, const Dependency& read,
                  const std::vector<int>& partitions, const Body& body) {
        const StageInfo stage{nextStage.fetch_add(1), job.id, int(partitions.size()), shuffle};
        const auto began = Clock::now();
        if (listeners.isActive()) listeners.post([stage](JobListener& listener) { listener.onStageSubmitted(stage); });
        std::atomic<bool> failed = false;
        std::mutex failureMutex;
        std::exception_ptr failure;
        const auto runTask = [&](std::size_t i) {
            for (int attempt = 0; attempt < maxFailures; ++attempt) {
                if (failed.load(std::memory_order_relaxed)) return;
                TaskContext task(engine, job.cancelled, job.id, stage.stageId, partitions[i], attempt, &job.scope);
                TaskReport report(listeners, task);
                try {
                    task.throwIfCancelled();
                    const std::size_t written = body(i, task);
                    task.mergeParts();
                    report.end("", written);
                    return;
                } catch (...) {
                    const auto thrown = std::current_exception();
                    report.end(thrown);
                    if (attempt + 1 < maxFailures && isWorthRetrying(thrown)) {
                        logWarn("task for partition " + std::to_string(partitions[i]) + " of job " +
                                std::to_string(job.id) + " failed in attempt " + std::to_string(attempt + 1) + " of " +
                                std::to_string(maxFailures) + " and is repeated");
                        continue;
                    }
                    auto described = describeFailure(thrown, task, maxFailures, job);
                    std::lock_guard lock(failureMutex);
                    if (!failure) failure = std::move(described);
                    failed = true;
                    return;
                }
            }
        };
        if (partitions.size() > 1 && mayHaveElements(read)) {
            executor->run(partitions.size(), runTask);
        } else {
            for (std::size_t i = 0; i < partitions.size(); ++i) runTask(i);
        }
        if (listeners.isActive())
            listeners.post([end = StageEnd{stage, !failed && !job.cancelled, Clock::now() - began}](
                               JobListener& listener) { listener.onStageCompleted(end); });
        if (job.cancelled) throw CancelledError(job.text() + " was cancelled " + job.why);
        if (failure) std::rethrow_exception(failure);
    }

    /// The shuffles that a job needs and that lack outputs, those that others depend on first. With explicit stacks:
    /// lineages may be deep.
    std::vector<std::shared_ptr<ShuffleDependency>> missingShuffles(const Dependency& target) {
        struct Visit {
            Dependency dependency;
            bool parentsDone = false;
        };
        std::vector<std::shared_ptr<ShuffleDependency>> ordered;
        std::set<std::pair<const void*, bool>> seen; // a lineage met as a node may be cached there, and not as a chain
        std::vector<Visit> stack{{target}};
        while (!stack.empty()) {
            if (stack.back().parentsDone) {
                ordered.push_back(stack.back().dependency.shuffle);
                stack.pop_back();
                continue;
            }
            const Dependency dependency = stack.back().dependency;
            stack.pop_back();
            const auto& shuffle = dependency.shuffle;
            if (shuffle) {
                if (!seen.insert({shuffle.get(), false}).second ||
                    shuffles.missing(shuffle->id(), shuffle->mapPartitions()).empty())
                    continue;
                stack.push_back({dependency, true});
            } else if (!seen.insert({dependency.parent.get(), dependency.parentIsNode}).second) {
                continue;
            }
            if (isCached(shuffle ? Dependency{dependency.parent, shuffle->parentIsNode(), nullptr} : dependency))
                continue;
            for (const Dependency& next : dependency.parent->dependencies()) stack.push_back({next});
        }
        return ordered;
    }
    bool isCached(const Dependency& dependency) {
        if (!dependency.parentIsNode || dependency.parent->storageLevel() == StorageLevel::NONE) return false;
        const auto node = dependency.parent->node();
        return node && blocks.count(node->lineage()->id()) == node->partitions();
    }

    /// Computes what a shuffle lacks, or waits while another job does.
    void computeShuffle(Engine& engine, ActiveJob& job, const ShuffleDependency& shuffle) {
        {
            std::unique_lock lock(mutex);
            changed.wait(lock, [&] { return job.cancelled || !shufflesInProgress.contains(shuffle.id()); });
            shufflesInProgress.insert(shuffle.id());
        }
        struct Release {
            State& state;
            int id;
            ~Release() {
                std::lock_guard lock(state.mutex);
                state.shufflesInProgress.erase(id);
                state.changed.notify_all();
            }
        } release{*this, shuffle.id()};
        const auto missing = shuffles.missing(shuffle.id(), shuffle.mapPartitions());
        runStage(engine, job, shuffle.id(), {shuffle.parent(), shuffle.parentIsNode(), nullptr}, missing,
                 [&](std::size_t i, TaskContext& task) {
                     auto output = shuffle.runMapTask(missing[i], task);
                     const std::size_t written = listeners.isActive() ? output->sizeBytes() : 0;
                     shuffles.put(shuffle.id(), missing[i], std::move(output));
                     return written;
                 });
    }
};

Engine::Engine(const Conf& conf) : state_(std::make_unique<State>(conf)) {}
Engine::~Engine() = default;

const Conf& Engine::conf() const { return state_->conf; }
int Engine::defaultParallelism() const { return state_->defaultParallelism; }
int Engine::threads() const { return state_->executor->threads(); }
int Engine::nextId() { return state_->nextRdd.fetch_add(1); }
int Engine::nextShuffleId() { return state_->nextShuffle.fetch_add(1); }
const std::shared_ptr<MemoryAccount>& Engine::memory() const { return state_->memory; }
ShuffleStore& Engine::shuffles() { return state_->shuffles; }
BlockStore& Engine::blocks() { return state_->blocks; }
bool Engine::stopped() const { return state_->stopped.load(); }

void Engine::checkUsable() const {
    if (TaskContext::get())
        throw UsageError("an RDD was used inside of another RDD's function: transformations and actions are called by "
                         "the driver only; "
                         "collect() the inner one before and use its values, or join the two");
    if (stopped()) throw UsageError("this Context was stopped: make a new one for further jobs");
}

void Engine::run(const Job& job) {
    checkUsable();
    ActiveJob active{state_->nextJob.fetch_add(1), job.site, scope()};
    {
        std::lock_guard lock(state_->mutex);
        const auto& groups = state_->cancelledGroups;
        if (stopped()) active.cancel(kStopped);
        if (!active.scope.group.empty() && std::find(groups.begin(), groups.end(), active.scope.group) != groups.end())
            active.cancel("because its group '" + active.scope.group + "' was cancelled with its future jobs");
        if (const auto found = state_->cancelledFutures.find(active.scope.future);
            found != state_->cancelledFutures.end())
            active.cancel(found->second);
        state_->jobs.insert(&active);
    }
    struct Leave {
        State& state;
        ActiveJob& active;
        ~Leave() {
            std::lock_guard lock(state.mutex);
            state.jobs.erase(&active);
            state.changed.notify_all();
        }
    } leave{*state_, active};
    const Dependency target{job.target, job.targetIsNode, nullptr};
    auto& listeners = state_->listeners;
    const auto began = Clock::now();
    const auto end = [&](std::string error) {
        if (listeners.isActive())
            listeners.post([end = JobEnd{active.id, std::move(error), Clock::now() - began}](JobListener& listener) {
                listener.onJobEnd(end);
            });
    };
    if (listeners.isActive())
        listeners.post([start = JobStart{active.id, job.site, active.scope.group, active.scope.description}](
                           JobListener& listener) { listener.onJobStart(start); });
    try {
        for (const auto& shuffle : state_->missingShuffles(target)) state_->computeShuffle(*this, active, *shuffle);
        state_->runStage(*this, active, -1, target, job.partitions, [&](std::size_t i, TaskContext& task) {
            job.body(i, task);
            return std::size_t(0);
        });
    } catch (...) {
        end(messageOf(std::current_exception()));
        throw;
    }
    end("");
}

JobScope& Engine::scope() { return scopeOf(state_->number); }

void Engine::cancelJobs(const std::function<bool(int, const JobScope&)>& which, const std::string& why) {
    std::lock_guard lock(state_->mutex);
    for (ActiveJob* job : state_->jobs)
        if (which(job->id, job->scope)) job->cancel(why);
    state_->changed.notify_all();
}

void Engine::cancelFuture(int future, const std::string& why) {
    {
        std::lock_guard lock(state_->mutex);
        state_->cancelledFutures[future] = why;
    }
    cancelJobs([future](int, const JobScope& scope) { return scope.future == future; }, why);
}

void Engine::cancelFutureJobs(const std::string& group) {
    constexpr std::size_t kMostRemembered = 1000;
    std::lock_guard lock(state_->mutex);
    state_->cancelledGroups.push_back(group);
    if (state_->cancelledGroups.size() > kMostRemembered) state_->cancelledGroups.pop_front();
}

void Engine::addListener(std::shared_ptr<JobListener> listener) { state_->listeners.add(std::move(listener)); }
void Engine::removeListener(const std::shared_ptr<JobListener>& listener) { state_->listeners.remove(listener); }
int Engine::nextFuture() { return state_->nextFuture.fetch_add(1); }

void Engine::startThread(int future, std::function<void()> body) {
    std::lock_guard lock(state_->mutex);
    std::erase_if(state_->threads, [this](State::Thread& other) {
        if (!*other.ended) return false;
        other.thread.join(); // it has nothing left to do
        state_->cancelledFutures.erase(other.future);
        return true;
    });
    JobScope inherited = scope();
    inherited.future = future;
    auto flag = std::make_shared<std::atomic<bool>>(false);
    state_->threads.push_back(
        {future, std::thread([number = state_->number, flag, inherited = std::move(inherited), body = std::move(body)] {
             scopeOf(number) = inherited;
             body();
             *flag = true;
         }),
         flag});
}

void Engine::stop() {
    if (state_->stopped.exchange(true)) return;
    std::unique_lock lock(state_->mutex);
    for (ActiveJob* job : state_->jobs) job->cancel(kStopped);
    state_->changed.notify_all();
    if (TaskContext::get()) return; // a task that stops its own context cannot wait for itself
    state_->changed.wait(lock, [this] { return state_->jobs.empty(); });
    lock.unlock();
    state_->listeners.drain();
}

int partitionsToTry(const Engine& engine, int scanned, std::size_t found, std::size_t wanted) {
    if (scanned == 0) return int(engine.conf().getInt("rivulet.rdd.limit.initialNumPartitions"));
    const auto scaleUp = std::max<std::int64_t>(2, engine.conf().getInt("rivulet.rdd.limit.scaleUpFactor"));
    const std::int64_t most = std::min<std::int64_t>(scanned * scaleUp, 1 << 30);
    if (found == 0) return int(most);
    const double estimate = 1.5 * double(wanted - found) * scanned / double(found);
    return int(std::clamp<double>(estimate, 1, double(most)));
}

void onDriver(const OperatorSite& site, const std::function<void()>& merge) {
    try {
        merge();
    } catch (const UserFunctionError& error) {
        throw JobError(site.site.text() + " threw while the results of the partitions of RDD " +
                           std::to_string(site.rddId) + " were combined: " + messageOf(error.cause()),
                       error.cause());
    }
}

} // namespace rivulet::detail
