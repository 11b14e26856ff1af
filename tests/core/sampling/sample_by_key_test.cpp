#include "support/rdd_harness.h"

#include <cmath>
#include <set>

namespace rivulet::test::sample_by_key_test {

namespace {

auto classes(const Context& sc, int partitions) {
    return sc.range(0, 30'000, 1, partitions).map([](long x) {
        return std::pair(std::string(x % 3 == 0 ? "a" : x % 3 == 1 ? "b" : "c"), x);
    });
}

} // namespace

TEST_CASE("sampleByKey takes the pairs of each key with its probability") {
    eachSetup([](const Context& sc, int partitions) {
        const auto pairs = classes(sc, partitions);
        auto counts = pairs.sampleByKey(false, {{"a", 0.1}, {"b", 0.5}, {"c", 0}}, 3).countByKey();
        CHECK(std::abs(double(counts["a"]) - 1'000) < 5 * std::sqrt(900.0));
        CHECK(std::abs(double(counts["b"]) - 5'000) < 5 * std::sqrt(2'500.0));
        CHECK(counts["c"] == 0);
        counts = pairs.erased().sampleByKey(true, {{"a", 2}, {"b", 0.5}, {"c", 0}}, 3).countByKey();
        CHECK(std::abs(double(counts["a"]) - 20'000) < 5 * std::sqrt(20'000.0));
        CHECK(std::abs(double(counts["b"]) - 5'000) < 5 * std::sqrt(5'000.0));
        CHECK(counts["c"] == 0);
    });
}

TEST_CASE("sampleByKeyExact takes exactly the share of each key") {
    eachSetup([](const Context& sc, int partitions) {
        const auto pairs = classes(sc, partitions);
        const auto sample = pairs.sampleByKeyExact(false, {{"a", 0.1}, {"b", 0.00005}, {"z", 1}}, 3).collect();
        std::map<std::string, long> counts;
        std::set<long> values;
        for (const auto& [key, value] : sample) ++counts[key], values.insert(value);
        CHECK(counts["a"] == 1'000);
        CHECK(counts["b"] == 1);
        CHECK(counts["c"] == 0);
        CHECK(values.size() == 1'001);
        auto repeated = pairs.sampleByKeyExact(true, {{"a", 1}, {"c", 0.5}}, 3).countByKey();
        CHECK(repeated["a"] == 10'000);
        CHECK(repeated["c"] == 5'000);
        CHECK(pairs.sampleByKeyExact(true, {{"a", 1}}, 3).values().distinct().count() < 7'000);
    });
}

TEST_CASE("samples by key keep the partitioner and refuse bad fractions") {
    const Context sc(Conf("local[2]", "test").set("rivulet.log.level", "OFF"));
    const auto pairs = classes(sc, 2).partitionBy(3);
    CHECK(pairs.sampleByKey(false, {{"a", 0.1}}).partitioner() == pairs.partitioner());
    CHECK(pairs.sample(false, 0.1).partitioner() == pairs.partitioner());
    CHECK(errorOf<UsageError>([&] { pairs.sampleByKey(false, {{"a", -1}}); }) ==
          "sampleByKey: the fraction (-1.000000) must be a number that is not negative");
    CHECK(errorOf<UsageError>([&] { pairs.sampleByKeyExact(false, {{"a", 2}}); }) ==
          "sampleByKeyExact: the fraction (2.000000) must be at most 1 where elements are taken without replacement; "
          "pass true for withReplacement to take them more than once");
    CHECK(errorOf<UsageError>([&] { pairs.sampleByKey(false, {{"a", 1}}).collect(); }) ==
          "sampleByKey: a key has no fraction: give one for every key, 0 for those to be left out");
}

} // namespace rivulet::test::sample_by_key_test
