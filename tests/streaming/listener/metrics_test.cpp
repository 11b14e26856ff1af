#include "rivulet/log.h"
#include "support/captured_output.h"
#include "support/stream_harness.h"

namespace rivulet::test::metrics_test {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

/// Shows what is logged at INFO, as long as it lives.
struct InfoShown {
    InfoShown() { setLogLevel(LogLevel::Info); }
    ~InfoShown() { setLogLevel(LogLevel::Warn); }
};

} // namespace

TEST_CASE("metrics count batches and records, and know the last batch", "[A76]") {
    TestStreamingContext ssc(1s);
    collectBatches(tableStream<int>(ssc, {{1, 2}, {3}}));
    const StreamingMetrics before = ssc.metrics();
    CHECK(before.totalCompletedBatches == 0);
    CHECK_FALSE(before.lastCompletedBatch);
    CHECK_FALSE(before.lastReceivedBatch);
    ssc.advanceBatch(2);
    const StreamingMetrics metrics = ssc.metrics();
    CHECK(metrics.totalCompletedBatches == 2);
    CHECK(metrics.totalReceivedRecords == 3);
    CHECK(metrics.totalProcessedRecords == 3);
    CHECK(metrics.unprocessedBatches() == 0);
    REQUIRE(metrics.lastCompletedBatch);
    CHECK(metrics.lastCompletedBatch->batchTime == Time(2s));
    CHECK(metrics.lastCompletedBatch->numRecords() == 1);
    CHECK(metrics.lastCompletedBatch->processingEndTime == Time(2s));
    CHECK(metrics.lastCompletedBatch->processingDelay > 0us);
    REQUIRE(metrics.lastReceivedBatch);
    CHECK(metrics.lastReceivedBatch->batchTime == Time(2s));
}

TEST_CASE("metrics count the batch that runs, and one that fails", "[A76]") {
    TestStreamingContext ssc(1s);
    StreamingMetrics within;
    tableStream<int>(ssc, {{1, 2}}).foreachRDD([&](const RDD<int>&) {
        within = StreamingContext::getActive()->metrics();
        throw std::runtime_error("no");
    });
    CHECK_THROWS_AS(ssc.advanceBatch(), JobError);
    CHECK(within.runningBatches == 1);
    CHECK(within.totalReceivedRecords == 2);
    CHECK(within.totalProcessedRecords == 0);
    CHECK(within.totalCompletedBatches == 0);
    CHECK(ssc.metrics().runningBatches == 0);
    CHECK(ssc.metrics().totalCompletedBatches == 1);
    CHECK(ssc.metrics().lastCompletedBatch->failure);
}

TEST_CASE("a listener hears nothing more after the stop, and the metrics stay", "[A76]") {
    struct Counter : StreamingListener {
        void onBatchCompleted(const BatchInfo&) override { ++batches; }
        int batches = 0;
    };
    TestStreamingContext ssc(1s);
    const auto counter = std::make_shared<Counter>();
    ssc.addStreamingListener(counter);
    collectBatches(tableStream<int>(ssc, {{1}}));
    ssc.advanceBatch();
    ssc.stop();
    CHECK_THROWS_AS(ssc.advanceBatch(), UsageError);
    CHECK(counter->batches == 1);
    CHECK(ssc.metrics().totalCompletedBatches == 1);
}

TEST_CASE("every batch logs how long it took, at INFO") {
    TestStreamingContext ssc(1s);
    const InfoShown shown; // a context sets the level by its conf
    collectBatches(tableStream<int>(ssc, {{1}}));
    const CapturedOutput log(stderr);
    ssc.advanceBatch();
    CHECK_THAT(log.text(), ContainsSubstring("Total delay: 0.0"));
    CHECK_THAT(log.text(), ContainsSubstring(" s for time 1000 ms (execution: 0.0"));
}

TEST_CASE("a StatsReportListener logs how the delays of the last batches were distributed") {
    const InfoShown shown;
    StatsReportListener listener(3);
    BatchInfo batch;
    for (const long ms : {9'000, 30, 10, 20}) {
        batch.schedulingDelay = 1ms;
        batch.processingDelay = std::chrono::milliseconds(ms);
        const CapturedOutput log(stderr);
        listener.onBatchCompleted(batch);
        if (ms != 20) continue;
        CHECK_THAT(log.text(), ContainsSubstring("total delay (ms) of the last 3 batches: 0%: 11.000 5%: 11.000 10%: "
                                                 "11.000 25%: 11.000 50%: 21.000 75%: 21.000 90%: 21.000 95%: 21.000 "
                                                 "100%: 31.000"));
        CHECK_THAT(log.text(), ContainsSubstring("processing time (ms) of the last 3 batches: 0%: 10.000"));
    }
    CHECK(errorText<UsageError>([] { StatsReportListener(0); }) ==
          "StatsReportListener: the number of batches (0) must be positive, for example 10");
}

} // namespace rivulet::test::metrics_test
