#include "support/rdd_harness.h"

#include <cmath>
#include <numeric>

namespace rivulet::test::numbers_test {

using Numbers = std::vector<double>;

TEST_CASE("sum is exact for integers, and 0 for nothing") {
    expectTable(std::vector{1, 2, 3}, [](auto r) { return r.sum(); }, "6");
    expectTable(Numbers{0.5, 0.25}, [](auto r) { return r.sum(); }, "0.75");
    expectTable(std::vector<int>{}, [](auto r) { return r.sum(); }, "0");
    expectTable(std::vector<long>{(1L << 60) + 1, 1}, [](auto r) { return r.sum(); }, std::to_string((1L << 60) + 2));
    const Context sc("local", "test");
    CHECK(sc.emptyRDD<double>().sum() == 0);
}

TEST_CASE("stats gives count, mean, variances and extremes") {
    eachSetup([](const Context& sc, int partitions) {
        std::vector<double> numbers;
        for (int i = 0; i < 1'000; ++i) numbers.push_back(1e9 + double(i * i % 701));
        const double mean = std::accumulate(numbers.begin(), numbers.end(), 0.0) / 1'000;
        double squares = 0;
        for (const double x : numbers) squares += (x - mean) * (x - mean);
        const auto rdd = sc.parallelize(numbers, partitions);
        const StatCounter stats = rdd.stats();
        CHECK(stats.count() == 1'000);
        CHECK(stats.mean() == Catch::Approx(mean).epsilon(1e-14));
        CHECK(stats.variance() == Catch::Approx(squares / 1'000).epsilon(1e-9));
        CHECK(stats.sampleVariance() == Catch::Approx(squares / 999).epsilon(1e-9));
        CHECK(stats.min() == *std::min_element(numbers.begin(), numbers.end()));
        CHECK(stats.max() == *std::max_element(numbers.begin(), numbers.end()));
        CHECK(rdd.mean() == stats.mean());
        CHECK(rdd.variance() == stats.variance());
        CHECK(rdd.popVariance() == stats.popVariance());
        CHECK(rdd.stdev() == std::sqrt(stats.variance()));
        CHECK(rdd.popStdev() == stats.popStdev());
        CHECK(rdd.sampleVariance() == stats.sampleVariance());
        CHECK(rdd.sampleStdev() == std::sqrt(stats.sampleVariance()));
    });
    const Context sc("local", "test");
    const StatCounter nothing = sc.emptyRDD<int>().stats();
    CHECK(nothing.count() == 0);
    CHECK(nothing.mean() == 0);
    CHECK(std::isnan(nothing.variance()));
    CHECK(std::isnan(sc.parallelize({7}, 3).sampleVariance()));
    CHECK(sc.parallelize({7}, 3).variance() == 0);
}

TEST_CASE("histogram counts the numbers between bounds", "[R49]") {
    expectTable(std::vector{1, 2, 3, 5, 6}, [](auto r) { return r.histogram(Numbers{0, 5, 10}); }, "[3, 2]");
    expectTable(std::vector{1, 2, 3, 5, 6}, [](auto r) { return r.histogram(Numbers{0, 5, 10}, true); }, "[3, 2]");
    expectTable(
        Numbers{-0.01, 0, 1, 3.9, 4, 5, 7, 7.5, 11, 12.5, 13, 100, std::nan("")},
        [](auto r) { return r.histogram(Numbers{0, 4, 5, 11, 12.5}); }, "[3, 1, 3, 2]");
    expectTable(Numbers{}, [](auto r) { return r.histogram(Numbers{0, 1}); }, "[0]");
    expectTable(Numbers{1, 2, 3, 4}, [](auto r) { return r.histogram(2); }, "([1, 2.5, 4],[2, 2])");
    expectTable(
        std::vector{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, [](auto r) { return r.histogram(5); },
        "([0, 2, 4, 6, 8, 10],[2, 2, 2, 2, 3])");
}

TEST_CASE("histogram of equal numbers is one bucket, of nothing or of what is infinite there is none", "[R50]") {
    expectTable(std::vector{1, 1, 1, 1}, [](auto r) { return r.histogram(3); }, "([1, 1],[4])");
    const Context sc("local", "test");
    const std::string none = "histogram: an empty RDD, or one with infinities or NaNs, has no extremes to lay buckets "
                             "between: filter them out, or give the bounds of the buckets";
    CHECK(errorOf<UsageError>([&] { sc.parallelize(Numbers(), 2).histogram(3); }) == none);
    CHECK(errorOf<UsageError>([&] { sc.parallelize(Numbers{1, INFINITY}, 2).histogram(3); }) == none);
    CHECK(errorOf<UsageError>([&] { sc.parallelize(Numbers{1, std::nan(""), 2}, 1).histogram(3); }) == none);
    CHECK(errorOf<UsageError>([&] { sc.range(3).histogram(0); }) ==
          "histogram: the number of buckets (0) must be positive");
    CHECK(errorOf<UsageError>([&] { sc.range(3).histogram(Numbers{1}); }) ==
          "histogram: the bounds of the buckets must be at least two, not 1");
    CHECK(errorOf<UsageError>([&] { sc.range(3).histogram(Numbers{2, 1}); }) ==
          "histogram: the bounds of the buckets must be in ascending order");
}

} // namespace rivulet::test::numbers_test
