#include "streaming/durable/recovery_harness.h"
#include "support/receiver_programs.h"

namespace rivulet::test::pace_recovery_test {

using namespace rivulet::detail;
using namespace std::chrono_literals;

namespace {

std::shared_ptr<ReceivedBlocks> blocksAt(double rate) {
    return std::make_shared<ReceivedBlocks>(std::make_shared<MemoryAccount>(), std::make_shared<ManualClock>(),
                                            ReceivedBlocks::Limits{1 << 20, 1s, 0, rate});
}
BatchInfo batch(long seconds, long records, Duration work) {
    BatchInfo info;
    info.batchTime = Time(std::chrono::seconds(seconds));
    info.inputRecords = {{0, records}};
    info.processingDelay = work;
    return info;
}

} // namespace

TEST_CASE("A rate that was estimated goes on where it was") {
    const auto first = blocksAt(10'000), second = blocksAt(10'000), whole = blocksAt(10'000);
    RateController before(0, first, 1s, {}), after(0, second, 1s, {}), uninterrupted(0, whole, 1s, {});
    const std::vector<long> records{500, 700, 300, 900, 250};
    for (std::size_t i = 0; i < records.size(); ++i) {
        const BatchInfo info = batch(long(i + 1), records[i], 900ms);
        uninterrupted.onBatchCompleted(info);
        (i < 3 ? before : after).onBatchCompleted(info);
        if (i != 2) continue;
        after.restorePace(before.pace());
        CHECK(second->rate() == first->rate());
    }
    CHECK(second->rate() == whole->rate());
    CHECK(second->rate() != 10'000);
}

TEST_CASE("A rate that grew before there was an estimate is not forgotten") {
    const auto first = blocksAt(100), second = blocksAt(100);
    RateController before(0, first, 1s, {}), after(0, second, 1s, {});
    before.onBatchCompleted(batch(1, 100, 1ms));
    CHECK(first->rate() == 200);
    after.restorePace(before.pace());
    CHECK(second->rate() == 200);
}

TEST_CASE("The rate of a receiver is stored with its batches") {
    const TemporaryDirectory directory;
    std::vector<double> rates;
    for (int run = 0; run < 2; ++run) {
        TestStreamingContext ssc(serialConf().set("rivulet.streaming.backpressure.enabled", true), 1s);
        ssc.checkpoint(directory / "c");
        const auto stream = ssc.receiverStream(LambdaReceiver([](auto&, const auto&) {}));
        stream.uid("numbers").foreachRDD([](const RDD<long>& rdd) { rdd.count(); });
        ssc.advanceBatch();
        auto& blocks = dynamic_cast<ReceivedInput&>(*stream.recipe().root()).blocks();
        rates.push_back(blocks.rate());
        blocks.setRate(777);
        ssc.advanceBatch();
    }
    CHECK(rates == std::vector<double>{10'000, 777});
}

} // namespace rivulet::test::pace_recovery_test
