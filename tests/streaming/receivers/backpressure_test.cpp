#include "support/receiver_programs.h"

namespace rivulet::test::backpressure_test {

// How the limits reach receivers, and what receivers do about them.

using namespace rivulet::detail;
using namespace std::chrono_literals;

namespace {

constexpr Time at(long ms) { return Time(Duration(ms)); }

BatchInfo batch(long time, long records, Duration work, Duration wait = {}) {
    BatchInfo info;
    info.batchTime = at(time);
    info.inputRecords = {{0, 7}, {1, records}};
    info.processingDelay = work;
    info.schedulingDelay = wait;
    return info;
}

template <class Stream> ReceivedBlocks& blocksOf(const Stream& stream) {
    return dynamic_cast<ReceivedInput&>(*stream.recipe().root()).blocks();
}

/// Stores numbers as fast as it may.
LambdaReceiver eager(std::atomic<long>& stored) {
    return LambdaReceiver([&stored](auto& store, const auto& stop) {
        for (long n = 0; !stop.stop_requested(); ++n, ++stored) store(n);
    });
}

Conf limited(long rate) { return serialConf().set("rivulet.streaming.receiver.maxRate", rate); }

} // namespace

TEST_CASE("what a batch took reaches the receiver as a rate", "[A98][A122][A127]") {
    const auto blocks =
        std::make_shared<ReceivedBlocks>(std::make_shared<MemoryAccount>(), std::make_shared<ManualClock>(),
                                         ReceivedBlocks::Limits{1 << 20, 1s, 250, 0});
    RateController controller(1, blocks, 1s, {1, 0, 0, 10});
    std::vector<double> rates;
    for (const long records : {100, 100, 200, 0, 300})
        controller.onBatchCompleted(batch(1000 * long(rates.size() + 1), records, 1s)), rates.push_back(blocks->rate());
    CHECK(rates == std::vector<double>{250, 100, 200, 200, 250});
    BatchInfo failed = batch(10'000, 50, 1s);
    failed.failure = std::make_exception_ptr(7);
    controller.onBatchCompleted(failed);
    CHECK(blocks->rate() == 250);
}

TEST_CASE("short batches are judged together, by their sums") {
    const auto blocks = std::make_shared<ReceivedBlocks>(
        std::make_shared<MemoryAccount>(), std::make_shared<ManualClock>(), ReceivedBlocks::Limits{1 << 20, 10ms});
    RateController controller(1, blocks, 10ms, {});
    for (long n = 1; n <= 19; ++n) controller.onBatchCompleted(batch(10 * n, 100, n == 15 ? 91ms : 1ms));
    CHECK(blocks->rate() == 0);
    controller.onBatchCompleted(batch(200, 100, 1ms));
    CHECK(blocks->rate() == Approx(10'000));
}

TEST_CASE("backpressure is on unless the program says otherwise, for receivers only") {
    const bool on = GENERATE(true, false);
    Conf conf = serialConf();
    if (!on) conf.set("rivulet.streaming.backpressure.enabled", false);
    Standing program(conf);
    std::atomic<long> stored = 0;
    std::atomic<int> batches = 0;
    const auto stream = program.ssc.receiverStream(LambdaReceiver([&](auto& store, const auto& stop) {
        for (long n = 0; !stop.stop_requested() && n < 2; ++n) {
            eventually([&] { return batches > n || stop.stop_requested(); });
            store(n);
            ++stored;
        }
    }));
    stream.foreachRDD([&](const RDD<long>& rdd) {
        rdd.count();
        ++batches;
    });
    program.ssc.start();
    for (int n = 1; n <= 3; ++n) {
        program.clock->advance(1s);
        REQUIRE(eventually([&] { return batches >= n && stored >= std::min(n, 2); }));
    }
    program.ssc.stop(true, true);
    CHECK((blocksOf(stream).rate() > 0) == on);
}

TEST_CASE("a limited receiver stores as the time goes, and waits for it", "[A98][A127]") {
    Standing program(limited(100));
    std::atomic<long> stored = 0;
    const auto seen = collectBatches(program.ssc.receiverStream(eager(stored)));
    program.ssc.start();
    program.clock->advance(250ms);
    CHECK(eventually([&] { return stored == 25; }));
    program.clock->advance(500ms);
    CHECK(eventually([&] { return stored == 75; }));
    program.clock->advance(250ms);
    REQUIRE(eventually([&] { return stored >= 100; }));
    program.ssc.stop(true, true);
    CHECK(seen[0].size() <= 100);
    CHECK(isCountedUp(flattened(seen)));
}

TEST_CASE("no batch has more than its share of the rate") {
    TestStreamingContext ssc(limited(100), 100ms);
    std::atomic<long> stored = 0;
    const auto seen = collectBatches(ssc.receiverStream(eager(stored)));
    ssc.advanceBatch();
    long before = 0;
    for (int n = 0; n < 50; ++n) {
        REQUIRE(eventually([&] { return stored >= before + 10; })); // as many as it may
        before += 10;
        ssc.advanceBatch();
    }
    ssc.stop(true, true);
    for (const auto& batch : seen.all()) CHECK(batch.size() <= 12); // and what the stop finds in its hand
    CHECK(isCountedUp(flattened(seen)));
}

TEST_CASE("the first batch is limited where the program says so") {
    Conf conf = serialConf().set("rivulet.streaming.backpressure.initialRate", 50);
    Standing program(conf);
    std::atomic<long> stored = 0;
    const auto stream = program.ssc.receiverStream(eager(stored));
    const auto seen = collectBatches(stream);
    CHECK(blocksOf(stream).rate() == 50);
    program.ssc.start();
    CHECK(eventually([&] { return stored == 50; }));
    program.clock->advance(999ms);
    CHECK(stored == 50);
    program.ssc.stop();
}

TEST_CASE("the first batch is limited unless the program says otherwise, and never above the limit that it sets") {
    const auto initialRate = [](const Conf& conf) {
        const Standing program(conf);
        std::atomic<long> stored = 0;
        return blocksOf(program.ssc.receiverStream(eager(stored))).rate();
    };
    CHECK(initialRate(serialConf()) == 10'000);
    CHECK(initialRate(limited(300)) == 300);
    CHECK(initialRate(limited(30'000)) == 10'000);
    CHECK(initialRate(limited(300).set("rivulet.streaming.backpressure.initialRate", 20)) == 20);
    CHECK(initialRate(serialConf().set("rivulet.streaming.backpressure.initialRate", 0)) == 0);
    CHECK(initialRate(serialConf().set("rivulet.streaming.backpressure.enabled", false)) == 0);
}

TEST_CASE("batches that keep up have more than the first one, until the estimator knows better") {
    const auto blocks =
        std::make_shared<ReceivedBlocks>(std::make_shared<MemoryAccount>(), std::make_shared<ManualClock>(),
                                         ReceivedBlocks::Limits{1 << 20, 1s, 0, 100});
    RateController controller(1, blocks, 1s, {1, 0, 0, 10});
    SECTION("a full one doubles, the second estimate counts") {
        controller.onBatchCompleted(batch(1000, 100, 1s));
        CHECK(blocks->rate() == 200);
        controller.onBatchCompleted(batch(2000, 200, 500ms));
        CHECK(blocks->rate() == 400);
        controller.onBatchCompleted(batch(3000, 400, 4s));
        CHECK(blocks->rate() == 100);
        controller.onBatchCompleted(batch(8000, 100, 500ms));
        CHECK(blocks->rate() == 200);
    }
    SECTION("one that had less, took too long or waited says nothing") {
        controller.onBatchCompleted(
            GENERATE(batch(1000, 49, 1ms), batch(1000, 100, 1001ms), batch(1000, 100, 500ms, 501ms)));
        CHECK(blocks->rate() == 100);
    }
}

TEST_CASE("blocks count against the rate, and are not split for it") {
    Standing program(limited(100));
    std::atomic<long> stored = 0;
    const auto seen = collectBatches(program.ssc.receiverStream(LambdaReceiver([&](auto& store, const auto& stop) {
        for (long n = 0; !stop.stop_requested(); ++n, ++stored) store(std::vector<long>(40, n));
    })));
    program.ssc.start();
    program.clock->advance(399ms);
    CHECK(stored == 0);
    program.clock->advance(1ms);
    CHECK(eventually([&] { return stored == 1; }));
    program.clock->advance(400ms);
    CHECK(eventually([&] { return stored == 2; }));
    program.ssc.stop(true, true);
    CHECK(seen[0].size() % 40 == 0);
}

} // namespace rivulet::test::backpressure_test
