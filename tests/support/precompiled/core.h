#pragma once

#include "support/captured_output.h"
#include "support/rdd_harness.h"
#include "support/temporary_directory.h"

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

/// What most tests of RDDs use, compiled once for all of them. Nobody calls these functions; take from here, or add,
/// what makes the whole build faster.
namespace rivulet::test::precompiled {

template <class T> void elements(const Context& sc) {
    const auto fused = sc.parallelize(std::vector<T>(), 2);
    const auto rdd = fused.erased();
    CHECK(text(fused) == text(rdd));
    CHECK(text(sorted(rdd)) == text(rdd.take(1)));
    CHECK(rdd.count() == fused.count());
    CHECK(rdd.collect() == std::vector<T>());
    CHECK(glom(rdd).empty());
    CHECK(rdd.cache().getNumPartitions() == rdd.repartition(2).getNumPartitions());
}

template <class K, class V> void pairs(const Context& sc) {
    elements<std::pair<K, V>>(sc);
    const auto rdd = sc.parallelize(std::vector<std::pair<K, V>>(), 2).erased();
    CHECK(text(rdd.reduceByKey(std::plus<>())) == text(sorted(rdd.groupByKey())));
    CHECK(text(rdd.keys()) == text(rdd.values()));
}

inline void common(const Context& sc) {
    elements<int>(sc);
    elements<long>(sc);
    elements<std::string>(sc);
    pairs<int, int>(sc);
    pairs<int, std::string>(sc);
    pairs<std::string, int>(sc);
    pairs<std::string, long>(sc);
}

} // namespace rivulet::test::precompiled
