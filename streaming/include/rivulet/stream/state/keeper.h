#pragma once

#include "rivulet/stream/kept.h"
#include "rivulet/stream/state/input.h"
#include "rivulet/stream/state/table.h"

/// What the operators with a state have in common: the tables of all partitions, and how a batch changes them.
///
/// Tasks look the batch's records up and put what changes on a side list each, which they publish last, so that a task
/// that is repeated begins anew. When all tasks of the operator have succeeded, the lists are applied; what the outputs
/// of the batch read is the new state. The batch's success makes that final, its failure takes it back.
namespace rivulet {

/// Which keys `updateStateByKey` calls its function for: all that have a state (Spark's meaning), or only those for
/// which something arrived in the batch.
enum class UpdatedKeys { all, touched };

namespace detail {

inline constexpr std::size_t kResolved = 64; // records whose rows are fetched into the cache together

/// The number of a key that has no row, given now where it is seen first.
template <class K, class S> std::uint32_t newKeyOf(StateDelta<K, S>& delta, const KeySlot<K>& slot) {
    const std::uint32_t known =
        delta.newIndex.find(slot.hash(), [&](std::uint32_t number) { return slot.holds(delta.newKeys[number]); });
    if (known != DenseIndex::kNone) return known;
    const auto number = std::uint32_t(delta.newKeys.size());
    delta.newKeys.push_back(slot.key());
    delta.newHashes.push_back(slot.hash());
    delta.newStates.emplace_back();
    delta.newIndex.add(slot.hash(), number);
    return number;
}

/// The states of all partitions of an operator.
///
/// Threads: `lookup` and `size` any, as in StateTable
template <class K, class S> class StateTables {
  public:
    StateTables(std::shared_ptr<const Partitioner> partitioner, bool timed)
        : partitioner_(std::move(partitioner)),
          route_(partitioner_) {
        for (std::size_t i = 0; i < route_.partitions(); ++i)
            tables_.push_back(std::make_unique<StateTable<K, S>>(timed));
    }
    const std::shared_ptr<const Partitioner>& partitioner() const { return partitioner_; }
    int partitions() const { return int(tables_.size()); }
    StateTable<K, S>& operator[](std::size_t partition) const { return *tables_[partition]; }

    std::optional<S> lookup(const KeySlot<K>& key) const { return tables_[route_(key)]->lookup(key); }
    std::size_t size() const {
        std::size_t sum = 0;
        for (const auto& table : tables_) sum += table->size();
        return sum;
    }
    std::size_t sizeBytes() const {
        std::size_t sum = 0;
        for (const auto& table : tables_) sum += table->sizeBytes();
        return sum;
    }

  private:
    std::shared_ptr<const Partitioner> partitioner_;
    Router<K> route_;
    Rows<std::unique_ptr<StateTable<K, S>>> tables_;
};

/// The RDD of the states after a batch.
template <class K, class S> class StateRddNode final : public Node<std::pair<K, S>> {
  public:
    using T = std::pair<K, S>;
    using Versions = Rows<std::shared_ptr<const StateVersion<K, S>>>;

    StateRddNode(LineagePtr lineage, Versions versions) : Node<T>(std::move(lineage)), versions_(std::move(versions)) {}
    int partitions() const override { return int(versions_.size()); }

  protected:
    ReaderPtr<T> compute(int partition, TaskContext&) const override {
        const auto& version = versions_[std::size_t(partition)];
        return ReaderPtr<T>(new RowsReader<T>(version, version->rows()));
    }

  private:
    Versions versions_;
};

/// The job of a batch on the tables of an operator.
template <class Rdd> class StateJob {
  public:
    using Pipe = std::remove_cvref_t<decltype(std::declval<const Rdd&>().pipe())>;

    /// `rdd` is null where nothing arrived.
    StateJob(const std::shared_ptr<Engine>& engine, CallSite site,
             const std::shared_ptr<const Partitioner>& partitioner, const Rdd* rdd, const InputPlan& plan)
        : lineage_(makeLineage(engine, "StateRDD", site, partitioner)),
          partitions_(allPartitions(partitioner->numPartitions())) {
        if (!rdd) return;
        input_.emplace(rdd->lineagePtr(), rdd->pipe(), partitioner, plan);
        lineage_->setHasElements(true); // the rows of the tables, whatever arrives
        lineage_->dependOn(input_->dependency());
    }
    const OperatorSite& site() const { return lineage_->site(); }
    const std::vector<int>& partitions() const { return partitions_; }

    /// Calls `task(partition, context)` for every partition and returns the results.
    template <class Result, class Task> std::vector<Result> run(const Task& task) const {
        return runTasks<Result, ErasedPipe<char>>(lineage_, site().site, partitions_, task);
    }
    template <class Take> void read(int partition, TaskContext& task, Take& take) const {
        if (input_) input_->read(partition, task, take);
    }

  private:
    std::shared_ptr<Lineage> lineage_;
    std::vector<int> partitions_;
    std::optional<KeyedInput<Pipe>> input_;
};

/// Puts initial states on a side list; of several for a key the last counts.
template <class K, class S> class LoadPass {
  public:
    using Row = BucketedRow<K, S>;

    void operator()(const Row* rows, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            const RowKeys<K, Row, 1> key(rows + i, 1);
            auto& change = delta_.newStates[newKeyOf(delta_, key[0])];
            change.kind = StateChange::updated;
            change.state = valueOf(rows[i]);
        }
    }
    StateDelta<K, S> finish() { return std::move(delta_); }

