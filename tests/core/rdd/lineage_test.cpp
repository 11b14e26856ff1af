#include "support/rdd_harness.h"

namespace rivulet::test::lineage_test {

namespace {

/// Where the operation was called that made the RDD.
template <class R> std::string madeAt(const R& rdd) { return rdd.lineagePtr()->site().site.text(); }

} // namespace

TEST_CASE("an RDD knows its id, name, partitions and call site") {
    const Context sc("local[2]", "test");
    const auto here = std::source_location::current();
    const auto numbers = sc.parallelize({1, 2, 3}, 2);
    const auto doubled = numbers.map([](int x) { return x * 2; });
    CHECK(madeAt(numbers) == site("parallelize", here, 1));
    CHECK(madeAt(doubled) == site("map", here, 2));
    CHECK(numbers.id() == 0);
    CHECK(doubled.id() == 1);
    CHECK(Context("local", "other").range(1).id() == 0);
    CHECK(doubled.name().empty());
    doubled.setName("doubled");
    CHECK(doubled.name() == "doubled");
    CHECK(doubled.erased().name() == "doubled");
    CHECK(doubled.getNumPartitions() == 2);
    CHECK(doubled.getStorageLevel() == StorageLevel::NONE);
    CHECK(doubled.toDebugString().starts_with("(2) doubled MapPartitionsRDD[1] at map at lineage_test.cpp:"));
    CHECK(sc.textFile("a,b").name() == "a,b");
}

TEST_CASE("every operation records the place of its call") {
    const Context sc("local[2]", "test");
    const auto ones = sc.range(0, 4, 1, 2).map(withOne);
    const auto here = std::source_location::current();
    const auto reduced = ones.reduceByKey(std::plus<>());
    const auto joined = ones.join(reduced);
    const auto both = ones.unionWith(reduced);
    const auto sortedOnes = ones.sortByKey();
    const auto keys = ones.keys().distinct();
    const auto dealt = ones.repartition(2);
    const auto routed = ones.partitionBy(2);
    CHECK(madeAt(reduced) == site("reduceByKey", here, 1));
    CHECK(madeAt(joined) == site("join", here, 2));
    CHECK(madeAt(both) == site("union", here, 3));
    CHECK(madeAt(sortedOnes) == site("sortByKey", here, 4));
    CHECK(madeAt(keys) == site("distinct", here, 5));
    CHECK(madeAt(dealt) == site("repartition", here, 6));
    CHECK(madeAt(routed) == site("partitionBy", here, 7));
}

TEST_CASE("toDebugString draws a chain with one shuffle as Spark does") {
    const Context sc("local[2]", "test");
    const auto lines = sc.parallelize({"a b", "b"}, 2);
    const auto split = lines.flatMap(words);
    const auto ones = split.map(withOne);
    const auto counts = ones.reduceByKey(std::plus<>());
    CHECK(counts.toDebugString() == "(2) ShuffledRDD[3] at " + madeAt(counts) + " []\n" +
                                        " +-(2) MapPartitionsRDD[2] at " + madeAt(ones) + " []\n" +
                                        "    |  MapPartitionsRDD[1] at " + madeAt(split) + " []\n" +
                                        "    |  ParallelCollectionRDD[0] at " + madeAt(lines) + " []");
    CHECK(lines.toDebugString() == "(2) ParallelCollectionRDD[0] at " + madeAt(lines) + " []");
}

TEST_CASE("toDebugString draws a join with its two sides") {
    const Context sc("local[2]", "test");
    const auto left = sc.parallelize({std::pair(1, 'a')}, 12), right = sc.parallelize({std::pair(1, 'b')}, 1);
    const auto grouped = left.groupByKey(3);
    const auto joined = grouped.join(right);
    // Spark's join has one MapPartitionsRDD more, because it goes through mapValues: ours is one operator
    CHECK(joined.toDebugString() ==
          "(3) MapPartitionsRDD[4] at " + madeAt(joined) + " []\n" + " |  CoGroupedRDD[3] at " + madeAt(joined) +
              " []\n" + " |  ShuffledRDD[2] at " + madeAt(grouped) + " []\n" + " +-(12) ParallelCollectionRDD[0] at " +
              madeAt(left) + " []\n" + " +-(1) ParallelCollectionRDD[1] at " + madeAt(right) + " []");
    const auto mapped = left.map([](const auto& x) { return x; });
    const auto both = mapped.join(right, 5);
    CHECK(both.toDebugString() == "(5) MapPartitionsRDD[7] at " + madeAt(both) + " []\n" + " |  CoGroupedRDD[6] at " +
                                      madeAt(both) + " []\n" + " +-(12) MapPartitionsRDD[5] at " + madeAt(mapped) +
                                      " []\n" + " |  |   ParallelCollectionRDD[0] at " + madeAt(left) + " []\n" +
                                      " +-(1) ParallelCollectionRDD[1] at " + madeAt(right) + " []");
}

TEST_CASE("toDebugString tells of cached partitions below the RDD that has them") {
    const Context sc("local[2]", "test");
    const auto cached = sc.range(0, 100, 1, 2).cache();
    const auto kept = cached.filter([](long x) { return x > 50; });
    // the level is that of each RDD; Spark prints that of the asked one on every line
    const std::string operators =
        "(2) MapPartitionsRDD[1] at " + madeAt(kept) + " []\n |  RangeRDD[0] at " + madeAt(cached) + " [MEMORY_ONLY]";
    CHECK(kept.toDebugString() == operators);
    CHECK(kept.count() == 49);
    CHECK(kept.toDebugString() == operators + "\n |      CachedPartitions: 2; MemorySize: 800 B");
}

TEST_CASE("unions draw all their parents") {
    const Context sc("local", "test");
    const RDD<long> a = sc.range(0, 1, 1, 1), b = sc.range(0, 1, 1, 2).setName("b");
    const auto all = a.unionWith(b);
    CHECK(all.toDebugString() == "(3) UnionRDD[2] at " + madeAt(all) + " []\n" + " |  RangeRDD[0] at " + madeAt(a) +
                                     " []\n" + " |  b RangeRDD[1] at " + madeAt(b) + " []");
}

TEST_CASE("copies and repeated erasures of a chain are one RDD") {
    const Context sc("local[2]", "test");
    const auto chain = sc.range(10).map([](long x) { return x; });
    const auto copy = chain;
    const RDD<long> erased = chain, again = copy, third = chain.erased();
    CHECK(erased.id() == chain.id());
    CHECK(erased.pipe().node().base() == again.pipe().node().base());
    CHECK(erased.pipe().node().base() == third.pipe().node().base());
    CHECK(erased.lineagePtr() == chain.lineagePtr());
    again.setName("one");
    CHECK(chain.name() == "one");
    CHECK(sc.range(10).id() == chain.id() + 1);
}

TEST_CASE("an erased handle can be assigned, kept in containers and in loops") {
    const Context sc("local[2]", "test");
    RDD<long> rdd;
    rdd = sc.range(0, 4, 1, 2);
    for (int i = 0; i < 3; ++i) rdd = rdd.map([i](long x) { return x + i; });
    std::map<std::string, RDD<long>> named{{"numbers", rdd}};
    named["more"] = named["numbers"].filter([](long x) { return x > 4; });
    CHECK(text(named["more"]) == "[5, 6]");
    const RDD<std::string> owned = sc.parallelize({"a"}, 1).map([](std::string_view s) { return s; });
    CHECK(text(owned) == "[a]");
}

TEST_CASE("a handle to nothing says so") {
    const Context sc("local", "test");
    const std::string message = "this RDD is a handle to nothing: assign it the result of parallelize, textFile or an "
                                "operation before it is used";
    const RDD<long> nothing;
    const RDD<std::pair<int, int>> noPairs;
    CHECK(errorOf<UsageError>([&] { nothing.count(); }) == message);
    CHECK(errorOf<UsageError>([&] { nothing.map([](long x) { return x; }); }) == message);
    CHECK(errorOf<UsageError>([&] { nothing.getNumPartitions(); }) == message);
    CHECK(errorOf<UsageError>([&] { nothing.toDebugString(); }) == message);
    CHECK(errorOf<UsageError>([&] { nothing.cache(); }) == message);
    CHECK(errorOf<UsageError>([&] { nothing.take(1); }) == message);
    CHECK(errorOf<UsageError>([&] { nothing.unionWith(sc.range(1)); }) == message);
    CHECK(errorOf<UsageError>([&] { sc.range(1).unionWith(nothing); }) == message);
    CHECK(errorOf<UsageError>([&] { sc.parallelize({std::pair(1, 1)}, 1).join(noPairs); }) == message);
    CHECK(errorOf<UsageError>([&] { noPairs.groupByKey(); }) == message);
}

} // namespace rivulet::test::lineage_test
