#include "support/rdd_harness.h"

#include <limits>

namespace rivulet::test::take_test {

TEST_CASE("take gives exact prefixes", "[R11]") {
    for (const char* executor : kExecutors) {
        const Context sc(Conf("local[2]", "test").set("rivulet.executor", executor));
        for (int partitions : {1, 2, 100, 1000}) {
            const auto fused = sc.range(1, 1000, 1, partitions);
            const RDD<long> erased = fused;
            const auto all = fused.collect();
            for (long limit : {0L, 1L, 3L, 500L, 501L, 999L, 1000L}) {
                INFO(executor << ": take(" << limit << ") of " << partitions << " partitions");
                const std::vector<long> prefix(all.begin(), all.begin() + std::min(limit, 999L));
                CHECK(fused.take(limit) == prefix);
                CHECK(erased.take(limit) == prefix);
            }
        }
        CHECK(text(sc.parallelize({1, 2}, 2).take(2147483638)) == "[1, 2]");
        CHECK(text(sc.parallelize({1, 2}, 2).take(std::numeric_limits<long>::max())) == "[1, 2]");
        CHECK(text(sc.parallelize({1, 2}, 2).take(-1)) == "[]");
    }
}

TEST_CASE("take finds what stands in the last partitions") {
    eachSetup([](const Context& sc, int partitions) {
        const auto rare = sc.range(0, 10'000, 1, partitions).filter([](long x) { return x >= 9'998; });
        CHECK(text(rare.take(1)) == "[9998]");
        CHECK(text(rare.take(5)) == "[9998, 9999]");
    });
}

TEST_CASE("take computes no more partitions, and of those no more blocks, than it needs") {
    eachExecutor([](const Context& sc) {
        std::atomic<long> calls = 0;
        const auto numbers = sc.parallelize(std::vector<int>(50'000, 1), 5).map([&](int x) {
            ++calls;
            return x;
        });
        CHECK(numbers.take(0).empty());
        CHECK(calls == 0);
        CHECK(numbers.take(10).size() == 10);
        CHECK(calls <= 1024);
        calls = 0;
        CHECK_FALSE(numbers.erased().isEmpty());
        CHECK(calls <= 1024);
        calls = 0;
        CHECK(numbers.take(1025).size() == 1025);
        CHECK(calls == 2048);
    });
}

TEST_CASE("how many partitions take looks at next can be set") {
    const auto partitionsRead = [](int first, int scaleUp) {
        const Context sc(Conf("local", "test")
                             .set("rivulet.rdd.limit.initialNumPartitions", first)
                             .set("rivulet.rdd.limit.scaleUpFactor", scaleUp));
        std::atomic<int> read = 0;
        CHECK(sc.range(0, 100, 1, 100)
                  .filter([&](long x) {
                      ++read;
                      return x >= 2;
                  })
                  .take(1)
                  .size() == 1);
        return read.load();
    };
    CHECK(partitionsRead(1, 4) == 1 + 4);
    CHECK(partitionsRead(1, 7) == 1 + 7);
    CHECK(partitionsRead(2, 8) == 2 + 16);
    CHECK(partitionsRead(50, 4) == 50);
}

} // namespace rivulet::test::take_test
