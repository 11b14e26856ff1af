#pragma once

#include "rivulet/rdd.h"
#include "rivulet/shuffle/bucketed.h"

/// How the records of a batch come to the state of their keys.
namespace rivulet::detail {

/// How a batch's records are parted on their way, and the memory that they use on it.
struct InputPlan {
    unsigned bucketBits = 0;
    std::shared_ptr<SlabPool> slabs;
};

/// The records of a keyed RDD by partition: shuffled, or read in place where the RDD is partitioned as the state is.
/// Those of a key come in the order of the map partitions; where the state is large, keys that lie near each other in
/// its tables come together.
template <class Pipe> class KeyedInput {
  public:
    using K = KeyOf<typename Pipe::value_type>;
    using V = ValueOf<typename Pipe::value_type>;
    using Row = BucketedRow<K, V>;

    KeyedInput(const LineagePtr& parent, const Pipe& pipe, const std::shared_ptr<const Partitioner>& partitioner,
               const InputPlan& plan)
        : pipe_(pipe) {
        if (!parent->partitioner() || !parent->partitioner()->equals(*partitioner))
            shuffle_ = adopt(new BucketedShuffle<Pipe>(parent, pipe, partitioner, plan.bucketBits, plan.slabs));
        dependency_ = {parent, kIsErased<Pipe>, shuffle_};
    }
    const Dependency& dependency() const { return dependency_; }

    /// Calls `take(rows, count)` for blocks of records. What `take` needs later it has to copy.
    template <class Take> void read(int partition, TaskContext& task, Take& take) const {
        if (shuffle_) {
            eachBucketed<K, V>(*shuffle_, partition, task, take);
        } else {
            BlockSink<Take> sink{take};
            drain(pipe_, partition, task, sink);
            sink.flush();
        }
    }

  private:
    template <class Take> struct BlockSink {
        Take& take;
        Rows<Row> rows = {};
        Arena texts = {};
        template <class X> void operator()(X&& x) {
            if constexpr (kIsBareKey<K>) {
                rows.emplace_back(own(std::forward<X>(x).first), own(std::forward<X>(x).second));
            } else {
                Row row;
                row.set(std::forward<X>(x).first, own(std::forward<X>(x).second), texts);
                rows.push_back(std::move(row));
            }
            if (rows.size() == kChunk) flush();
        }
        void flush() {
            take(rows.data(), rows.size());
            rows.clear();
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
    std::size_t size() const { return groups_.size(); }
    /// Forgets all values, and keeps their memory.
    void clear() {
        groups_.clear();
        values_.clear();
    }
    std::size_t sizeBytes() const {
        return (groups_.capacity() + begin_.capacity() + order_.capacity()) * sizeof(std::uint32_t) +
               (values_.capacity() + together_.capacity()) * sizeof(V);
    }
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
