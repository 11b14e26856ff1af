#include "support/rdd_harness.h"

namespace rivulet::test::summaries_test {

TEST_CASE("max and min give the extremes, of equals the earliest", "[R14]") {
    using Pairs = std::vector<std::pair<std::string, long>>;
    expectTable(std::vector{3, 1, 4, 1, 5}, [](auto r) { return r.max(); }, "5");
    expectTable(std::vector{3, 1, 4, 1, 5}, [](auto r) { return r.min(); }, "1");
    expectTable(std::vector{3, 1, 4, 1, 5}, [](auto r) { return r.max(std::greater<>()); }, "1");
    expectTable(Pairs{{"a", 1}, {"b", 2}, {"c", 2}}, [](auto r) { return r.max(byValue); }, "(b,2)");
    expectTable(Pairs{{"a", 1}, {"b", 1}}, [](auto r) { return r.min(byValue); }, "(a,1)");
    const Context sc("local", "test");
    const auto nothing = sc.parallelize(std::vector<int>(), 2);
    const std::string rdd = "RDD " + nothing.lineagePtr()->text();
    CHECK(errorOf<UsageError>([&] { nothing.max(); }) ==
          "max: empty collection: " + rdd + " has no element; use takeOrdered(1) or top(1) where that may be");
    CHECK(errorOf<UsageError>([&] { nothing.min(); }) ==
          "min: empty collection: " + rdd + " has no element; use takeOrdered(1) or top(1) where that may be");
}

TEST_CASE("treeAggregate and treeReduce give the same at every depth", "[R28]") {
    const Context sc("local[2]", "test");
    const auto numbers = sc.range(-1000, 1000, 1, 10);
    const auto letters = sc.range(0, 64, 1, 64).map([](long x) { return std::string(1, char('0' + x)); });
    for (int depth = 1; depth < 10; ++depth) {
        CHECK(numbers.treeAggregate(0L, std::plus<>(), std::plus<>(), depth) == -1000);
        CHECK(numbers.treeReduce(std::plus<>(), depth) == -1000);
        CHECK(letters.treeReduce(std::plus<>(), depth) == letters.reduce(std::plus<>())); // the order is kept
        CHECK(letters.treeAggregate(
                  std::string(), [](std::string& all, const std::string& x) { all += x; },
                  [](std::string& all, const std::string& x) { all += x; }, depth) == letters.reduce(std::plus<>()));
    }
    CHECK(sc.emptyRDD<int>().treeAggregate(7, std::plus<>(), std::plus<>()) == 7);
    CHECK(errorOf<UsageError>([&] { numbers.treeReduce(std::plus<>(), 0); }) ==
          "treeReduce: the depth (0) must be at least 1");
    CHECK(errorOf<UsageError>([&] { numbers.treeAggregate(0, std::plus<>(), std::plus<>(), -1); }) ==
          "treeAggregate: the depth (-1) must be at least 1");
    const auto nothing = numbers.filter([](long) { return false; });
    CHECK(errorOf<UsageError>([&] { nothing.treeReduce(std::plus<>()); }) ==
          "treeReduce: empty collection: RDD " + nothing.lineagePtr()->text() +
              " has no element; use treeAggregate with a zero where that may be");
}

TEST_CASE("treeReduce tries a merge again where that is allowed", "[R52]") {
    const Context sc(Conf("local[2,2]", "test").set("rivulet.log.level", "OFF"));
    std::atomic<int> calls = 0;
    CHECK(sc.range(0, 64, 1, 64).treeReduce([&](long a, long b) {
        if (++calls == 5) throw std::runtime_error("once");
        return a + b;
    }) == 64 * 63 / 2);
}

TEST_CASE("toLocalIterator computes a partition when it is asked for") {
    const Context sc("local[2]", "test");
    std::atomic<int> computed = 0;
    std::vector<long> seen;
    for (const long x : counted(sc, computed).toLocalIterator()) {
        seen.push_back(x);
        if (x < 5) CHECK(computed == 5);
        if (x == 6) break;
    }
    CHECK(text(seen) == "[0, 1, 2, 3, 4, 5, 6]");
    CHECK(computed == 10);
    eachSetup([](const Context& each, int partitions) {
        std::vector<std::string> all;
        const auto lines = each.parallelize<std::string>({"a", "b", "c"}, partitions);
        for (auto& line : lines.map([](std::string_view view) { return view; }).toLocalIterator())
            all.push_back(std::move(line));
        CHECK(text(all) == "[a, b, c]");
        for (const int x : each.emptyRDD<int>().toLocalIterator()) CHECK(x < 0);
    });
}

} // namespace rivulet::test::summaries_test
