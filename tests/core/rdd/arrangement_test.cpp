#include "support/rdd_harness.h"

namespace rivulet::test::arrangement_test {

TEST_CASE("zipWithIndex numbers the elements, zipWithUniqueId tells them apart", "[R23]") {
    eachSetup([](const Context& sc, int partitions) {
        const auto numbers = sc.range(0, 10, 1, partitions);
        CHECK(text(numbers.zipWithIndex()) == "[(0,0), (1,1), (2,2), (3,3), (4,4), (5,5), (6,6), (7,7), (8,8), (9,9)]");
        CHECK(text(numbers.filter([](long x) { return x > 6; }).erased().zipWithIndex()) == "[(7,0), (8,1), (9,2)]");
        CHECK(numbers.zipWithUniqueId().values().distinct().count() == 10);
    });
    const Context sc("local", "test");
    CHECK(text(sc.range(0, 5, 1, 3).zipWithUniqueId()) == "[(0,0), (1,1), (2,4), (3,2), (4,5)]");
    CHECK(sc.emptyRDD<int>().zipWithIndex().isEmpty());
}

TEST_CASE("zipWithIndex counts all partitions but the last, and none of one") {
    const Context sc("local[2]", "test");
    std::atomic<int> computed = 0;
    counted(sc, computed).zipWithIndex();
    CHECK(computed == 5);
    computed = 0;
    counted(sc, computed).coalesce(1).zipWithIndex();
    CHECK(computed == 0);
}

TEST_CASE("cartesian pairs each element with each of the other") {
    eachSetup([](const Context& sc, int partitions) {
        const auto left = sc.parallelize({1, 2}, partitions);
        const RDD<std::string> right = sc.parallelize<std::string>({"a", "b", "c"}, 2);
        const auto product = left.cartesian(right);
        CHECK(product.getNumPartitions() == 2 * partitions);
        CHECK(text(sorted(product)) == "[(1,a), (1,b), (1,c), (2,a), (2,b), (2,c)]");
        CHECK(text(sorted(right.cartesian(left.erased()).keys().distinct())) == "[a, b, c]");
        CHECK(left.cartesian(left.filter([](int x) { return x > 5; })).isEmpty());
    });
    const Context sc("local", "test");
    CHECK(text(glom(sc.parallelize({1, 2}, 2).cartesian(sc.parallelize({3, 4}, 2)))) ==
          "[[(1,3)], [(1,4)], [(2,3)], [(2,4)]]");
    CHECK(sc.range(0, 3'000, 1, 1).cartesian(sc.range(0, 2'000, 1, 1)).count() == 6'000'000);
    const auto large = sc.range(0, 1, 1, 100'000);
    CHECK(errorOf<UsageError>([&] { large.cartesian(large); }) ==
          "cartesian: 100000 times 100000 partitions are more than there can be: coalesce the RDDs first");
}

TEST_CASE("coalesce puts neighbouring partitions together and never makes more", "[R7]") {
    const Context sc("local[2]", "test");
    const auto ten = sc.range(1, 11, 1, 10);
    CHECK(text(glom(ten.coalesce(2))) == "[[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]]");
    CHECK(text(glom(ten.erased().coalesce(3))) == "[[1, 2, 3], [4, 5, 6], [7, 8, 9, 10]]");
    CHECK(ten.coalesce(10).getNumPartitions() == 10);
    CHECK(ten.coalesce(20).getNumPartitions() == 10);
    CHECK(text(ten.coalesce(20)) == text(ten));
    CHECK(sc.emptyRDD<int>().coalesce(2).isEmpty());
    CHECK(shufflesOf(*ten.coalesce(2).lineagePtr()) == 0);
    CHECK(errorOf<UsageError>([&] { ten.coalesce(0); }) == "coalesce: the number of partitions (0) must be positive");
}

} // namespace rivulet::test::arrangement_test
