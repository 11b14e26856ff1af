#include "support/rdd_harness.h"

using namespace rivulet;
using namespace rivulet::test;
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

TEST_CASE("groupBy groups by what the function gives, sortBy orders by it") {
    expectTable(
        std::vector{5, 2, 4, 1, 3}, [](auto r) { return r.sortBy([](int x) { return -x; }); }, "[5, 4, 3, 2, 1]");
    expectTable(
        std::vector{5, 2, 4, 1, 3}, [](auto r) { return r.sortBy([](int x) { return x; }, false, 2); },
        "[5, 4, 3, 2, 1]");
    expectTable(
        std::vector<std::string>{"ccc", "a", "bb", "d"}, [](auto r) { return r.sortBy(&std::string::size); },
        "[a, d, bb, ccc]");
    eachSetup([](const Context& sc, int partitions) {
        const auto groups = sc.range(0, 6, 1, partitions).groupBy([](long x) { return x % 3; }, 2);
        CHECK(text(sorted(groups)) == "[(0,[0, 3]), (1,[1, 4]), (2,[2, 5])]");
        CHECK(groups.partitioner()->numPartitions() == 2);
    });
}

TEST_CASE("filterByRange keeps what lies between two keys, and computes no partition that cannot have it") {
    eachSetup([](const Context& sc, int partitions) {
        const auto numbers = sc.range(0, 1000, 1, partitions).map(withOne);
        CHECK(text(numbers.filterByRange(998, 2000).keys()) == "[998, 999]");
        CHECK(text(numbers.filterByRange(4, 5).values()) == "[1, 1]");
        CHECK(numbers.filterByRange(5, 4).isEmpty());
        const auto up = numbers.sortByKey(true, 10), down = numbers.sortByKey(false, 10);
        CHECK(up.filterByRange(300, 310).count() == 11);
        CHECK(up.filterByRange(300, 310).getNumPartitions() <= 2);
        CHECK(down.filterByRange(300, 310).count() == 11);
        CHECK(down.filterByRange(300, 310).getNumPartitions() <= 2);
        CHECK_FALSE(up.filterByRange(300, 310).partitioner());
        CHECK(numbers.partitionBy(3).filterByRange(1, 2).partitioner());
    });
}

TEST_CASE("cogroup brings three and four together") {
    eachSetup([](const Context& sc, int partitions) {
        const auto a = sc.parallelize<Pair>({{1, 1}, {2, 2}, {1, 3}}, partitions);
        const auto b = sc.parallelize<std::pair<int, std::string>>({{1, "x"}, {3, "y"}}, 2);
        const RDD<std::pair<int, char>> c = sc.parallelize<std::pair<int, char>>({{2, 'c'}}, 3);
        CHECK(text(sorted(a.cogroup(b, c))) == "[(1,([1, 3],[x],[])), (2,([2],[],[c])), (3,([],[y],[]))]");
        CHECK(text(sorted(c.cogroup(a, b, a.erased(), 5))) ==
              "[(1,([],[1, 3],[x],[1, 3])), (2,([c],[2],[],[2])), (3,([],[],[y],[]))]");
        CHECK(text(sorted(a.groupWith(b))) == "[(1,([1, 3],[x])), (2,([2],[])), (3,([],[y]))]");
        CHECK(text(sorted(a.groupWith(b, c).keys())) == "[1, 2, 3]");
        CHECK(a.groupWith(b, c, b).getNumPartitions() == std::max(3, partitions));
        const auto in4 = a.partitionBy(4);
        CHECK(shufflesOf(*in4.cogroup(in4, in4).lineagePtr()) == 3); // three ways to the one shuffle
        CHECK(text(sorted(in4.cogroup(in4, c).keys())) == "[1, 2]");
    });
    const Context one("local", "one"), two("local", "two");
    const auto a = one.parallelize<Pair>({{1, 1}}, 1), b = two.parallelize<Pair>({{1, 1}}, 1);
    CHECK(errorOf<UsageError>([&] { a.cogroup(a, b); }) ==
          "cogroup: the RDDs belong to different contexts; make all of them with the same Context");
}

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
