#include "support/rdd_harness.h"

#include <functional>

namespace rivulet::test::sort_test {

using Pairs = std::vector<std::pair<std::string, long>>;

TEST_CASE("sortByKey gives one order over all partitions, and equal keys keep theirs") {
    const Pairs rows{{"c", 1}, {"a", 2}, {"b", 3}, {"a", 4}, {"c", 5}, {"a", 6}, {"b", 7}};
    expectTable(rows, [](auto r) { return r.sortByKey(); }, "[(a,2), (a,4), (a,6), (b,3), (b,7), (c,1), (c,5)]");
    expectTable(
        rows, [](auto r) { return r.sortByKey(false, 3); }, "[(c,1), (c,5), (b,3), (b,7), (a,2), (a,4), (a,6)]");
    expectTable(
        rows, [](auto r) { return r.sortByKey(true, 1, std::greater<>()); },
        "[(c,1), (c,5), (b,3), (b,7), (a,2), (a,4), (a,6)]");
    expectTable(Pairs{}, [](auto r) { return r.sortByKey(); }, "[]");
}

TEST_CASE("there are no more ranges than keys", "[R44]") {
    const Context sc("local[2]", "test");
    CHECK(
        sc.parallelize({std::pair(3, 0), std::pair(1, 0), std::pair(2, 0)}, 2).sortByKey(true, 22).getNumPartitions() ==
        3);
    CHECK(sc.emptyRDD<std::pair<int, int>>().sortByKey(true, 22).getNumPartitions() == 1);
    CHECK(sc.parallelize(std::vector<std::pair<int, int>>{}, 4).sortByKey(true, 22).getNumPartitions() == 1);
    CHECK(sc.parallelize(std::vector(100, std::pair(1, 0)), 4).sortByKey(true, 22).getNumPartitions() == 1);
}

TEST_CASE("ranges are about even", "[R46]") {
    const Context sc("local[2]", "test");
    std::vector<std::pair<int, int>> rows;
    for (int i = 0; i < 20'000; ++i) rows.emplace_back(int((i * 7919LL) % 20'000), i);
    for (int ranges : {10, 20, 40}) {
        std::size_t least = rows.size(), most = 0;
        const auto parts = glom(sc.parallelize(rows, 8).sortByKey(true, ranges));
        CHECK(parts.size() == std::size_t(ranges));
        for (const auto& part : parts) {
            least = std::min(least, part.size());
            most = std::max(most, part.size());
        }
        CHECK(most < 3 * least);
    }
}

TEST_CASE("sampling for the ranges is one job, for one range there is none", "[R46]") {
    const Context sc("local[2]", "test");
    std::atomic<int> calls = 0;
    const auto pairs = sc.range(0, 100, 1, 4).map([&](long x) {
        ++calls;
        return std::pair(x, x);
    });
    const auto one = pairs.sortByKey(true, 1);
    CHECK(calls == 0);
    const auto ten = pairs.sortByKey(true, 10);
    CHECK(calls == 100);
    CHECK(ten.count() == 100);
    CHECK(calls == 200);
}

} // namespace rivulet::test::sort_test
