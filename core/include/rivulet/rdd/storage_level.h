#pragma once

namespace rivulet {

/// Where `persist` keeps the partitions of an RDD. The names are Spark's; the levels that use the disk come with the
/// memory budget.
enum class StorageLevel {
    NONE,       ///< computed again by every job
    MEMORY_ONLY ///< kept as objects in memory
};

const char* nameOf(StorageLevel level);

} // namespace rivulet
