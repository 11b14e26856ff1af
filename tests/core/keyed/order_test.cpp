#include "support/rdd_harness.h"

namespace rivulet::test::order_test {

TEST_CASE("groupBy groups by what the function gives, sortBy orders by it") {
    expectTable(
        std::vector{5, 2, 4, 1, 3}, [](auto r) { return r.sortBy([](int x) { return -x; }); }, "[5, 4, 3, 2, 1]");
    expectTable(
        std::vector{5, 2, 4, 1, 3}, [](auto r) { return r.sortBy([](int x) { return x; }, false, 2); },
        "[5, 4, 3, 2, 1]");
    expectTable(
        std::vector<std::string>{"ccc", "a", "bb", "d"}, [](auto r) { return r.sortBy(&std::string::size); },
        "[a, d, bb, ccc]");
    eachSetup([](const Context& sc, int partitions) {
        const auto groups = sc.range(0, 6, 1, partitions).groupBy([](long x) { return x % 3; }, 2);
        CHECK(text(sorted(groups)) == "[(0,[0, 3]), (1,[1, 4]), (2,[2, 5])]");
        CHECK(groups.partitioner()->numPartitions() == 2);
    });
}

TEST_CASE("filterByRange keeps what lies between two keys, and computes no partition that cannot have it") {
    eachSetup([](const Context& sc, int partitions) {
        const auto numbers = sc.range(0, 1000, 1, partitions).map(withOne);
        CHECK(text(numbers.filterByRange(998, 2000).keys()) == "[998, 999]");
        CHECK(text(numbers.filterByRange(4, 5).values()) == "[1, 1]");
        CHECK(numbers.filterByRange(5, 4).isEmpty());
        const auto up = numbers.sortByKey(true, 10), down = numbers.sortByKey(false, 10);
        CHECK(up.filterByRange(300, 310).count() == 11);
        CHECK(up.filterByRange(300, 310).getNumPartitions() <= 2);
        CHECK(down.filterByRange(300, 310).count() == 11);
        CHECK(down.filterByRange(300, 310).getNumPartitions() <= 2);
        CHECK_FALSE(up.filterByRange(300, 310).partitioner());
        CHECK(numbers.partitionBy(3).filterByRange(1, 2).partitioner());
    });
}

} // namespace rivulet::test::order_test
