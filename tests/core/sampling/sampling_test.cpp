#include "support/rdd_harness.h"

#include <cmath>
#include <set>

namespace rivulet::test::sampling_test {

namespace {

/// Whether a count of Bernoulli or Poisson events is within five standard deviations of what it should be.
bool isNear(double count, double expected, double variance) {
    return std::abs(count - expected) <= 5 * std::sqrt(variance) + 1e-9;
}

/// The sum of the squares of the deviations, in units of what they should be; with n counts about n, and seldom above
/// n + 5 * sqrt(2n).
template <class Counts> bool isEven(const Counts& counts, double expected) {
    double chiSquare = 0;
    for (const auto count : counts) chiSquare += (double(count) - expected) * (double(count) - expected) / expected;
    const double n = double(counts.size());
    return chiSquare < n + 5 * std::sqrt(2 * n) && chiSquare > n - 5 * std::sqrt(2 * n);
}

} // namespace

TEST_CASE("sample takes each element with its probability, in order") {
    eachSetup([](const Context& sc, int partitions) {
        const auto numbers = sc.range(0, 20'000, 1, partitions);
        for (const double fraction : {0.01, 0.3, 0.9}) {
            INFO("fraction " << fraction);
            const auto sample = numbers.sample(false, fraction, 7).collect();
            CHECK(isNear(double(sample.size()), 20'000 * fraction, 20'000 * fraction * (1 - fraction)));
            CHECK(std::is_sorted(sample.begin(), sample.end()));
            CHECK(std::adjacent_find(sample.begin(), sample.end()) == sample.end());
            std::vector<long> tenths(10);
            for (const long x : sample) ++tenths[std::size_t(x / 2'000)];
            for (const long count : tenths)
                CHECK(isNear(double(count), 2'000 * fraction, 2'000 * fraction * (1 - fraction)));
        }
        CHECK(numbers.sample(false, 0).isEmpty());
        CHECK(numbers.sample(false, 1).count() == 20'000);
        CHECK(numbers.sample(true, 0).isEmpty());
    });
}

TEST_CASE("sample with replacement gives each element as often as a Poisson variable says") {
    const Context sc("local[2]", "test");
    for (const double mean : {0.5, 3.0, 40.0}) {
        const auto counts = sc.range(0, 10'000, 1, 4).sample(true, mean, 11).countByValue();
        std::map<long, long> occurrences;
        double all = 0, squares = 0;
        for (long x = 0; x < 10'000; ++x) {
            const auto found = counts.find(x);
            const double n = found == counts.end() ? 0 : double(found->second);
            all += n;
            squares += (n - mean) * (n - mean);
        }
        CHECK(isNear(all, 10'000 * mean, 10'000 * mean));
        CHECK(squares / 10'000 == Catch::Approx(mean).epsilon(0.08)); // the variance is the mean
    }
}

TEST_CASE("the same seed gives the same sample with any executor, another one another") {
    std::set<std::string> samples;
    eachExecutor([&](const Context& sc) {
        samples.insert(text(sc.range(0, 1'000, 1, 5).sample(false, 0.1, 42)));
        samples.insert(text(sc.range(0, 1'000, 1, 5).map([](long x) { return x; }).erased().sample(false, 0.1, 42)));
    });
    CHECK(samples.size() == 1);
    const Context sc("local[2]", "test");
    const auto numbers = sc.range(0, 1'000, 1, 5);
    CHECK(text(numbers.sample(false, 0.1, 42)) != text(numbers.sample(false, 0.1, 43)));
    CHECK(text(numbers.sample(false, 0.1)) != text(numbers.sample(false, 0.1)));
    const auto once = numbers.sample(false, 0.1);
    CHECK(text(once) == text(once));
}

TEST_CASE("randomSplit puts every element into one part, by weight") {
    eachSetup([](const Context& sc, int partitions) {
        const auto numbers = sc.range(0, 10'000, 1, partitions);
        const auto parts = numbers.randomSplit({1, 2, 0, 7}, 5);
        CHECK(parts.size() == 4);
        CHECK(isNear(double(parts[0].count()), 1'000, 900));
        CHECK(isNear(double(parts[1].count()), 2'000, 1'600));
        CHECK(parts[2].isEmpty());
        CHECK(text(sorted(parts[0].unionWith(parts[1]).unionWith(parts[3]))) == text(numbers));
    });
}

TEST_CASE("takeSample gives exactly as many as asked for", "[R16][R17]") {
    eachSetup([](const Context& sc, int partitions) {
        const auto numbers = sc.range(0, 1'000, 1, partitions);
        for (const long size : {0L, 1L, 5L, 100L, 999L}) {
            const auto sample = numbers.takeSample(false, size, 3);
            CHECK(long(sample.size()) == size);
            CHECK(long(std::set<long>(sample.begin(), sample.end()).size()) == size);
        }
        const auto all = numbers.takeSample(false, 5'000, 3);
        CHECK(text(sorted(all)) == text(numbers));
        CHECK(text(all) != text(numbers)); // in random order
        for (const long size : {20L, 1'000L, 2'000L}) {
            const auto sample = numbers.erased().takeSample(true, size, 4);
            CHECK(long(sample.size()) == size);
            if (size == 2'000) CHECK(std::set<long>(sample.begin(), sample.end()).size() < 1'000);
        }
    });
    const Context sc("local[2]", "test");
    CHECK(sc.emptyRDD<int>().takeSample(false, 20, 1).empty());
    CHECK(sc.parallelize(std::vector<int>(), 3).takeSample(true, 20, 1).empty());
}

TEST_CASE("takeSample takes each element equally often, and at each place") {
    const Context sc("local", "test");
    const auto numbers = sc.range(0, 50, 1, 7);
    std::vector<long> taken(50), first(50);
    for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
        const auto sample = numbers.takeSample(false, 10, seed);
        for (const long x : sample) ++taken[std::size_t(x)];
        ++first[std::size_t(sample.front())];
    }
    for (const long count : taken) CHECK(isNear(double(count), 200, 160));
    CHECK(isEven(first, 20));
}

TEST_CASE("samples refuse what is no fraction, weight or size") {
    const Context sc("local", "test");
    const auto numbers = sc.range(10);
    CHECK(errorOf<UsageError>([&] { numbers.sample(false, -0.5); }) ==
          "sample: the fraction (-0.500000) must be a number that is not negative");
    CHECK(errorOf<UsageError>([&] { numbers.sample(true, std::nan("")); }) ==
          "sample: the fraction (nan) must be a number that is not negative");
    CHECK(errorOf<UsageError>([&] { numbers.sample(false, 1.5); }) ==
          "sample: the fraction (1.500000) must be at most 1 where elements are taken without replacement; pass true "
          "for withReplacement to take them more than once");
    CHECK(errorOf<UsageError>([&] { numbers.randomSplit({1, -1}); }) ==
          "randomSplit: the weight -1.000000 must be a number that is not negative");
    CHECK(errorOf<UsageError>([&] { numbers.randomSplit({0, 0}); }) ==
          "randomSplit: the sum of the weights must be positive");
    CHECK(errorOf<UsageError>([&] { numbers.takeSample(false, -1); }) ==
          "takeSample: the number of elements (-1) cannot be negative");
}

} // namespace rivulet::test::sampling_test
