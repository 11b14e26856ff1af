#include "rivulet/error.h"
#include "rivulet/rdd/operations/summaries.h"
#include "rivulet/rdd/operations/zipped_pipe.h"

#include <cmath>

namespace rivulet::detail {

void requireSameContext(const LineagePtr& one, const LineagePtr& other, const char* operation,
                        std::source_location where) {
    if (checkedLineage(one).engine() != checkedLineage(other).engine())
        throw UsageError(std::string(operation) +
                             ": the RDDs belong to different contexts; make all of them with the same Context",
                         where);
}

void throwUnequalCounts(int partition, bool leftIsLonger) {
    throw UsageError(std::string("zip: partition ") + std::to_string(partition) + " has more elements on the " +
                     (leftIsLonger ? "left" : "right") +
                     " side, but both need the same number of elements in each partition: pair them by "
                     "zipWithIndex and join");
}

void requireEqualPartitions(const char* operation, std::initializer_list<int> partitions, std::source_location where) {
    std::string all;
    bool equal = true;
    for (const int count : partitions) {
        equal = equal && count == *partitions.begin();
        all += (all.empty() ? "" : ", ") + std::to_string(count);
    }
    if (!equal)
        throw UsageError(std::string(operation) + ": the RDDs have unequal numbers of partitions (" + all +
                             "): make them equal by repartition or coalesce",
                         where);
}

void requireProductFits(int left, int right, std::source_location where) {
    if (std::int64_t(left) * right > std::numeric_limits<int>::max())
        throw UsageError("cartesian: " + std::to_string(left) + " times " + std::to_string(right) +
                             " partitions are more than there can be: coalesce the RDDs first",
                         where);
}

void throwEmpty(const char* operation, const Lineage& lineage, const char* advice, std::source_location where) {
    throw UsageError(std::string(operation) + ": empty collection: RDD " + lineage.text() + " has no element; " +
                         advice + " where that may be",
                     where);
}

void requireDepth(const char* operation, int depth, std::source_location where) {
    if (depth < 1)
        throw UsageError(std::string(operation) + ": the depth (" + std::to_string(depth) + ") must be at least 1",
                         where);
}

int treeScale(int partitions, int depth) {
    return std::max(2, int(std::ceil(std::pow(double(partitions), 1.0 / depth))));
}

int nextTreeLevel(int parts, int scale) { return parts > scale + (parts + scale - 1) / scale ? parts / scale : 0; }

} // namespace rivulet::detail
