#include "support/rdd_harness.h"

namespace rivulet::test::union_test {

TEST_CASE("the union of an RDD with itself has every element twice, partitions after partitions", "[R1]") {
    expectTable(std::vector{1, 2, 3, 4}, [](auto r) { return r.unionWith(r); }, "[1, 2, 3, 4, 1, 2, 3, 4]");
    eachSetup([](const Context& sc, int partitions) {
        const auto a = sc.parallelize({1, 2, 3, 4}, partitions);
        const RDD<int> b = sc.parallelize({5, 6}, 3), none = sc.emptyRDD<int>();
        CHECK(a.unionWith(b).getNumPartitions() == partitions + 3);
        CHECK(text(sc.unionAll<int>({a, none, b, a})) == "[1, 2, 3, 4, 5, 6, 1, 2, 3, 4]");
        CHECK(text(unionAll<int>({none, none})) == "[]");
        CHECK(text(sc.unionAll<int>({})) == "[]");
    });
}

TEST_CASE("a union of equally partitioned RDDs keeps partitions and partitioner", "[R5]") {
    eachExecutor([](const Context& sc) {
        using Row = std::pair<int, char>;
        const auto a = sc.parallelize<Row>({{1, 'a'}, {2, 'b'}, {3, 'c'}}, 3).partitionBy(2);
        const auto b = sc.parallelize<Row>({{3, 'x'}, {1, 'y'}, {4, 'z'}}, 1).partitionBy(HashPartitioner(2));
        const auto both = a.unionWith(b);
        REQUIRE(both.getNumPartitions() == 2);
        REQUIRE(both.partitioner());
        CHECK(both.partitioner()->equals(*a.partitioner()));
        const auto parts = glom(both), first = glom(a), second = glom(b);
        for (std::size_t i = 0; i < 2; ++i) {
            auto expected = first[i];
            expected.insert(expected.end(), second[i].begin(), second[i].end());
            CHECK(text(parts[i]) == text(expected));
        }
        CHECK_FALSE(a.unionWith(b.partitionBy(3)).partitioner());
        CHECK(a.unionWith(b.partitionBy(3)).getNumPartitions() == 5);
        // RDDs without partitions are dropped first, as in Spark
        CHECK(a.unionWith(sc.emptyRDD<Row>()).partitioner());
    });
}

TEST_CASE("repartition keeps the elements and evens the partitions out", "[R8]") {
    eachSetup([](const Context& sc, int partitions) {
        for (int wanted : {1, 3, 20}) {
            const auto dealt = sc.range(0, 10, 1, partitions).repartition(wanted);
            CHECK(dealt.getNumPartitions() == wanted);
            CHECK_FALSE(dealt.partitioner());
            CHECK(text(sorted(dealt)) == "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]");
        }
        std::size_t least = 1000, most = 0;
        for (const auto& part : glom(sc.range(0, 1000, 1, partitions).repartition(4))) {
            least = std::min(least, part.size());
            most = std::max(most, part.size());
        }
        CHECK(most - least <= std::size_t(partitions));
    });
}

TEST_CASE("repartition into less than one partition is an error", "[R7]") {
    const Context sc("local", "test");
    CHECK(errorOf<UsageError>([&] { sc.range(10).repartition(0); }) ==
          "repartition: the number of partitions (0) must be positive");
    CHECK(errorOf<UsageError>([&] { sc.range(10).repartition(-3); }) ==
          "repartition: the number of partitions (-3) must be positive");
}

} // namespace rivulet::test::union_test
