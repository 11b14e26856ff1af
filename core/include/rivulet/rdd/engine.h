#pragma once

#include "rivulet/rdd/lineage.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <typeinfo>

namespace rivulet {
class Conf;
class JobListener;
struct JobScope;
class MemoryAccount;
} // namespace rivulet

namespace rivulet::detail {

/// The outputs of map tasks, by shuffle and map partition. The only way by which data of one partition reach another.
class ShuffleStore {
  public:
    explicit ShuffleStore(std::shared_ptr<MemoryAccount> memory);
    ~ShuffleStore();

    void put(int shuffle, int mapPartition, std::shared_ptr<const MapOutput> output);
    /// Null where the output is missing.
    std::shared_ptr<const MapOutput> get(int shuffle, int mapPartition) const;
    std::vector<int> missing(int shuffle, int mapPartitions) const;
    /// Whether all outputs are there, and none of them has a row.
    bool isEmpty(int shuffle, int mapPartitions) const;
    void remove(int shuffle);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// The cached partitions of persisted RDDs, by RDD and partition.
class BlockStore {
  public:
    struct Block {
        std::shared_ptr<const void> rows;
        std::size_t sizeBytes = 0;
    };

    explicit BlockStore(std::shared_ptr<MemoryAccount> memory);
    ~BlockStore();

    /// The block, or what `compute` makes of it; of several callers at once one computes and the others wait.
    Block getOrCompute(int rdd, int partition, const std::function<Block()>& compute);
    int count(int rdd) const;
    std::size_t sizeBytes(int rdd) const;
    void remove(int rdd);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// A job: one call of `body` for each of the given partitions of an RDD, after everything that it depends on.
struct Job {
    LineagePtr target;
    bool targetIsNode = false;
    CallSite site;
    std::vector<int> partitions;
    /// Called with the position in `partitions`; again for another attempt. Must publish its result last.
    std::function<void(std::size_t index, TaskContext& task)> body;
};

/// What a Context owns: executor, stores and the ways to run a job. Address-stable; lineage points to it without owning
/// it.
///
/// Threads: jobs may be run from several threads at once; they share what one of them is computing
class Engine : public std::enable_shared_from_this<Engine> {
  public:
    explicit Engine(const Conf& conf);
    ~Engine();

    const Conf& conf() const;
    int defaultParallelism() const;
    int threads() const;
    int nextId();
    int nextShuffleId();
    const std::shared_ptr<MemoryAccount>& memory() const;
    ShuffleStore& shuffles();
    BlockStore& blocks();

    /// Runs a job on the executor and returns when it is done.
    ///
    /// Errors: JobError where a user function threw in every attempt, the IoError or other Error of a task,
    /// CancelledError after `stop`
    void run(const Job& job);

    /// What this thread says of its jobs.
    JobScope& scope();
    /// Stops the running jobs for which `which` is true; what they throw ends with `why`.
    void cancelJobs(const std::function<bool(int jobId, const JobScope& scope)>& which, const std::string& why);
    /// Stops the running jobs of an asynchronous action, and those that it begins from now on.
    void cancelFuture(int future, const std::string& why);
    /// Cancels what is begun with this group from now on.
    void cancelFutureJobs(const std::string& group);
    void addListener(std::shared_ptr<JobListener> listener);
    void removeListener(const std::shared_ptr<JobListener>& listener);
    /// Runs `body` on a thread of its own, under the scope of the calling one, and marks its jobs with the future's
    /// number. Throws nothing of the body's.
    void startThread(int future, std::function<void()> body);
    int nextFuture();

    bool stopped() const;
    void stop();
    /// Throws a UsageError after `stop`, or inside a task.
    void checkUsable() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// The partitioner of an operation on RDDs with these numbers of partitions and partitioners, by the rule of Spark's
/// `defaultPartitioner`.
struct PartitionedParent {
    int partitions;
    std::shared_ptr<const Partitioner> partitioner;
};
std::shared_ptr<const Partitioner> choosePartitioner(const Engine& engine, const Partitioning& wanted,
                                                     std::initializer_list<PartitionedParent> parents);

} // namespace rivulet::detail
