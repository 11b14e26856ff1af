#include "support/rdd_harness.h"

namespace rivulet::test::partitioner_test {

TEST_CASE("the partitioner of a result with several parents follows Spark's rule", "[R41]") {
    const Context sc("local[2]", "test");
    const std::vector<std::pair<int, int>> none;
    const auto plain = [&](int partitions) { return sc.parallelize(none, partitions).erased(); };
    const auto hashed = [&](int partitions) { return plain(1).partitionBy(partitions); };
    CHECK(plain(150).cogroup(hashed(10)).getNumPartitions() == 150); // 10 is an order of magnitude too small
    CHECK(hashed(10).cogroup(hashed(100)).getNumPartitions() == 100);
    CHECK(hashed(100).cogroup(plain(150)).getNumPartitions() == 100);
    CHECK(hashed(9).cogroup(plain(11)).getNumPartitions() == 9);
    CHECK(plain(90).cogroup(hashed(10)).getNumPartitions() == 10);
    CHECK(plain(100).cogroup(hashed(10)).getNumPartitions() == 100); // strictly within one order of magnitude
    CHECK(plain(3).reduceByKey(std::plus<>()).getNumPartitions() == 3);
    CHECK(plain(3).reduceByKey(std::plus<>(), 5).getNumPartitions() == 5);
    CHECK(plain(3).groupByKey(HashPartitioner(4)).getNumPartitions() == 4);

    const Context parallel(Conf("local[2]", "test").set("rivulet.default.parallelism", 6));
    const auto two = parallel.parallelize(none, 2);
    CHECK(two.groupByKey().getNumPartitions() == 6);
    CHECK(two.partitionBy(5).join(parallel.parallelize(none, 200)).getNumPartitions() == 6);
    CHECK(two.partitionBy(6).join(parallel.parallelize(none, 200)).getNumPartitions() == 6);
    CHECK(two.partitionBy(8).join(parallel.parallelize(none, 200)).getNumPartitions() == 8);
}

TEST_CASE("operations keep, set or lose the partitioner as Spark's do", "[R47]") {
    const Context sc("local[2]", "test");
    const auto pairs = sc.parallelize({std::pair(1, 1), std::pair(2, 2)}, 3);
    const auto grouped2 = pairs.groupByKey(2), grouped4 = pairs.groupByKey(4);
    const auto isHash = [](const auto& rdd, int partitions) {
        return rdd.partitioner() && rdd.partitioner()->equals(HashPartitioner(partitions));
    };
    CHECK_FALSE(pairs.partitioner());
    CHECK(isHash(grouped2, 2));
    CHECK(isHash(grouped2.join(grouped4), 4));
    CHECK(isHash(grouped4.join(grouped2), 4));
    CHECK(isHash(grouped2.join(pairs), 2));
    CHECK(isHash(grouped2.cogroup(grouped4), 4));
    CHECK(isHash(pairs.reduceByKey(std::plus<>()), 3));
    CHECK(isHash(pairs.partitionBy(5), 5));
    CHECK(isHash(grouped2.mapValues([](const auto& v) { return v.size(); }).reduceByKey(std::plus<>()), 2));
    // kept
    CHECK(isHash(grouped2.mapValues([](const auto& v) { return v.size(); }), 2));
    CHECK(isHash(grouped2.filter([](const auto&) { return true; }), 2));
    CHECK(isHash(grouped2.cache(), 2));
    CHECK(isHash(grouped2.filter([](const auto&) { return true; }).erased(), 2));
    CHECK(isHash(grouped2.mapPartitions([](auto) { return std::vector{1}; }, true), 2));
    CHECK(isHash(grouped2.mapPartitionsWithIndex([](int i, auto) { return std::vector{i}; }, true), 2));
    // lost
    CHECK_FALSE(grouped2.map([](const auto& x) { return x; }).partitioner());
    CHECK_FALSE(grouped2.keys().partitioner());
    CHECK_FALSE(grouped2.values().partitioner());
    CHECK_FALSE(grouped2.keyBy([](const auto& x) { return x.first; }).partitioner());
    CHECK_FALSE(grouped2.flatMap([](const auto& x) { return x.second; }).partitioner());
    CHECK_FALSE(grouped2.mapPartitions([](auto) { return std::vector{1}; }).partitioner());
    CHECK_FALSE(grouped2.repartition(2).partitioner());
    CHECK_FALSE(grouped2.unionWith(grouped2.repartition(2)).partitioner());
}

TEST_CASE("rows are routed to the remainder of their hash, for every number of partitions") {
    for (const int partitions : {1, 2, 3, 7, 10, 64, 1'000, 65'537, 1 << 30, 2'147'483'647}) {
        const detail::Router<long> route(std::make_shared<HashPartitioner>(partitions));
        detail::Arena texts;
        bool same = true;
        for (long key = 0; key < 10'000; ++key) {
            detail::KeySlot<long> slot;
            slot.set(key, texts);
            same = same && route(slot) == hashOf(key) % std::uint32_t(partitions);
        }
        CHECK(same);
    }
}

} // namespace rivulet::test::partitioner_test
