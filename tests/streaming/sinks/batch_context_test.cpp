#include "streaming/durable/recovery_harness.h"

namespace rivulet::test::batch_context_test {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

/// What an output was told: id, time in seconds, isReplay, attempt.
using Told = std::tuple<std::uint64_t, long, bool, int>;

Told told(const BatchContext& batch) {
    return {batch.id, batch.time.time_since_epoch() / 1s, batch.isReplay, batch.attempt};
}

/// A process that tells what its output was told, and dies in the output of a batch.
std::vector<Told> run(const std::string& directory, int batches, std::uint64_t diesAt = 0,
                      std::vector<BatchContext>* contexts = nullptr) {
    std::vector<Told> all;
    TestStreamingContext ssc(1s);
    ssc.checkpoint(directory);
    tableStream<int>(ssc, {{1}, {2}, {3}}).uid("in").foreachRDD([&](const RDD<int>&, const BatchContext& batch) {
        all.push_back(told(batch));
        if (contexts) contexts->push_back(batch);
        if (batch.id == diesAt) throw std::runtime_error("died");
    });
    try {
        ssc.advanceBatch(batches);
    } catch (const JobError&) {}
    return all;
}

} // namespace

TEST_CASE("foreachRDD is told the number of the batch") {
    TestStreamingContext ssc(1s);
    std::vector<Told> all;
    std::string elements;
    tableStream<int>(ssc, {{1}, none, {3}}).foreachRDD([&](const RDD<int>& rdd, const BatchContext& batch) {
        all.push_back(told(batch));
        elements += std::to_string(rdd.first());
        CHECK(batch.application.empty());
        CHECK(batch.epoch == 0);
    });
    ssc.advanceBatch(3);
    CHECK(all == std::vector<Told>{{1, 1, false, 0}, {3, 3, false, 0}});
    CHECK(elements == "13");
}

TEST_CASE("foreachRDD takes functions of the RDD, of the time, and of all that is known of the batch") {
    TestStreamingContext ssc(1s);
    const auto input = tableStream<int>(ssc, {{1, 2}});
    int calls = 0;
    input.foreachRDD([&](const RDD<int>& rdd) { calls += int(rdd.count()); });
    input.foreachRDD([&](RDD<int> rdd, Time time) { calls += 10 * int(rdd.count() * (time.time_since_epoch() / 1s)); });
    input.foreachRDD([&](RDD<int> rdd, BatchContext batch) { calls += 100 * int(rdd.count() * long(batch.id)); });
    input.foreachRDD(
        [&](const auto& rdd, auto time) { calls += 1000 * int(rdd.count() * (time.time_since_epoch() / 1s)); });
    ssc.advanceBatch();
    CHECK(calls == 2222);
}

TEST_CASE("A batch that fails and is repeated is another attempt at the same batch") {
    std::vector<Told> all;
    TestStreamingContext ssc(serialConf().set("rivulet.streaming.failedBatches", "retry"), 1s);
    tableStream<int>(ssc, {{1}, {2}}).foreachRDD([&](const RDD<int>&, const BatchContext& batch) {
        all.push_back(told(batch));
        if (batch.id == 1 && batch.attempt < 2) throw std::runtime_error("not yet");
    });
    ssc.advanceBatch(2);
    CHECK(all == std::vector<Told>{{1, 1, false, 0}, {1, 1, false, 1}, {1, 1, false, 2}, {2, 2, false, 0}});
}

TEST_CASE("Batches are counted on through all processes, and one that was begun before is a replay") {
    const TemporaryDirectory directory;
    const std::string path = directory / "c";
    CHECK(run(path, 2) == std::vector<Told>{{1, 1, false, 0}, {2, 2, false, 0}});
    CHECK(run(path, 2, 4) == std::vector<Told>{{3, 3, false, 0}, {4, 4, false, 0}});
    CHECK(run(path, 1, 4) == std::vector<Told>{{4, 4, true, 0}});
    CHECK(run(path, 2) == std::vector<Told>{{4, 4, true, 0}, {5, 5, false, 0}});
    CHECK(run(path, 1) == std::vector<Told>{{6, 6, false, 0}});
}

TEST_CASE("The first batch of all may be a replay") {
    const TemporaryDirectory directory;
    CHECK(run(directory / "c", 1, 1) == std::vector<Told>{{1, 1, false, 0}});
    CHECK(run(directory / "c", 2) == std::vector<Told>{{1, 1, true, 0}, {2, 2, false, 0}});
}

TEST_CASE("Outputs are told the checkpoint, and how many processes have used it") {
    const TemporaryDirectory directory;
    std::vector<BatchContext> first, second, other;
    run(directory / "c", 1, 0, &first);
    run(directory / "c", 1, 0, &second);
    run(directory / "d", 1, 0, &other);
    CHECK(first[0].application.size() > 8);
    CHECK(first[0].application == second[0].application);
    CHECK(first[0].application != other[0].application);
    CHECK(first[0].epoch == 1);
    CHECK(second[0].epoch == 2);
}

} // namespace rivulet::test::batch_context_test
