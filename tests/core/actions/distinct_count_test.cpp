#include "support/rdd_harness.h"

#include <cmath>

namespace rivulet::test::distinct_count_test {

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

} // namespace rivulet::test::distinct_count_test
