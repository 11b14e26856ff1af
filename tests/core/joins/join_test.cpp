#include "support/rdd_harness.h"

namespace rivulet::test::join_test {

TEST_CASE("join gives the product of the values that both have for a key", "[R31]") {
    using Left = std::pair<int, int>;
    using Right = std::pair<int, char>;
    eachSetup([](const Context& sc, int partitions) {
        const auto left = sc.parallelize<Left>({{1, 1}, {1, 2}, {2, 1}, {3, 1}}, partitions);
        const auto right = sc.parallelize<Right>({{1, 'x'}, {2, 'y'}, {2, 'z'}, {4, 'w'}}, 2);
        const std::string expected = "[(1,(1,x)), (1,(2,x)), (2,(1,y)), (2,(1,z))]";
        CHECK(text(sorted(left.join(right))) == expected);
        CHECK(text(sorted(left.erased().join(right.erased(), 1))) == expected);
        CHECK(text(sorted(left.partitionBy(3).join(right.partitionBy(3)))) == expected);
        CHECK(text(sorted(left.partitionBy(3).cache().join(right))) == expected);
        CHECK(left.join(sc.emptyRDD<Right>()).collect().empty());
        CHECK(sc.emptyRDD<Right>().join(left).collect().empty());
    });
}

TEST_CASE("the values of one key on both sides multiply", "[R32]") {
    eachSetup([](const Context& sc, int partitions) {
        const auto left = sc.parallelize({std::pair(1, 1), std::pair(1, 2), std::pair(1, 3)}, partitions);
        const auto right = sc.parallelize({std::pair(1, 'x'), std::pair(1, 'y')}, partitions);
        CHECK(text(sorted(left.join(right))) == "[(1,(1,x)), (1,(1,y)), (1,(2,x)), (1,(2,y)), (1,(3,x)), (1,(3,y))]");
        CHECK(left.join(left).count() == 9);
    });
}

} // namespace rivulet::test::join_test
