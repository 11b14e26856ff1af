#include "rivulet/partitioner.h"

#include "rivulet/conf.h"
#include "rivulet/error.h"
#include "rivulet/shuffle/aggregate.h"

namespace rivulet {

HashPartitioner::HashPartitioner(int numPartitions, std::source_location where) : count_(numPartitions) {
    if (numPartitions < 1)
        throw UsageError("HashPartitioner: the number of partitions (" + std::to_string(numPartitions) +
                             ") must be positive",
                         where);
}

bool HashPartitioner::equals(const Partitioner& other) const {
    const auto* hash = dynamic_cast<const HashPartitioner*>(&other);
    return hash && hash->count_ == count_;
}

Partitioning::Partitioning(int numPartitions, std::source_location where)
    : partitioner_(std::make_shared<HashPartitioner>(numPartitions, where)) {}
Partitioning::Partitioning(const HashPartitioner& partitioner)
    : partitioner_(std::make_shared<HashPartitioner>(partitioner)) {}

namespace detail {

void throwWrongPartitioner() {
    throw UsageError("this partitioner is for keys of another type: use HashPartitioner, or derive from "
                     "KeyPartitioner<K> for the key type of this RDD");
}

void throwBadPartition(int partition, int partitions) {
    throw UsageError("the partitioner gave partition " + std::to_string(partition) +
                     " for a key, but there are partitions 0 to " + std::to_string(partitions - 1) +
                     ": partitionOf must stay within them");
}

void throwKeyTooLong(std::size_t size) {
    throw UsageError("a key of " + std::to_string(size) + " bytes is too long: keys may have up to 2147483647 bytes");
}

std::shared_ptr<const Partitioner> choosePartitioner(const Engine& engine, const Partitioning& wanted,
                                                     std::initializer_list<PartitionedParent> parents) {
    if (wanted.get()) return wanted.get();
    int most = 1;
    std::shared_ptr<const Partitioner> largest;
    for (const PartitionedParent& parent : parents) {
        most = std::max(most, parent.partitions);
        if (parent.partitioner && (!largest || parent.partitioner->numPartitions() > largest->numPartitions()))
            largest = parent.partitioner;
    }
    const int standard = engine.conf().isSet("rivulet.default.parallelism") ? engine.defaultParallelism() : most;
    // Within one order of magnitude of the largest parent an existing partitioner is worth keeping.
    if (largest && (most < 10 * largest->numPartitions() || standard <= largest->numPartitions())) return largest;
    return std::make_shared<HashPartitioner>(standard);
}

} // namespace detail
} // namespace rivulet
