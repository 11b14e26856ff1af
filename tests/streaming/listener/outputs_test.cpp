#include "support/stream_harness.h"

namespace rivulet::test::outputs_test {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

namespace {

/// Keeps what it hears of output operations.
struct OutputDiary : StreamingListener {
    void onOutputOperationStarted(const OutputOperationInfo& info) override {
        text += "+" + std::to_string(info.id);
        CHECK(info.startTime.has_value());
        CHECK_FALSE(info.endTime);
    }
    void onOutputOperationCompleted(const OutputOperationInfo& info) override {
        text += "-" + std::to_string(info.id) + (info.failure ? "!" : "");
        CHECK(info.endTime.has_value());
    }
    void onBatchCompleted(const BatchInfo& info) override {
        text += "; ";
        last = info;
    }
    std::string text;
    BatchInfo last;
};

void doNothing(const RDD<int>&) {}

} // namespace

TEST_CASE("a listener hears of each output operation in the order of declaration", "[A131]") {
    TestStreamingContext ssc(1s);
    const auto diary = std::make_shared<OutputDiary>();
    ssc.addStreamingListener(diary);
    const auto input = tableStream<int>(ssc, {{1}});
    const auto here = std::source_location::current();
    input.foreachRDD(doNothing);
    collectBatches(input);
    input.foreachRDD(doNothing);
    ssc.advanceBatch(2);
    CHECK(diary->text == "+0-0+1-1+2-2; +0-0+1-1+2-2; ");
    const auto& outputs = diary->last.outputs;
    REQUIRE(outputs.size() == 3);
    CHECK(outputs[0].batchTime == Time(2s));
    CHECK(outputs[0].name == "foreachRDD");
    CHECK(outputs[0].description == "foreachRDD at outputs_test.cpp:" + std::to_string(here.line() + 1));
    CHECK(outputs[2].id == 2);
    CHECK(outputs[2].startTime == Time(2s));
    CHECK(outputs[2].endTime == Time(2s));
    CHECK_FALSE(outputs[2].failure);
}

TEST_CASE("an output keeps its id in batches in which others have nothing to do", "[A131]") {
    TestStreamingContext ssc(1s);
    const auto diary = std::make_shared<OutputDiary>();
    ssc.addStreamingListener(diary);
    const auto input = tableStream<int>(ssc, {});
    input.window(2s, 2s).foreachRDD(doNothing);
    input.foreachRDD(doNothing);
    ssc.advanceBatch(2);
    CHECK(diary->text == "+1-1; +0-0+1-1; ");
}

TEST_CASE("the failure of an output is told with its id, and the batch is completed", "[A131]") {
    TestStreamingContext ssc(1s);
    const auto diary = std::make_shared<OutputDiary>();
    ssc.addStreamingListener(diary);
    const auto input = tableStream<int>(ssc, {{1}});
    input.foreachRDD(doNothing);
    input.foreachRDD([](const RDD<int>& rdd) { rdd.foreach ([](int) { throw std::runtime_error("no space left"); }); });
    CHECK_THROWS_AS(ssc.advanceBatch(), JobError);
    CHECK(diary->text == "+0-0+1-1!; ");
    const auto& outputs = diary->last.outputs;
    CHECK_FALSE(outputs[0].failure);
    const std::string failure = errorText<JobError>([&] { std::rethrow_exception(outputs[1].failure); });
    CHECK_THAT(failure, StartsWith("batch 1000 ms: "));
    CHECK_THAT(failure, ContainsSubstring("no space left"));
    CHECK(diary->last.failure);
}

} // namespace rivulet::test::outputs_test
