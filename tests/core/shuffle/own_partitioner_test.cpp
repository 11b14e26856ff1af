#include "support/rdd_harness.h"

namespace rivulet::test::own_partitioner_test {

namespace {

/// Routes numbers by their value modulo a count, which may be set to lie about it.
class Modulo final : public KeyPartitioner<int> {
  public:
    explicit Modulo(int count, int offset = 0) : count_(count), offset_(offset) {}
    int numPartitions() const override { return count_; }
    int partitionOf(const int& key) const override { return key % count_ + offset_; }
    bool equals(const Partitioner& other) const override {
        const auto* modulo = dynamic_cast<const Modulo*>(&other);
        return modulo && modulo->count_ == count_;
    }

  private:
    int count_, offset_;
};

} // namespace

TEST_CASE("a partitioner of the user's routes and keeps") {
    eachSetup([](const Context& sc, int partitions) {
        const auto modulo = std::make_shared<const Modulo>(3);
        const auto rows =
            sc.parallelize({std::pair(0, 'a'), std::pair(4, 'b'), std::pair(2, 'c'), std::pair(3, 'd')}, partitions);
        CHECK(text(glom(rows.partitionBy(Partitioning(modulo)))) == "[[(0,a), (3,d)], [(4,b)], [(2,c)]]");
        const auto grouped = rows.groupByKey(Partitioning(modulo));
        CHECK(grouped.partitioner() == modulo);
        const auto again = grouped.partitionBy(Partitioning(std::make_shared<const Modulo>(3)));
        CHECK(again.id() == grouped.id());
        CHECK(text(sorted(grouped.join(rows).keys())) == "[0, 2, 3, 4]");
    });
}

TEST_CASE("a partitioner that leaves its range, or is for other keys, is refused") {
    const Context sc("local[2]", "test");
    const auto rows = sc.parallelize({std::pair(1, 1), std::pair(2, 2)}, 1);
    CHECK(
        errorOf<UsageError>([&] { rows.partitionBy(Partitioning(std::make_shared<const Modulo>(2, -2))).collect(); }) ==
        "the partitioner gave partition -1 for a key, but there are partitions 0 to 1: partitionOf must stay within "
        "them");
    CHECK(errorOf<UsageError>([&] {
              rows.groupByKey(Partitioning(std::make_shared<const Modulo>(2, 7))).collect();
          }).starts_with("the partitioner gave partition "));
    CHECK(errorOf<UsageError>([&] {
              sc.parallelize({std::pair(std::string("a"), 1)}, 1)
                  .partitionBy(Partitioning(std::make_shared<const Modulo>(2)));
          }) ==
          "this partitioner is for keys of another type: use HashPartitioner, or derive from KeyPartitioner<K> for "
          "the key type of this RDD");
    CHECK(errorOf<UsageError>([] { HashPartitioner(0); }) ==
          "HashPartitioner: the number of partitions (0) must be positive");
    CHECK(errorOf<UsageError>([&] { rows.groupByKey(-1); }) ==
          "HashPartitioner: the number of partitions (-1) must be positive");
}

} // namespace rivulet::test::own_partitioner_test
