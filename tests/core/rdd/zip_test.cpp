#include "support/rdd_harness.h"

using namespace rivulet;
using namespace rivulet::test;
using Strings = std::vector<std::string>;

TEST_CASE("zip pairs the elements at equal places", "[R10]") {
    expectTable(
        std::vector{1, 2, 3, 4}, [](auto r) { return r.zip(r.map([](int x) { return x * x; })); },
        "[(1,1), (2,4), (3,9), (4,16)]");
    expectTable(
        Strings{"a", "bc"}, [](auto r) { return r.map([](std::string_view s) { return s; }).zip(r.erased()).keys(); },
        "[a, bc]");
    expectTable(std::vector<int>{}, [](auto r) { return r.zip(r); }, "[]");
    const Context sc("local[2]", "test");
    const auto many = sc.range(0, 10'000, 1, 3);
    CHECK(many.zip(many.map([](long x) { return -x; }))
              .filter([](const auto& x) { return x.first != -x.second; })
              .isEmpty());
    CHECK(text(many.zip(many).take(2)) == "[(0,0), (1,1)]");
    CHECK_FALSE(many.zip(many).partitioner());
}

TEST_CASE("zip refuses other numbers of partitions and of elements", "[R10]") {
    const Context sc(Conf("local[2]", "test").set("rivulet.log.level", "OFF"));
    const auto four = sc.range(0, 4, 1, 2);
    CHECK(errorOf<UsageError>([&] { four.zip(sc.range(0, 4, 1, 1)); }) ==
          "zip: the RDDs have unequal numbers of partitions (2, 1): make them equal by repartition or coalesce");
    CHECK(errorOf<UsageError>([&] { four.zip(sc.range(0, 5, 1, 2)).collect(); }) ==
          "zip: partition 1 has more elements on the right side, but both need the same number of elements in each "
          "partition: pair them by zipWithIndex and join");
    CHECK(errorOf<UsageError>([&] { sc.range(0, 5, 1, 2).zip(four).collect(); }) ==
          "zip: partition 1 has more elements on the left side, but both need the same number of elements in each "
          "partition: pair them by zipWithIndex and join");
    const Context other("local", "other");
    CHECK(errorOf<UsageError>([&] { four.zip(other.range(0, 4, 1, 2)); }) ==
          "zip: the RDDs belong to different contexts; make all of them with the same Context");
}

TEST_CASE("zipPartitions calls its function with the partitions at each index, the empty ones too") {
    eachSetup([](const Context& sc, int partitions) {
        const auto a = sc.range(0, 3, 1, partitions);
        const auto b = sc.parallelize<std::string>({"x", "y"}, partitions);
        const auto sizes =
            a.zipPartitions(b.erased(), [](PartitionElements<long> longs, PartitionElements<std::string> texts) {
                long sum = 0;
                for (const long x : longs) sum += x + 1;
                for (const auto& text : texts) sum += 100 * long(text.size());
                return std::vector{sum};
            });
        CHECK(sizes.count() == partitions);
        CHECK(sizes.sum() == 206);
        const auto first = [](auto one, auto two, auto three) {
            std::vector<long> all;
            for (const long x : one) all.push_back(x);
            for (const long x : two) all.push_back(x);
            for (const long x : three) all.push_back(x);
            return all;
        };
        CHECK(text(sorted(a.zipPartitions(a, a, first))) == "[0, 0, 0, 1, 1, 1, 2, 2, 2]");
        const auto four = [](auto, auto, auto, auto last) { return std::vector{last.begin() == last.end()}; };
        CHECK(a.zipPartitions(a, a, a, four).count() == partitions);
    });
    const Context sc("local", "test");
    const auto keyed = sc.range(0, 3, 1, 2).map(withOne).partitionBy(2);
    const auto none = [](auto, auto) { return std::vector<int>(); };
    CHECK(keyed.zipPartitions(keyed, none, true).partitioner());
    CHECK_FALSE(keyed.zipPartitions(keyed, none).partitioner());
    CHECK(errorOf<UsageError>([&] { keyed.zipPartitions(sc.range(3), none); }) ==
          "zipPartitions: the RDDs have unequal numbers of partitions (2, 1): make them equal by repartition or "
          "coalesce");
}

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
