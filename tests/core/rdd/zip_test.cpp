#include "support/rdd_harness.h"

namespace rivulet::test::zip_test {

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

} // namespace rivulet::test::zip_test
