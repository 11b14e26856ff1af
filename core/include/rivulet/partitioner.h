#pragma once

#include "rivulet/containers/hash.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <source_location>
#include <vector>

namespace rivulet {

/// Assigns keys to partitions. Two RDDs whose partitioners are equal are co-partitioned: they join without a shuffle.
///
/// Threads: immutable, used from all threads
/// Source:  Spark Partitioner
class Partitioner {
  public:
    virtual ~Partitioner() = default;
    virtual int numPartitions() const = 0;
    /// Whether the other one sends every key to the same partition.
    virtual bool equals(const Partitioner& other) const = 0;
};

/// Partitions by the key's hash, modulo the number of partitions.
///
/// Errors: UsageError where `numPartitions` is below 1
class HashPartitioner final : public Partitioner {
  public:
    explicit HashPartitioner(int numPartitions, std::source_location where = std::source_location::current());
    int numPartitions() const override { return count_; }
    bool equals(const Partitioner& other) const override;
    template <Key K> int partitionOf(const K& key) const { return int(hashOf(key) % std::uint32_t(count_)); }

  private:
    int count_;
};

/// A partitioner that looks at the key itself. Derive from it for one of your own; `partitionOf` must give 0 ...
/// numPartitions() - 1.
template <class K> class KeyPartitioner : public Partitioner {
  public:
    virtual int partitionOf(const K& key) const = 0;
};

/// Partitions by ranges of keys: partition i holds what is not above bound i and above bound i - 1, so that sorted
/// partitions follow each other.
///
/// Cost: O(log bounds) per key
template <class K, class Less> class RangePartitioner final : public KeyPartitioner<K> {
  public:
    /// `bounds` are ascending by `less` and distinct; there is one partition more than bounds.
    RangePartitioner(std::vector<K> bounds, Less less) : bounds_(std::move(bounds)), less_(std::move(less)) {}
    int numPartitions() const override { return int(bounds_.size()) + 1; }
    int partitionOf(const K& key) const override {
        return int(std::lower_bound(bounds_.begin(), bounds_.end(), key, less_) - bounds_.begin());
    }
    bool equals(const Partitioner& other) const override { return this == &other; }

  private:
    std::vector<K> bounds_;
    Less less_;
};

/// How an operation is to partition its result: by a given number, by a given partitioner, or (empty) by the rule of
/// Spark's `defaultPartitioner`.
class Partitioning {
  public:
    Partitioning() = default;
    Partitioning(int numPartitions, std::source_location where = std::source_location::current());
    Partitioning(const HashPartitioner& partitioner);
    Partitioning(std::shared_ptr<const Partitioner> partitioner) : partitioner_(std::move(partitioner)) {}

    const std::shared_ptr<const Partitioner>& get() const { return partitioner_; }

  private:
    std::shared_ptr<const Partitioner> partitioner_;
};

} // namespace rivulet
