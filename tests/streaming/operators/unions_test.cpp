#include "support/stream_harness.h"

#include <numeric>

namespace rivulet::test::unions_test {

using namespace std::chrono_literals;

TEST_CASE("repartition gives exactly so many partitions of the same elements", "[A10]") {
    const int from = GENERATE(2, 5);
    const int to = 7 - from;
    TestStreamingContext ssc(1s, "local[2]");
    std::vector<int> partitions;
    std::vector<std::vector<int>> seen;
    tableStream<int>(ssc, {upTo(100), upTo(100), Batch<int>()}, from)
        .repartition(to)
        .foreachRDD([&](const RDD<int>& rdd) {
            partitions.push_back(rdd.getNumPartitions());
            seen.push_back(sorted(rdd.collect()));
        });
    ssc.advanceBatch(3);
    CHECK(partitions == std::vector{to, to, to});
    CHECK(seen == std::vector<std::vector<int>>{upTo(100).elements(), upTo(100).elements(), {}});
}

TEST_CASE("repartition deals the elements out evenly", "[A10]") {
    TestStreamingContext ssc(1s);
    std::vector<std::size_t> sizes;
    tableStream<int>(ssc, {upTo(100)}, 2)
        .repartition(5)
        .mapPartitions([](const PartitionElements<int>& part) {
            std::size_t n = 0;
            for (auto i = part.begin(); i != part.end(); ++i) ++n;
            return std::vector{n};
        })
        .foreachRDD([&](const RDD<std::size_t>& rdd) { sizes = rdd.collect(); });
    ssc.advanceBatch();
    CHECK(sizes == std::vector<std::size_t>{20, 20, 20, 20, 20});
}

TEST_CASE("a union gives this stream's elements, then the other's", "[A16]") {
    checkOrdered(
        Batches<int>{{1, 2, 3, 4}, {101, 102, 103, 104}},
        [](const auto& in) { return in.unionWith(in.map([](int x) { return x + 4; })); },
        Batches<int>{{1, 2, 3, 4, 5, 6, 7, 8}, {101, 102, 103, 104, 105, 106, 107, 108}});
}

TEST_CASE("a union of three streams has their elements in the order of the arguments", "[A16]") {
    checkEveryWay(
        [](const TestStreamingContext& ssc, int n) {
            return ssc.unionAll<int>({tableStream<int>(ssc, {{1, 2, 3, 4}, {101, 102, 103, 104}}, n),
                                      tableStream<int>(ssc, {{5, 6, 7, 8}, {105, 106, 107, 108}}, n),
                                      tableStream<int>(ssc, {{9, 10, 11, 12}, {109, 110, 111, 112}}, n)});
        },
        Batches<int>{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
                     {101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112}},
        true);
}

TEST_CASE("an erased chain is computed once per batch, however many streams read it") {
    TestStreamingContext ssc(1s);
    const auto calls = std::make_shared<std::atomic<int>>(0);
    const auto doubled = tableStream<int>(ssc, {{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 11, 12}})
                             .map([calls](int x) {
                                 ++*calls;
                                 return 2 * x;
                             })
                             .cache();
    const auto evens = collectBatches(doubled.filter([](int x) { return x % 4 == 0; }));
    const auto counts = collectBatches(doubled.count());
    ssc.advanceBatch(3);
    CHECK(*calls == 12);
    CHECK(counts.all() == std::vector<std::vector<long>>{{4}, {4}, {4}});
    CHECK(evens.all() == std::vector<std::vector<int>>{{4, 8}, {12, 16}, {20, 24}});
}

} // namespace rivulet::test::unions_test