  private:
    StateDelta<K, S> delta_;
};

/// The states of an operator, with what they begin with and what they are worth in memory.
///
/// Threads: the thread that runs the batches
template <class K, class S> class StateKeeper {
  public:
    using Initial = RDD<std::pair<K, S>>;
    using Deltas = std::vector<StateDelta<K, S>>;

    StateKeeper(const std::shared_ptr<Engine>& engine, std::shared_ptr<const Partitioner> partitioner, bool timed,
                std::optional<Initial> initial)
        : tables_(share(new StateTables<K, S>(std::move(partitioner), timed))),
          initial_(std::move(initial)),
          memory_(engine->memory(), engine->memory()->consumer("state")) {}

    const std::shared_ptr<StateTables<K, S>>& tables() const { return tables_; }
    const std::shared_ptr<const Partitioner>& partitioner() const { return tables_->partitioner(); }
    StateTable<K, S>& table(int partition) const { return (*tables_)[std::size_t(partition)]; }

    /// Before the first batch.
    void load(const std::shared_ptr<Engine>& engine, CallSite site, Time time) {
        if (!initial_) return;
        const StateJob<Initial> job(engine, site, partitioner(), &*initial_, inputPlan());
        apply(job, time, job.template run<StateDelta<K, S>>([&](int p, TaskContext& task) {
            LoadPass<K, S> pass;
            job.read(p, task, pass);
            return pass.finish();
        }));
        commit();
        initial_.reset();
    }
    /// How the next batch is to be parted, if it is like the one before.
    InputPlan inputPlan() const {
        const auto partitions = std::size_t(tables_->partitions());
        return {bucketBits(tables_->size() / partitions, records_ / partitions), slabs_};
    }
    /// What a batch had, for the plan of the next.
    void setRecords(std::size_t count) { records_ = count; }
    template <class Job> void apply(const Job& job, Time time, Deltas deltas) {
        std::size_t changes = 0;
        for (const auto& delta : deltas) changes += delta.known.size() + delta.newKeys.size();
        if (changes <= kFew) {
            for (const int p : job.partitions()) table(p).apply(std::move(deltas[std::size_t(p)]), time);
            return;
        }
        job.template run<char>([&](int p, TaskContext&) {
            table(p).apply(std::move(deltas[std::size_t(p)]), time);
            return char();
        });
    }
    void commit() {
        for (int p = 0; p < tables_->partitions(); ++p) table(p).commit();
        slabs_->trim();
        memory_.resize(std::int64_t(tables_->sizeBytes() + slabs_->sizeBytes()));
    }
    void abort() noexcept {
        for (int p = 0; p < tables_->partitions(); ++p) table(p).abort();
    }
    /// The states after the batch that was applied last, as an RDD.
    Initial version(const std::shared_ptr<Engine>& engine, CallSite site) const {
        typename StateRddNode<K, S>::Versions versions;
        for (int p = 0; p < tables_->partitions(); ++p) versions.push_back(table(p).version());
        LineagePtr lineage = makeLineage(engine, "StateRDD", site, partitioner());
        auto node = makeNode<StateRddNode<K, S>>(lineage, std::move(versions));
        return Initial(std::move(lineage), ErasedPipe<std::pair<K, S>>(std::move(node)));
    }
    /// `visit(kind, row)` for what the batch that is being run changed, partition by partition: what its commit has to
    /// write. Between `materialize` and `commit`.
    template <class Visit> void eachChange(const Visit& visit) const {
        for (int p = 0; p < tables_->partitions(); ++p) table(p).eachChange(visit);
    }

  private:
    static constexpr std::size_t kFew = 2048; // changes are applied on the caller's thread: sooner than tasks begin

    std::shared_ptr<StateTables<K, S>> tables_;
    std::optional<Initial> initial_; // until it was loaded
    MemoryReservation memory_;
    const std::shared_ptr<SlabPool> slabs_ = share(new SlabPool());
    std::size_t records_ = 0;
};

/// A node that keeps states of type S by key and makes an RDD of T each batch.
template <class Recipe, class K, class S, class T> class StateNode : public StreamNode<RDD<T>>, public KeptByBatch {
  public:
    using Input = typename Recipe::RddType;

    StateNode(std::weak_ptr<StreamCore> core, CallSite site, Recipe recipe, std::shared_ptr<StateKeeper<K, S>> keeper)
        : StreamNode<RDD<T>>(std::move(core), site, recipe.root()->slide(), {recipe.root()}),
          recipe_(std::move(recipe)),
          keeper_(std::move(keeper)) {}

    void materialize(Time time) override {
        const auto core = this->core();
        if (!isValidTime(*core, time, this->slide())) return;
        const auto engine = core->context().engine();
        keeper_->load(engine, this->site(), time);
        const auto arrived = recipe_(time);
        const StateJob<Input> job(engine, this->site(), keeper_->partitioner(), arrived ? &*arrived : nullptr,
                                  keeper_->inputPlan());
        this->set(time, makeRdd(engine, job, time));
    }
    void commit(Time) override { keeper_->commit(); }
    void abort(Time time) noexcept override {
        keeper_->abort();
        this->drop(time);
    }
    bool isState() const override { return true; }
    Duration neededOfParents(Duration) const override { return Duration::zero(); }

  protected:
    StateKeeper<K, S>& keeper() const { return *keeper_; }
    /// Changes the tables, and gives the RDD of the batch.
    virtual RDD<T> makeRdd(const std::shared_ptr<Engine>& engine, const StateJob<Input>& job, Time time) = 0;
    std::optional<RDD<T>> compute(Time) override { return std::nullopt; } // there is what was materialized, and no more

  private:
    Recipe recipe_;
    std::shared_ptr<StateKeeper<K, S>> keeper_;
};

} // namespace detail
} // namespace rivulet
