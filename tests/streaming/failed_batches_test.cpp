#include "support/stream_harness.h"

#include <atomic>

namespace rivulet::test::failed_batches_test {

using namespace std::chrono_literals;

namespace {

Conf confOf(const char* policy) {
    return Conf("local", "test")
        .set("rivulet.executor", "serial")
        .set("rivulet.log.level", "OFF")
        .set("rivulet.streaming.failedBatches", policy);
}

/// Counts words in a state, and fails while it is told to.
struct Totals {
    TestStreamingContext ssc;
    QueueStream<std::string> input;
    int failures = 0; // how many more attempts fail
    int attempts = 0;
    std::vector<Pairs> seen;

    explicit Totals(const Conf& conf) : ssc(conf, 1s), input(ssc.queueStream<std::string>()) {
        input.map(withOne)
            .updateStateByKey([](std::span<const long> arrived, std::optional<long> total) {
                return std::optional(std::accumulate(arrived.begin(), arrived.end(), total.value_or(0)));
            })
            .foreachRDD([this](const RDD<std::pair<std::string, long>>& rdd) {
                ++attempts;
                auto totals = sorted(rdd.collect());
                if (failures > 0) {
                    --failures;
                    throw std::runtime_error("intentional");
                }
                seen.push_back(totals);
            });
    }
};

} // namespace

TEST_CASE("a failed batch is repeated on the same input, and counts once") {
    Totals totals(confOf("retry"));
    totals.input.push({"a", "b"});
    totals.input.push({"a"});
    totals.failures = 2;
    totals.ssc.advanceBatch(2);
    CHECK(totals.attempts == 4);
    CHECK(totals.seen == std::vector<Pairs>{{{"a", 1}, {"b", 1}}, {{"a", 2}, {"b", 1}}});
    CHECK(totals.ssc.droppedRecords() == 0);
}

TEST_CASE("a batch that fails in every attempt ends the streaming") {
    Totals totals(confOf("retry").set("rivulet.streaming.maxBatchFailures", 3));
    totals.input.push({"a"});
    totals.failures = 100;
    CHECK_THROWS_AS(totals.ssc.advanceBatch(), JobError);
    CHECK(totals.attempts == 3);
}

TEST_CASE("a failed batch is skipped where that is wanted, and changes no state") {
    Totals totals(confOf("skip"));
    for (const char* word : {"a", "b", "c"}) totals.input.push({word});
    totals.ssc.advanceBatch();
    totals.failures = 1;
    totals.ssc.advanceBatch(2);
    CHECK(totals.seen == std::vector<Pairs>{{{"a", 1}}, {{"a", 1}, {"c", 1}}});
}

TEST_CASE("outputs of a batch run at the same time where that is set") {
    TestStreamingContext ssc(confOf("stop").set("rivulet.streaming.concurrentJobs", 3), 1s);
    auto input = ssc.queueStream<int>();
    std::atomic<int> waiting = 0;
    std::atomic<int> done = 0;
    for (int i = 0; i < 3; ++i)
        input.foreachRDD([&](const RDD<int>& rdd) {
            // None goes on before all have begun.
            ++waiting;
            while (waiting < 3) std::this_thread::yield();
            done += int(rdd.count());
        });
    input.push({1, 2});
    ssc.advanceBatch();
    CHECK(done == 6);
}

TEST_CASE("of outputs at the same time, the error is that of the first in their order, and no further one is begun") {
    TestStreamingContext ssc(confOf("stop").set("rivulet.streaming.concurrentJobs", 2), 1s);
    auto input = ssc.queueStream<int>();
    std::atomic<int> begun = 0;
    const auto fail = [&](const char* what) {
        input.foreachRDD([&begun, what](const RDD<int>&) {
            ++begun;
            while (begun < 2) std::this_thread::yield();
            throw std::runtime_error(what);
        });
    };
    fail("first");
    fail("second");
    input.foreachRDD([&](const RDD<int>&) { ++begun; });
    input.push({1});
    CHECK_THAT(errorText<JobError>([&] { ssc.advanceBatch(); }), Catch::Matchers::ContainsSubstring("first"));
    CHECK(begun == 2);
}

TEST_CASE("an output that stops the context may run beside others") {
    TestStreamingContext ssc(confOf("stop").set("rivulet.streaming.concurrentJobs", 2), 1s);
    auto input = ssc.queueStream<int>();
    int counted = 0;
    input.foreachRDD([&](const RDD<int>&) { ssc.stop(false); });
    input.foreachRDD([&](const RDD<int>& rdd) { counted += int(rdd.count()); });
    input.push({1});
    ssc.advanceBatch();
    CHECK(ssc.getState() == StreamingContextState::STOPPED);
    CHECK(counted == 1);
}

TEST_CASE("a batch that is repeated is planned anew, on the input that it had") {
    TestStreamingContext ssc(confOf("retry"), 1s);
    const auto input = ssc.queueStream<int>();
    int planned = 0, ran = 0;
    std::vector<std::vector<int>> seen;
    input
        .transform([&](const RDD<int>& rdd) {
            ++planned;
            return rdd;
        })
        .foreachRDD([&](const RDD<int>& rdd) {
            if (++ran == 1) throw std::runtime_error("intentional");
            seen.push_back(rdd.collect());
        });
    input.push({1, 2});
    input.push({3});
    ssc.advanceBatch(2);
    CHECK(planned == 3);
    CHECK(seen == std::vector<std::vector<int>>{{1, 2}, {3}});
}

} // namespace rivulet::test::failed_batches_test
