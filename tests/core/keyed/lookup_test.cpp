#include "support/rdd_harness.h"

namespace rivulet::test::lookup_test {

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

TEST_CASE("lookup gives the values of a key, and asks one task where keys are partitioned", "[R40]") {
    eachSetup([](const Context& sc, int partitions) {
        const auto pairs = sc.parallelize<std::pair<std::string, int>>({{"a", 1}, {"b", 2}, {"a", 3}}, partitions);
        CHECK(text(pairs.lookup("a")) == "[1, 3]");
        CHECK(text(pairs.partitionBy(5).lookup(std::string_view("b"))) == "[2]");
        CHECK(pairs.erased().lookup("c").empty());
    });
    const Context sc("local[2]", "test");
    const auto cached = sc.range(0, 100, 1, 4).map(withOne).partitionBy(10).cache();
    CHECK(text(cached.lookup(7)) == "[1]");
    CHECK(sc.engine()->blocks().count(cached.id()) == 1);
    CHECK(errorOf<UsageError>([&] { sc.parallelize<Pair>({{1, 1}}, 1).partitionBy(kModulo).lookup(-1); }) ==
          "the partitioner gave partition -1 for a key, but there are partitions 0 to 1: partitionOf must stay "
          "within them");
}

TEST_CASE("reduceByKeyLocally and countByKey give maps to the caller") {
    using Pairs = std::vector<std::pair<std::string, std::string>>;
    const Pairs pairs{{"a", "1"}, {"b", "2"}, {"a", "3"}, {"a", "4"}};
    expectTable(pairs, [](auto r) { return r.reduceByKeyLocally(std::plus<>()); }, "[(a,134), (b,2)]");
    expectTable(pairs, [](auto r) { return r.countByKey(); }, "[(a,3), (b,1)]");
    expectTable(Pairs{}, [](auto r) { return r.reduceByKeyLocally(std::plus<>()); }, "[]");
    const Context sc(Conf("local[2]", "test").set("rivulet.log.level", "OFF"));
    const auto here = std::source_location::current();
    const auto reduce = [&] {
        return sc.range(0, 4, 1, 4)
            .map([](long x) { return std::pair(1, x); })
            .reduceByKeyLocally([](long, long) -> long { throw std::runtime_error("no"); });
    };
    CHECK(errorOf<JobError>(reduce) == site("reduceByKeyLocally", here, 2) +
                                           " threw while the results of the partitions of RDD 1 were combined: no");
}

} // namespace rivulet::test::lookup_test
