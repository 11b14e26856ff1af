#include "support/rdd_harness.h"

#include <cmath>

using namespace rivulet;
using namespace rivulet::test;

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

TEST_CASE("countApproxDistinct errs as little as it was asked to") {
    eachSetup([](const Context& sc, int partitions) {
        for (const long size : {0L, 1L, 100L, 5'000L}) {
            INFO(size << " different elements");
            const auto numbers =
                sc.range(0, size * 3, 1, partitions).map([size](long x) { return "key " + std::to_string(x % size); });
            CHECK(std::abs(double(numbers.countApproxDistinct()) - double(size)) <= 4 * 0.05 * double(size));
            CHECK(std::abs(double(numbers.erased().countApproxDistinct(0.01)) - double(size)) <=
                  4 * 0.01 * double(size));
        }
    });
    const Context sc("local[2]", "test");
    CHECK(sc.range(300'000).countApproxDistinct(0.005) == Catch::Approx(300'000).epsilon(0.02));
    CHECK(errorOf<UsageError>([&] { sc.range(3).countApproxDistinct(0.00001); }) ==
          "countApproxDistinct: the accuracy (0.000010) must be greater than 0.000017; count distinct() where it has "
          "to be exact");
}

TEST_CASE("the error of the estimate has no bias, for few and for many") {
    for (const int size : {10, 300, 700, 1'500, 20'000}) {
        double sum = 0;
        constexpr int kRounds = 100;
        for (int round = 0; round < kRounds; ++round) {
            DistinctSketch sketch(9);
            for (int i = 0; i < size; ++i) sketch.add(hashOf(long(round) * 1'000'000 + i));
            sum += double(sketch.estimate());
        }
        CHECK(sum / kRounds == Catch::Approx(size).epsilon(0.02)); // 0.046 / sqrt(100) would be 0.0046
    }
}

TEST_CASE("countApproxDistinctByKey estimates for each key") {
    eachSetup([](const Context& sc, int partitions) {
        const auto pairs =
            sc.range(0, 6'000, 1, partitions).map([](long x) { return std::pair(x % 2, x % 2 ? x % 600 : x); });
        auto counts = pairs.countApproxDistinctByKey(0.02).collectAsMap();
        CHECK(counts.size() == 2);
        CHECK(double(counts[0]) == Catch::Approx(3'000).epsilon(0.08));
        CHECK(double(counts[1]) == Catch::Approx(300).epsilon(0.08));
    });
}
