#include "support/rdd_harness.h"

namespace rivulet::test::reduce_test {

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using Strings = std::vector<std::string>;

TEST_CASE("reduce and fold combine in the order of the partitions") {
    // concatenation is associative but not commutative: only the right order gives the right text
    const Strings letters{"a", "b", "c", "d", "e", "f", "g", "h"};
    expectTable(letters, [](auto r) { return r.reduce(std::plus<>()); }, "abcdefgh");
    expectTable(letters, [](auto r) { return r.fold("", std::plus<>()); }, "abcdefgh");
    expectTable(
        letters,
        [](auto r) {
            return r.aggregate(std::string(), [](std::string& sum, const std::string& x) { sum += x; }, std::plus<>());
        },
        "abcdefgh");
    expectTable(std::vector{3}, [](auto r) { return r.reduce([](int, int) { return -1; }); }, "3");
    expectTable(std::vector{1, 2, 3}, [](auto r) { return r.reduce(maximum); }, "3");
}

TEST_CASE("a reduction of nothing says empty collection", "[R2]") {
    eachSetup([](const Context& sc, int partitions) {
        const auto none = sc.parallelize({1, 2, 3}, partitions).filter([](int) { return false; });
        CHECK_THAT(errorOf<UsageError>([&] { none.reduce(std::plus<>()); }),
                   StartsWith("reduce: empty collection: RDD MapPartitionsRDD[") &&
                       ContainsSubstring(" has no element; use fold with a zero where that may be"));
        CHECK_THAT(errorOf<UsageError>([&] { none.first(); }),
                   StartsWith("first: empty collection: RDD MapPartitionsRDD[") &&
                       ContainsSubstring(" has no element; use take(1) where that may be"));
        CHECK(none.fold(0, std::plus<>()) == 0);
    });
    const Context sc("local", "test");
    const auto here = std::source_location::current();
    const auto nothing = sc.emptyRDD<int>();
    nothing.setName("nothing");
    CHECK(errorOf<UsageError>([&] { nothing.reduce(std::plus<>()); }) ==
          "reduce: empty collection: RDD nothing EmptyRDD[0] at " + site("emptyRDD", here) +
              " has no element; use fold with a zero where that may be");
}

TEST_CASE("the zero of fold and aggregate counts once per partition and once more") {
    eachSetup([](const Context& sc, int partitions) {
        const auto numbers = sc.parallelize({1, 2, 3}, partitions);
        CHECK(numbers.fold(100, std::plus<>()) == 6 + 100 * (partitions + 1));
        CHECK(numbers.aggregate(100L, std::plus<>(), std::plus<>()) == 6 + 100 * (partitions + 1));
        CHECK(sc.emptyRDD<int>().fold(5, std::plus<>()) == 5);
        CHECK(sc.emptyRDD<int>().aggregate(5, std::plus<>(), std::plus<>()) == 5);
    });
}

TEST_CASE("aggregate changes its value in place or returns a new one, of any type") {
    using Sums = std::pair<long, double>;
    expectTable(
        std::vector{1, 2, 3, 4},
        [](auto r) {
            return r.aggregate(
                Sums(), [](Sums s, int x) { return Sums(s.first + 1, s.second + x); },
                [](Sums& a, const Sums& b) {
                    a.first += b.first;
                    a.second += b.second;
                });
        },
        "(4,10)");
    expectTable(
        std::vector{3, 1, 2},
        [](auto r) {
            return r.aggregate(
                std::vector<int>(), [](std::vector<int>& all, int x) { all.push_back(x); },
                [](std::vector<int>& all, const std::vector<int>& more) {
                    all.insert(all.end(), more.begin(), more.end());
                });
        },
        "[3, 1, 2]");
}

TEST_CASE("results may be bools, and of types that have no default") {
    struct Sum {
        explicit Sum(long start) : value(start) {}
        long value;
    };
    expectTable(
        std::vector<bool>{false, false, true}, [](auto r) { return r.fold(false, std::logical_or<>()); }, "true");
    expectTable(std::vector<bool>{true, false, true}, [](auto r) { return r.reduce(std::logical_and<>()); }, "false");
    expectTable(
        std::vector{1, 2, 3},
        [](auto r) {
            return r
                .aggregate(
                    Sum(0), [](Sum& sum, int x) { sum.value += x; }, [](Sum& a, const Sum& b) { a.value += b.value; })
                .value;
        },
        "6");
}

} // namespace rivulet::test::reduce_test
