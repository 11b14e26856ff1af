#pragma once

#include "rivulet/containers/table.h"
#include "rivulet/rdd/pipe.h"

#include <algorithm>

/// Aggregation by key: `reduceByKey`, `groupByKey`, `distinct`, `countByValue`.
///
/// Map tasks look keys up by view in a table of their own (or, where nothing would become smaller, only route the
/// rows), reduce tasks merge the tables of all map tasks in the order of their partitions. Rows carry their hash from
/// the first look-up to the last.
namespace rivulet::detail {

[[noreturn]] void throwWrongPartitioner();
[[noreturn]] void throwBadPartition(int partition, int partitions);
[[noreturn]] void throwMissingOutput(int shuffle, int mapPartition);

/// Sends keys to partitions by any partitioner, by the stored hash where it is a HashPartitioner.
template <class K> class Router {
  public:
    explicit Router(std::shared_ptr<const Partitioner> partitioner)
        : partitioner_(std::move(partitioner)),
          custom_(dynamic_cast<const KeyPartitioner<K>*>(partitioner_.get())),
          count_(std::uint32_t(partitioner_->numPartitions())),
          inverse_(~std::uint64_t() / count_ + 1) {
        if (!custom_ && !dynamic_cast<const HashPartitioner*>(partitioner_.get())) throwWrongPartitioner();
    }
    std::size_t partitions() const { return count_; }
    std::size_t operator()(const KeySlot<K>& slot) const {
        if (!custom_) [[likely]]
            return remainder(slot.hash());
        return checked(custom_->partitionOf(slot.key()));
    }
    template <class X> std::size_t ofKey(const X& key) const {
        if (!custom_) [[likely]]
            return hashOf(key) % count_;
        return checked(custom_->partitionOf(own(key)));
    }

  private:
    /// hash % count_ by two multiplications, where a division would be most of what routing a row costs.
    std::size_t remainder(std::uint32_t hash) const {
        __extension__ using Wide = unsigned __int128;
        return std::size_t(Wide(inverse_ * hash) * count_ >> 64);
    }
    std::size_t checked(int partition) const {
        if (partition < 0 || std::uint32_t(partition) >= count_) throwBadPartition(partition, int(count_));
        return std::size_t(partition);
    }

    std::shared_ptr<const Partitioner> partitioner_;
    const KeyPartitioner<K>* custom_;
    std::uint32_t count_;
    std::uint64_t inverse_; // of count_, in 2^-64ths; 0 for a count of 1
};

/// Rows of one map task, by reduce partition.
template <class K, class R> class KeyedRows final : public MapOutput {
  public:
    explicit KeyedRows(std::size_t partitions) : buckets_(partitions) {}
    std::size_t sizeBytes() const override {
        std::size_t sum = arena_.sizeBytes();
        for (const auto& bucket : buckets_) sum += bucket.capacity() * sizeof(Cell<K, R>);
        return sum;
    }
    bool isEmpty() const override {
        for (const auto& bucket : buckets_)
            if (!bucket.empty()) return false;
        return true;
    }
    Rows<Cell<K, R>>& bucket(std::size_t i) { return buckets_[i]; }
    const Rows<Cell<K, R>>& bucket(std::size_t i) const { return buckets_[i]; }
    Arena& arena() { return arena_; }

  private:
    Rows<Rows<Cell<K, R>>> buckets_;
    Arena arena_; // the long keys of all buckets
};

// ---- what is done with the values of a key

/// `reduceByKey`: the first value as it is, then `op(combined, next)`.
template <class V, class Op> class Reduction {
  public:
    using Value = V;
    using Combined = V;
    static constexpr bool kMapSide = true;

    Reduction(Function<Op> op, const OperatorSite& site) : op_(std::move(op)), site_(&site) {}
    template <class X> V create(X&& value) const { return std::forward<X>(value); }
    void add(V& combined, V&& value) const {
        combined = callUser(*site_, *op_, std::as_const(combined), std::as_const(value));
    }
    void merge(V& combined, const V& other) const { combined = callUser(*site_, *op_, std::as_const(combined), other); }

  private:
    Function<Op> op_;
    const OperatorSite* site_;
};

/// `groupByKey`: all values, in the order of their partitions. Nothing becomes smaller on the map side, so it is left
/// to the reduce side.
template <class V> struct Grouping {
    using Value = V;
    using Combined = std::vector<V>;
    static constexpr bool kMapSide = false;

    template <class X> Combined create(X&& value) const {
        Combined group;
        group.push_back(std::forward<X>(value));
        return group;
    }
    void add(Combined& group, V&& value) const { group.push_back(std::move(value)); }
};

/// `distinct`: the key is all there is.
struct Nothing {
    bool operator==(const Nothing&) const = default;
};
struct Presence {
    using Value = Nothing;
    using Combined = Nothing;
    static constexpr bool kMapSide = true;

