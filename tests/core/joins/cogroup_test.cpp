#include "support/rdd_harness.h"

namespace rivulet::test::cogroup_test {

TEST_CASE("cogroup brings the values of both sides together") {
    eachSetup([](const Context& sc, int partitions) {
        const auto left = sc.parallelize<std::pair<int, char>>({{1, 'a'}, {2, 'b'}, {1, 'c'}}, partitions);
        const RDD<std::pair<int, long>> right = sc.parallelize<std::pair<int, long>>({{1, 10}, {3, 30}}, 3);
        const std::string expected = "[(1,([a, c],[10])), (2,([b],[])), (3,([],[30]))]";
        CHECK(text(sorted(left.cogroup(right))) == expected);
        CHECK(text(sorted(left.erased().cogroup(right, 5))) == expected);
        CHECK(text(sorted(left.partitionBy(4).cogroup(right.partitionBy(4)))) == expected);
        CHECK(text(sorted(left.partitionBy(4).cogroup(right))) == expected);
        CHECK(text(sorted(left.cogroup(right.partitionBy(4), 4))) == expected);
    });
}

} // namespace rivulet::test::cogroup_test
