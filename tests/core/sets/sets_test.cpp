#include "support/rdd_harness.h"

namespace rivulet::test::sets_test {

using Pair = std::pair<int, int>;

TEST_CASE("intersection has what both have, once", "[R22]") {
    eachSetup([](const Context& sc, int partitions) {
        const auto a = sc.parallelize({1, 2, 3, 3}, partitions), b = sc.parallelize({1, 1, 2, 3}, 2);
        CHECK(text(sorted(a.intersection(b))) == "[1, 2, 3]");
        CHECK(text(sorted(b.erased().intersection(a.erased(), 5))) == "[1, 2, 3]");
        CHECK(a.intersection(sc.emptyRDD<int>()).isEmpty());
        CHECK_FALSE(a.intersection(b).partitioner());
    });
}

TEST_CASE("subtract keeps what the other does not have, duplicates included", "[R37]") {
    eachSetup([](const Context& sc, int partitions) {
        const auto a = sc.parallelize<std::string>({"a", "b", "b", "c"}, partitions);
        CHECK(text(sorted(a.subtract(sc.parallelize<std::string>({"c", "d"}, 3)))) == "[a, b, b]");
        CHECK(text(sorted(a.erased().subtract(sc.emptyRDD<std::string>(), 4))) == "[a, b, b, c]");
        CHECK(a.subtract(a).isEmpty());
        CHECK(text(sorted(a.map([](const std::string& s) {
                               return std::string_view(s);
                           }).subtract(sc.parallelize<std::string>({"b"}, 1)))) == "[a, c]");
    });
}

TEST_CASE("of pairs that are partitioned by key subtract moves the other alone", "[R37]") {
    const Context sc("local[2]", "test");
    const auto left = sc.parallelize<Pair>({{1, 1}, {1, 2}, {2, 1}, {2, 1}, {3, 3}}, 3).partitionBy(5);
    const auto right = sc.parallelize<Pair>({{1, 2}, {3, 3}, {2, 7}}, 2);
    const auto rest = left.subtract(right);
    CHECK(text(sorted(rest)) == "[(1,1), (2,1), (2,1)]");
    CHECK_FALSE(rest.partitioner());
    CHECK(shufflesOf(*left.lineagePtr()) == 1);
    CHECK(shufflesOf(*rest.lineagePtr()) == 2);
    CHECK(shufflesOf(*left.subtract(right.partitionBy(5)).lineagePtr()) ==
          3); // its partitioner is of keys, not of pairs
    CHECK(text(sorted(left.subtract(right, 3))) == "[(1,1), (2,1), (2,1)]");
}

} // namespace rivulet::test::sets_test
