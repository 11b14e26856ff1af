#include "support/rdd_harness.h"

namespace rivulet::test::reduce_by_key_test {

using Pairs = std::vector<std::pair<std::string, long>>;

namespace {

const Pairs kPairs{{"a", 1}, {"b", 2}, {"a", 3}, {"", 4}, {"c", 5}, {"a", 6}, {"", 7}, {"b", 8}};

} // namespace

TEST_CASE("reduceByKey combines the values of each key") {
    expectTable(kPairs, [](auto r) { return sorted(r.reduceByKey(std::plus<>())); }, "[(,11), (a,10), (b,10), (c,5)]");
    expectTable(Pairs{}, [](auto r) { return r.reduceByKey(std::plus<>()); }, "[]");
    expectTable(Pairs{{"x", 1}}, [](auto r) { return r.reduceByKey([](long, long) { return -1L; }, 20); }, "[(x,1)]");
}

TEST_CASE("the values of a key are combined and grouped in the order of the partitions") {
    using Row = std::pair<int, std::string>;
    const std::vector<Row> rows{{1, "a"}, {2, "x"}, {1, "b"}, {1, "c"}, {2, "y"}, {1, "d"}, {1, "e"}, {2, "z"}};
    expectTable(rows, [](auto r) { return sorted(r.reduceByKey(std::plus<>())); }, "[(1,abcde), (2,xyz)]");
    expectTable(rows, [](auto r) { return sorted(r.groupByKey(3)); }, "[(1,[a, b, c, d, e]), (2,[x, y, z])]");
}

} // namespace rivulet::test::reduce_by_key_test
