#include "support/rdd_harness.h"

namespace rivulet::test::cogroup_many_test {

using Pair = std::pair<int, int>;

TEST_CASE("cogroup brings three and four together") {
    eachSetup([](const Context& sc, int partitions) {
        const auto a = sc.parallelize<Pair>({{1, 1}, {2, 2}, {1, 3}}, partitions);
        const auto b = sc.parallelize<std::pair<int, std::string>>({{1, "x"}, {3, "y"}}, 2);
        const RDD<std::pair<int, char>> c = sc.parallelize<std::pair<int, char>>({{2, 'c'}}, 3);
        CHECK(text(sorted(a.cogroup(b, c))) == "[(1,([1, 3],[x],[])), (2,([2],[],[c])), (3,([],[y],[]))]");
        CHECK(text(sorted(c.cogroup(a, b, a.erased(), 5))) ==
              "[(1,([],[1, 3],[x],[1, 3])), (2,([c],[2],[],[2])), (3,([],[],[y],[]))]");
        CHECK(text(sorted(a.groupWith(b))) == "[(1,([1, 3],[x])), (2,([2],[])), (3,([],[y]))]");
        CHECK(text(sorted(a.groupWith(b, c).keys())) == "[1, 2, 3]");
        CHECK(a.groupWith(b, c, b).getNumPartitions() == std::max(3, partitions));
        const auto in4 = a.partitionBy(4);
        CHECK(shufflesOf(*in4.cogroup(in4, in4).lineagePtr()) == 3); // three ways to the one shuffle
        CHECK(text(sorted(in4.cogroup(in4, c).keys())) == "[1, 2]");
    });
    const Context one("local", "one"), two("local", "two");
    const auto a = one.parallelize<Pair>({{1, 1}}, 1), b = two.parallelize<Pair>({{1, 1}}, 1);
    CHECK(errorOf<UsageError>([&] { a.cogroup(a, b); }) ==
          "cogroup: the RDDs belong to different contexts; make all of them with the same Context");
}

} // namespace rivulet::test::cogroup_many_test