    Nothing create(Nothing) const { return {}; }
    void add(Nothing&, Nothing&&) const {}
    void merge(Nothing&, const Nothing&) const {}
};

// ---- the map side

/// Looks rows up in batches: their cells are fetched into the cache while the next rows are computed. Keeps the bytes
/// of what waits.
template <class K, class Aggregation> class CombineSink {
  public:
    using V = typename Aggregation::Value;
    using C = typename Aggregation::Combined;

    CombineSink(Table<K, C>& table, const Aggregation& aggregation) : table_(table), aggregation_(aggregation) {}
    CombineSink(const CombineSink&) = delete;
    CombineSink& operator=(const CombineSink&) = delete;

    template <class Row> void operator()(Row&& row) {
        Cell<K, V>& cell = waiting_[count_];
        cell.set(std::forward<Row>(row).first, own(std::forward<Row>(row).second), texts_);
        table_.prefetch(cell.slot().hash());
        if (++count_ == kWaiting) flush();
    }
    [[gnu::noinline]] void flush() {
        for (std::size_t i = 0; i < count_; ++i) {
            Cell<K, V>& row = waiting_[i];
            Cell<K, C>& cell = table_.at(row.slot());
            if (cell.used()) [[likely]]
                aggregation_.add(cell.value(), std::move(row.value()));
            else
                table_.claim(cell, row.slot(), aggregation_.create(std::move(row.value())));
            if constexpr (!Cell<K, V>::kTrivial) row.drop();
        }
        count_ = 0;
        texts_.clear();
    }

  private:
    static constexpr std::size_t kWaiting =
        std::clamp<std::size_t>((64 << 10) / sizeof(Cell<K, V>), 1, 256); // it lies on the stack

    Table<K, C>& table_;
    const Aggregation& aggregation_;
    std::size_t count_ = 0;
    Arena texts_;
    Cell<K, V> waiting_[kWaiting];
};

template <class Pipe, class K, class Aggregation>
void combinePartition(const Pipe& pipe, int partition, TaskContext& task, const Aggregation& aggregation,
                      Table<K, typename Aggregation::Combined>& table) {
    CombineSink<K, Aggregation> sink(table, aggregation);
    drain(pipe, partition, task, sink);
    sink.flush();
}

/// Routes rows to their buckets without combining them.
template <class K, class V> struct RouteSink {
    KeyedRows<K, V>& rows;
    const Router<K>& route;
    template <class Row> void operator()(Row&& row) {
        Cell<K, V> cell;
        cell.set(std::forward<Row>(row).first, own(std::forward<Row>(row).second), rows.arena());
        auto& bucket = rows.bucket(route(cell.slot()));
        bucket.push_back(std::move(cell));
    }
};

template <class Row> using KeyOf = owned_t<typename Row::first_type>;
template <class Row> using ValueOf = owned_t<typename Row::second_type>;

/// What map tasks leave for a key.
template <class Aggregation>
using ShuffledValue =
    std::conditional_t<Aggregation::kMapSide, typename Aggregation::Combined, typename Aggregation::Value>;

/// The map side of a shuffle by key.
template <class Pipe, class Aggregation> class KeyedShuffle final : public ShuffleDependency {
  public:
    using K = KeyOf<typename Pipe::value_type>;
    using R = ShuffledValue<Aggregation>;
    using Output = KeyedRows<K, R>;

    KeyedShuffle(LineagePtr parent, Pipe pipe, Aggregation aggregation, std::shared_ptr<const Partitioner> partitioner)
        : ShuffleDependency(std::move(parent), kIsErased<Pipe>, pipe.partitions(), partitioner->numPartitions()),
          pipe_(std::move(pipe)),
          aggregation_(std::move(aggregation)),
          route_(std::move(partitioner)) {}

    std::shared_ptr<const MapOutput> runMapTask(int partition, TaskContext& task) const override {
        auto made = adopt(new Output(route_.partitions()));
        Output& output = static_cast<Output&>(*made);
        if constexpr (Aggregation::kMapSide) {
            Table<K, R> table;
            combinePartition<Pipe, K>(pipe_, partition, task, aggregation_, table);
            for (std::size_t i = 0; i < route_.partitions(); ++i)
                output.bucket(i).reserve(table.size() / route_.partitions() + 8);
            for (Cell<K, R>& cell : table.cells())
                if (cell.used()) output.bucket(route_(cell.slot())).push_back(std::move(cell));
            std::swap(output.arena(), table.arena());
        } else {
            RouteSink<K, R> sink{output, route_};
            drain(pipe_, partition, task, sink);
        }
        return made;
    }

  private:
    Pipe pipe_;
    Aggregation aggregation_;
    Router<K> route_;
};

// ---- the reduce side

/// Calls `use` with the rows that each map task left for a reduce partition, in the order of the map partitions.
template <class Output, class Use>
void eachOutput(const ShuffleDependency& shuffle, int partition, TaskContext& task, const Use& use) {
    for (int m = 0; m < shuffle.mapPartitions(); ++m) {
        const auto output = task.engine().shuffles().get(shuffle.id(), m);
        if (!output) throwMissingOutput(shuffle.id(), m);
        task.throwIfCancelled();
        use(static_cast<const Output&>(*output).bucket(std::size_t(partition)));
    }
}

template <class K, class C> class TableReader final : public Reader<std::pair<K, C>> {
  public:
    explicit TableReader(Table<K, C> table) : table_(std::move(table)) {}
    bool next(std::span<const std::pair<K, C>>& chunk) override {
        rows_.clear();
        auto& cells = table_.cells();
        for (; at_ < cells.size() && rows_.size() < kChunk; ++at_)
            if (Cell<K, C>& cell = cells[at_]; cell.used())
                rows_.emplace_back(cell.slot().takeKey(), std::move(cell.value()));
        chunk = std::span<const std::pair<K, C>>(rows_.data(), rows_.size());
        return at_ < cells.size();
    }

  private:
    Table<K, C> table_;
    std::size_t at_ = 0;
    Rows<std::pair<K, C>> rows_;
};

/// Merges rows into a table, with the cells that will be needed fetched ahead.
template <class K, class R, class C, class Merge>
void mergeRows(Table<K, C>& table, const Rows<Cell<K, R>>& rows, const Merge& merge) {
    constexpr std::size_t kAhead = 16;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (i + kAhead < rows.size()) table.prefetch(rows[i + kAhead].slot().hash());
        merge(table, table.at(rows[i].slot()), rows[i]);
    }
}

