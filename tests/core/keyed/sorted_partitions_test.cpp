#include "support/rdd_harness.h"

namespace rivulet::test::sorted_partitions_test {

using Pair = std::pair<int, int>;

namespace {

class Modulo final : public KeyPartitioner<int> {
  public:
    int numPartitions() const override { return 2; }
    int partitionOf(const int& key) const override { return key % 2; }
    bool equals(const Partitioner& other) const override { return dynamic_cast<const Modulo*>(&other) != nullptr; }
};

const std::shared_ptr<const Partitioner> kModulo = std::make_shared<const Modulo>();

} // namespace

TEST_CASE("repartitionAndSortWithinPartitions sorts every partition by key", "[R19]") {
    eachSetup([](const Context& sc, int partitions) {
        const auto pairs = sc.parallelize<Pair>({{0, 5}, {3, 8}, {2, 6}, {0, 8}, {3, 8}, {1, 3}}, partitions);
        const auto sorted = pairs.repartitionAndSortWithinPartitions(kModulo);
        CHECK(text(glom(sorted)) == "[[(0,5), (0,8), (2,6)], [(1,3), (3,8), (3,8)]]");
        CHECK(sorted.partitioner() == kModulo);
        CHECK(text(glom(pairs.erased().repartitionAndSortWithinPartitions(kModulo, std::greater<>()))) ==
              "[[(2,6), (0,5), (0,8)], [(3,8), (3,8), (1,3)]]");
    });
}

TEST_CASE("what is partitioned as it is to be sorted is not shuffled", "[R20]") {
    eachSetup([](const Context& sc, int partitions) {
        const auto reduced = sc.range(0, 40, 1, partitions)
                                 .map([](long x) { return std::pair(x % 10, x); })
                                 .reduceByKey(std::plus<>(), 2);
        const auto sorted = reduced.repartitionAndSortWithinPartitions(HashPartitioner(2));
        CHECK(shufflesOf(*sorted.lineagePtr()) == 1);
        CHECK(sorted.getNumPartitions() == 2);
        for (const auto& part : glom(sorted)) CHECK(std::is_sorted(part.begin(), part.end()));
        CHECK(sorted.count() == 10);
    });
}

} // namespace rivulet::test::sorted_partitions_test
