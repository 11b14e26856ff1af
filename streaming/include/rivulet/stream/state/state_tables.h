#pragma once

#include "rivulet/stream/kept.h"
#include "rivulet/stream/state/input.h"
#include "rivulet/stream/state/pages/paged_states.h"
#include "rivulet/stream/state/table.h"

/// The tables of an operator with a state, and the jobs that read and change them.
namespace rivulet::detail {

inline constexpr std::size_t kFewChanges = 2048; // are dealt with on the caller's thread: sooner than tasks begin
inline constexpr std::size_t kResolved = 64;     // records whose rows are fetched into the cache together

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

/// States that can be written, and so be larger than memory.
template <class K, class S> inline constexpr bool kPageable = Storable<K> && Storable<S>;

/// The states of all partitions of an operator: a table each; or pages, of which a table has one at a time.
///
/// Threads: `lookup` and `size` any, as in StateTable
template <class K, class S> class StateTables {
  public:
    StateTables(std::shared_ptr<const Partitioner> partitioner, bool timed, bool paged)
        : partitioner_(std::move(partitioner)),
          route_(partitioner_) {
        for (std::size_t i = 0; i < route_.partitions(); ++i)
            tables_.push_back(std::make_unique<StateTable<K, S>>(timed, paged ? kPageCommonBits : 0));
        if (paged) pages_ = share(new PagedStates<K, S>(tables_.size(), timed));
    }
    /// Null where the states are in memory.
    const std::shared_ptr<PagedStates<K, S>>& pages() const { return pages_; }
    const std::shared_ptr<const Partitioner>& partitioner() const { return partitioner_; }
    const Router<K>& route() const { return route_; }
    int partitions() const { return int(tables_.size()); }
    StateTable<K, S>& operator[](std::size_t partition) const { return *tables_[partition]; }

    std::optional<S> lookup(const KeySlot<K>& key) const {
        if constexpr (kPageable<K, S>)
            if (pages_) return pages_->lookup(route_(key), key);
        return tables_[route_(key)]->lookup(key);
    }
    std::size_t size() const {
        if (pages_) return pages_->size();
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
    std::shared_ptr<PagedStates<K, S>> pages_;
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
        lineage_->setHasElements(true); // the rows of the tables, whatever arrives
        if (!rdd) return;
        input_.emplace(rdd->lineagePtr(), rdd->pipe(), partitioner, plan);
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

} // namespace rivulet::detail