/// The result of an aggregation out of a shuffle.
template <class K, class Aggregation>
class AggregatedNode final : public Node<std::pair<K, typename Aggregation::Combined>> {
  public:
    using C = typename Aggregation::Combined;
    using Shuffled = KeyedRows<K, ShuffledValue<Aggregation>>;

    AggregatedNode(LineagePtr lineage, std::shared_ptr<const ShuffleDependency> shuffle, Aggregation aggregation)
        : Node<std::pair<K, C>>(std::move(lineage)),
          aggregation_(std::move(aggregation)),
          shuffle_(std::move(shuffle)) {}
    int partitions() const override { return shuffle_->reducePartitions(); }

  protected:
    ReaderPtr<std::pair<K, C>> compute(int partition, TaskContext& task) const override {
        Table<K, C> table;
        eachOutput<Shuffled>(*shuffle_, partition, task, [&](const auto& rows) {
            if constexpr (Aggregation::kMapSide) table.reserve(rows.size());
            mergeRows(table, rows, *this);
        });
        return ReaderPtr<std::pair<K, C>>(new TableReader<K, C>(std::move(table)));
    }

  public:
    /// Merges one shuffled row into its cell.
    void operator()(Table<K, C>& table, Cell<K, C>& cell, const Cell<K, ShuffledValue<Aggregation>>& row) const {
        if constexpr (Aggregation::kMapSide) {
            if (cell.used())
                aggregation_.merge(cell.value(), row.value());
            else
                table.claimCopy(cell, row.slot(), row.value());
        } else {
            if (cell.used())
                aggregation_.add(cell.value(), ShuffledValue<Aggregation>(row.value()));
            else
                table.claimCopy(cell, row.slot(), aggregation_.create(row.value()));
        }
    }

  private:
    Aggregation aggregation_;
    std::shared_ptr<const ShuffleDependency> shuffle_;
};

/// The result of an aggregation out of the parent's own partition, where the parent is partitioned as the result is.
template <class Pipe, class Aggregation>
class AggregatedInPlaceNode final
    : public Node<std::pair<KeyOf<typename Pipe::value_type>, typename Aggregation::Combined>> {
  public:
    using K = KeyOf<typename Pipe::value_type>;
    using C = typename Aggregation::Combined;

    AggregatedInPlaceNode(LineagePtr lineage, Pipe pipe, Aggregation aggregation)
        : Node<std::pair<K, C>>(std::move(lineage)),
          aggregation_(std::move(aggregation)),
          pipe_(std::move(pipe)) {}
    int partitions() const override { return pipe_.partitions(); }

  protected:
    ReaderPtr<std::pair<K, C>> compute(int partition, TaskContext& task) const override {
        Table<K, C> table;
        combinePartition<Pipe, K>(pipe_, partition, task, aggregation_, table);
        return ReaderPtr<std::pair<K, C>>(new TableReader<K, C>(std::move(table)));
    }

  private:
    Aggregation aggregation_;
    Pipe pipe_;
};

} // namespace rivulet::detail
