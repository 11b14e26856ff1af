#include "support/stream_harness.h"

#include <thread>

namespace rivulet::test::queue_stream_test {

using namespace std::chrono_literals;

using Ints = std::vector<std::vector<int>>;

TEST_CASE("a queue gives one RDD per batch, in the order of the pushes", "[A86]") {
    TestStreamingContext ssc(1s);
    const auto queue = ssc.queueStream<int>();
    const auto seen = collectBatches(queue);
    queue.pushOne(1);
    queue.pushOne(2);
    ssc.advanceBatch();
    queue.push({3});
    queue.push(ssc.context().parallelize({4}, 1));
    ssc.advanceBatch();
    queue.pushOne(5);
    ssc.advanceBatch(3);
    CHECK(seen.all() == Ints{{1}, {2}, {3}, {4}, {5}});
}

TEST_CASE("a queue gives all RDDs at once where it is told to", "[A86]") {
    TestStreamingContext ssc(1s);
    const auto queue = ssc.queueStream<int>(false);
    const auto seen = collectBatches(queue);
    for (int i = 1; i <= 3; ++i) queue.pushOne(i);
    ssc.advanceBatch();
    queue.push({4, 5});
    ssc.advanceBatch();
    CHECK(seen.all() == Ints{{1, 2, 3}, {4, 5}});
}

TEST_CASE("an empty queue gives empty batches", "[A80][A86]") {
    TestStreamingContext ssc(1s);
    const auto queue = ssc.queueStream<int>();
    const auto seen = collectBatches(queue);
    int rdds = 0;
    queue.foreachRDD([&](const RDD<int>& rdd) {
        ++rdds;
        CHECK(rdd.isEmpty());
        CHECK(rdd.getNumPartitions() == 0);
    });
    ssc.advanceBatch(2);
    CHECK(seen.all() == Ints{{}, {}});
    CHECK(rdds == 2);
}

TEST_CASE("the program that the documentation shows", "[A14]") {
    TestStreamingContext ssc(1s);
    auto input = ssc.queueStream<std::string>();
    auto seen = collectBatches(input.flatMap(words).countByValue());
    input.push({"a b", "a"});
    ssc.advanceBatch();
    CHECK(sorted(seen[0]) == Pairs{{"a", 2}, {"b", 1}});
}

TEST_CASE("a queue may be fed while batches run, from many threads", "[A86]") {
    TestStreamingContext ssc(1s, "local[2]");
    const auto queue = ssc.queueStream<int>(false);
    const auto seen = collectBatches(queue);
    constexpr int kThreads = 4, kEach = 50;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < kThreads; ++t)
            threads.emplace_back([&queue, t] {
                for (int i = 0; i < kEach; ++i) queue.pushOne(t * kEach + i);
            });
        ssc.advanceBatch(5);
    }
    ssc.advanceBatch();
    std::vector<int> all;
    for (const auto& batch : seen.all()) all.insert(all.end(), batch.begin(), batch.end());
    std::vector<int> expected(kThreads * kEach);
    for (int i = 0; i < kThreads * kEach; ++i) expected[std::size_t(i)] = i;
    CHECK(sorted(all) == expected);
}

TEST_CASE("a queue gives up the RDDs of past batches", "[A56]") {
    TestStreamingContext ssc(1s);
    const auto queue = ssc.queueStream<int>();
    const auto seen = collectBatches(queue);
    auto rdd = RDD<int>(ssc.context().parallelize({1}, 1));
    const std::weak_ptr<const void> alive = rdd.lineagePtr();
    queue.push(std::move(rdd));
    rdd = RDD<int>();
    ssc.advanceBatch(3);
    CHECK(seen.all() == Ints{{1}, {}, {}});
    CHECK(alive.expired());
}

TEST_CASE("a queue that no output reads is left alone", "[A80]") {
    TestStreamingContext ssc(1s);
    const auto unread = ssc.queueStream<int>();
    const auto seen = collectBatches(ssc.queueStream<int>());
    unread.map([](int) -> int { throw std::runtime_error("nobody asked for this"); });
    unread.pushOne(1);
    ssc.advanceBatch(3);
    CHECK(seen.all() == Ints{{}, {}, {}});
}

} // namespace rivulet::test::queue_stream_test
