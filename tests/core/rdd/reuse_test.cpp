#include "support/rdd_harness.h"

namespace rivulet::test::reuse_test {

TEST_CASE("what a cached RDD depends on is not computed again, its shuffles included") {
    eachExecutor([](const Context& sc) {
        std::atomic<int> computed = 0;
        auto sums =
            counted(sc, computed).map([](long x) { return std::pair(x % 3, x); }).reduceByKey(std::plus<>()).cache();
        const std::string expected = "[(0,18), (1,12), (2,15)]";
        CHECK(text(sorted(sums)) == expected);
        CHECK(text(sorted(sums.mapValues([](long x) { return x; }))) == expected);
        CHECK(computed == 10);
        sums.unpersist();
        CHECK(text(sorted(sums)) == expected); // the outputs of the map tasks are still there
        CHECK(computed == 10);
    });
}

TEST_CASE("later jobs use the outputs of the map tasks of earlier ones") {
    eachExecutor([](const Context& sc) {
        std::atomic<int> mapped = 0, reduced = 0;
        const auto pairs = sc.range(0, 100, 1, 4).map([&](long x) {
            ++mapped;
            return std::pair(x % 10, 1L);
        });
        const auto counts = pairs.reduceByKey(std::plus<>());
        const auto after = counts.map([&](const auto& row) {
            ++reduced;
            return row.second;
        });
        CHECK(after.take(1).size() == 1);
        CHECK(mapped == 100);
        CHECK(after.reduce(std::plus<>()) == 100);
        CHECK(counts.count() == 10);
        CHECK(counts.groupByKey(7).count() == 10);
        CHECK(mapped == 100);
        CHECK(reduced >= 10);
        CHECK(pairs.reduceByKey(std::plus<>()).count() == 10); // another shuffle
        CHECK(mapped == 200);
    });
}

TEST_CASE("the outputs of map tasks go with the last RDD that needs them") {
    const Context sc("local[2]", "test");
    const auto before = heldBytes(sc);
    {
        const auto counts = sc.range(1000).map(withOne).reduceByKey(std::plus<>());
        counts.count();
        CHECK(heldBytes(sc) > before);
    }
    CHECK(heldBytes(sc) == before);
}

TEST_CASE("an iterative job joins a cached, partitioned RDD without shuffling it again") {
    const Context sc("local[2]", "test");
    std::atomic<int> edgesRead = 0;
    const auto edges = sc.parallelize({std::pair(1, 2), std::pair(2, 1), std::pair(3, 1), std::pair(3, 2)}, 3)
                           .map([&](const auto& edge) {
                               ++edgesRead;
                               return edge;
                           });
    const auto links = edges.groupByKey(HashPartitioner(4)).cache();
    RDD<std::pair<int, double>> ranks = links.mapValues([](const auto&) { return 1.0; });
    for (int i = 0; i < 10; ++i) {
        const auto spread = links.join(ranks).values().flatMap([](const auto& x) {
            std::vector<std::pair<int, double>> out;
            for (int to : x.first) out.emplace_back(to, x.second / double(x.first.size()));
            return out;
        });
        ranks = spread.reduceByKey(std::plus<>()).mapValues([](double sum) { return 0.15 + 0.85 * sum; });
    }
    const auto result = sorted(ranks);
    REQUIRE(result.size() == 2);
    CHECK(result[0].second == Catch::Approx(result[1].second));
    CHECK(edgesRead == 4);
}

} // namespace rivulet::test::reuse_test
