#include "support/rdd_harness.h"

#include <array>

namespace rivulet::test::map_partitions_test {

TEST_CASE("mapPartitions is called once for each partition, the empty ones too", "[R1]") {
    eachExecutor([](const Context& sc) {
        std::atomic<int> calls = 0;
        const auto sums = sc.parallelize({1, 2}, 4).mapPartitions([&](PartitionElements<int> elements) {
            ++calls;
            int sum = 0;
            for (int x : elements) sum += x;
            return std::array{sum};
        });
        CHECK(calls == 0);
        CHECK(text(sums) == "[0, 1, 0, 2]");
        CHECK(calls == 4);
    });
}

TEST_CASE("mapPartitionsWithIndex tells the index") {
    expectTable(
        std::vector{7, 7, 7, 7, 7, 7, 7},
        [](auto r) {
            const int last = r.getNumPartitions() - 1;
            return r
                .mapPartitionsWithIndex([last](int index, PartitionElements<int> elements) {
                    long n = 0;
                    for (int x : elements) n += x;
                    return std::array{std::pair(index == last, n)};
                })
                .values()
                .fold(0, std::plus<>());
        },
        "49");
    const Context sc("local[2]", "test");
    CHECK(text(sc.range(0, 4, 1, 3).mapPartitionsWithIndex([](int i, PartitionElements<long>) {
              return std::array{i};
          })) == "[0, 1, 2]");
}

TEST_CASE("a function of a partition may read all, some or none of it, in one loop or several") {
    eachExecutor([](const Context& sc) {
        const auto numbers = sc.range(0, 5000, 1, 2);
        CHECK(text(numbers.mapPartitions([](PartitionElements<long>) { return std::vector<int>{}; })) == "[]");
        CHECK(text(numbers.mapPartitions(
                  [](PartitionElements<long> elements) { return std::vector{*elements.begin()}; })) == "[0, 2500]");
        CHECK(text(numbers.mapPartitions([](PartitionElements<long> elements) {
                  long first = 0, rest = 0;
                  for (long x : elements) { // a second loop goes on where the first one stopped
                      if (++first == 1500) break;
                      static_cast<void>(x);
                  }
                  for (long x : elements) rest += x >= 0;
                  return std::vector{first, rest};
              })) == "[1500, 1001, 1500, 1001]");
    });
}

TEST_CASE("what take does not need is not read through mapPartitions") {
    eachExecutor([](const Context& sc) {
        std::atomic<long> read = 0;
        const auto numbers = sc.parallelize(std::vector<int>(100'000, 1), 2).map([&](int x) {
            ++read;
            return x;
        });
        struct Doubled { // a lazy range: the partition's elements, times two, as they are asked for
            PartitionElements<int> elements;
            using value_type = int;
            struct Iterator {
                PartitionElements<int>::Iterator at;
                int operator*() const { return *at * 2; }
                Iterator& operator++() {
                    ++at;
                    return *this;
                }
                bool operator==(std::default_sentinel_t end) const { return at == end; }
            };
            Iterator begin() const { return {elements.begin()}; }
            std::default_sentinel_t end() const { return {}; }
        };
        const auto doubled = numbers.mapPartitions([](PartitionElements<int> elements) { return Doubled{elements}; });
        CHECK(text(doubled.take(3)) == "[2, 2, 2]");
        CHECK(read <= 2048);
        read = 0;
        CHECK(doubled.count() == 100'000);
        CHECK(read == 100'000);
    });
}

} // namespace rivulet::test::map_partitions_test
