#pragma once

#include "rivulet/rdd.h"

/// How the records of a batch come to the state of their keys.
namespace rivulet::detail {

/// The records of a keyed RDD by partition, in the order of the map partitions, with their hashes: shuffled, or read in
/// place where the RDD is partitioned as the state is.
template <class Pipe> class KeyedInput {
  public:
    using K = KeyOf<typename Pipe::value_type>;
    using V = ValueOf<typename Pipe::value_type>;

    KeyedInput(const LineagePtr& parent, const Pipe& pipe, const std::shared_ptr<const Partitioner>& partitioner)
        : pipe_(pipe) {
        using Shuffle = KeyedShuffle<Pipe, Grouping<V>>;
        if (!parent->partitioner() || !parent->partitioner()->equals(*partitioner))
            shuffle_ = adopt(new Shuffle(parent, pipe, Grouping<V>{}, partitioner));
        dependency_ = {parent, kIsErased<Pipe>, shuffle_};
    }
    const Dependency& dependency() const { return dependency_; }

    /// Calls `take(cells, count)` for blocks of records. What `take` needs later it has to copy.
    template <class Take> void read(int partition, TaskContext& task, Take& take) const {
        if (!shuffle_) {
            BlockSink<Take> sink{take};
            drain(pipe_, partition, task, sink);
            sink.flush();
            return;
        }
        eachOutput<KeyedRows<K, V>>(*shuffle_, partition, task, [&](const Rows<Cell<K, V>>& rows) {
            for (std::size_t at = 0; at < rows.size(); at += kBlock, task.throwIfCancelled())
                take(rows.data() + at, std::min(kBlock, rows.size() - at));
        });
    }

  private:
    static constexpr std::size_t kBlock = 64 * kChunk;

    template <class Take> struct BlockSink {
        Take& take;
        Rows<Cell<K, V>> cells = {};
        Arena texts = {};
        template <class Row> void operator()(Row&& row) {
            Cell<K, V> cell;
            cell.set(std::forward<Row>(row).first, own(std::forward<Row>(row).second), texts);
            cells.push_back(std::move(cell));
            if (cells.size() == kChunk) flush();
        }
        void flush() {
            take(cells.data(), cells.size());
            cells.clear();
            texts.clear();
        }
    };

    Pipe pipe_;
    std::shared_ptr<ShuffleDependency> shuffle_; // null where the pipe is read in place
    Dependency dependency_;
};

/// Gives the positions of the records of each group, in their order: `order[begin[g]]` to `order[begin[g + 1]]`.
void orderByGroup(const Rows<std::uint32_t>& groups, std::size_t groupCount, Rows<std::uint32_t>& begin,
                  Rows<std::uint32_t>& order);

/// Values that arrive in any order and are asked for by group. A group is a number; the values of one lie side by side
/// when they are asked for.
template <class V> class GroupedValues {
  public:
    void add(std::uint32_t group, const V& value) {
        groups_.push_back(group);
        values_.push_back(value);
    }
    bool empty() const { return groups_.empty(); }
    void finish(std::size_t groupCount) {
        if (!empty()) orderByGroup(groups_, groupCount, begin_, order_);
    }
    /// The values of a group, until the next call; each group may be asked for once, and best in order.
    std::span<const V> of(std::size_t group) {
        constexpr std::size_t kAhead = 16;
        if (empty()) return {};
        const std::size_t begin = begin_[group], end = begin_[group + 1];
        if (begin == end) return {};
        if (begin + kAhead < order_.size()) __builtin_prefetch(&values_[order_[begin + kAhead]]);
        if (end - begin == 1) return {&values_[order_[begin]], 1};
        together_.clear();
        for (std::size_t i = begin; i < end; ++i) together_.push_back(std::move(values_[order_[i]]));
        return {together_.data(), together_.size()};
    }

  private:
    Rows<std::uint32_t> groups_, begin_, order_;
    Rows<V> values_, together_;
};

} // namespace rivulet::detail
