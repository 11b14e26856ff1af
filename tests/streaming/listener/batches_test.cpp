#include "support/captured_output.h"
#include "support/stream_harness.h"

namespace rivulet::test::batches_test {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

/// Writes what it hears into a text.
struct Diary : StreamingListener {
    void onStreamingStarted(Time time) override { text += "started " + ms(time); }
    void onBatchSubmitted(const BatchInfo& info) override {
        CHECK_FALSE(info.processingStartTime);
        CHECK(info.totalDelay().count() == 0);
        submitted = info.batchTime;
    }
    void onBatchStarted(const BatchInfo& info) override {
        text += ", begin " + ms(info.batchTime) + " of " + std::to_string(info.numRecords());
        CHECK(submitted == info.batchTime);
        CHECK(info.processingDelay.count() == 0);
        CHECK(info.processingStartTime.has_value());
        CHECK_FALSE(info.processingEndTime);
    }
    void onBatchCompleted(const BatchInfo& info) override {
        text += ", end " + ms(info.batchTime) + (info.failure ? " failed" : "");
        CHECK(info.totalDelay() == info.schedulingDelay + info.processingDelay);
        CHECK(info.processingEndTime.has_value());
        last = info;
    }
    static std::string ms(Time time) { return std::to_string(time.time_since_epoch() / 1ms); }

    std::string text;
    Time submitted;
    BatchInfo last;
};

} // namespace

TEST_CASE("a listener hears of batches in order, with their records", "[A131]") {
    TestStreamingContext ssc(1s);
    const auto diary = std::make_shared<Diary>();
    ssc.addStreamingListener(diary);
    const auto first = tableStream<int>(ssc, {{1, 2}, {}, {3}});
    const auto second = tableStream<int>(ssc, {{1}, {2}});
    collectBatches(first.unionWith(second));
    ssc.advanceBatch(2);
    CHECK(diary->text == "started 0, begin 1000 of 3, end 1000, begin 2000 of 1, end 2000");
    CHECK(diary->last.inputRecords == std::map<int, long>{{0, 0}, {1, 1}});
    CHECK_FALSE(diary->last.failure);
}

TEST_CASE("a listener hears of a failed batch, and why it failed", "[A131]") {
    TestStreamingContext ssc(1s);
    const auto diary = std::make_shared<Diary>();
    ssc.addStreamingListener(diary);
    tableStream<int>(ssc, {{1, 2}}).foreachRDD([](const RDD<int>&) { throw std::runtime_error("no space left"); });
    CHECK_THROWS_AS(ssc.advanceBatch(), JobError);
    CHECK(diary->text == "started 0, begin 1000 of 2, end 1000 failed");
    CHECK_THAT(errorText<JobError>([&] { std::rethrow_exception(diary->last.failure); }),
               ContainsSubstring("no space left"));
    CHECK(ssc.droppedRecords() == 2);
}

TEST_CASE("a listener that was removed hears nothing more", "[A131]") {
    TestStreamingContext ssc(1s);
    const auto removed = std::make_shared<Diary>();
    const auto kept = std::make_shared<Diary>();
    ssc.addStreamingListener(removed);
    ssc.addStreamingListener(kept);
    collectBatches(tableStream<int>(ssc, {}));
    ssc.advanceBatch();
    ssc.removeStreamingListener(removed);
    ssc.advanceBatch();
    CHECK(removed->text == "started 0, begin 1000 of 0, end 1000");
    CHECK(kept->text == "started 0, begin 1000 of 0, end 1000, begin 2000 of 0, end 2000");
}

TEST_CASE("a listener that throws harms nobody", "[A131]") {
    struct Thrower : StreamingListener {
        void onBatchStarted(const BatchInfo&) override { throw std::runtime_error("from a listener"); }
    };
    TestStreamingContext ssc(1s);
    const auto diary = std::make_shared<Diary>();
    ssc.addStreamingListener(std::make_shared<Thrower>());
    ssc.addStreamingListener(diary);
    const auto seen = collectBatches(tableStream<int>(ssc, {{1}}));
    const CapturedOutput log(stderr);
    ssc.advanceBatch();
    CHECK_THAT(log.text(), ContainsSubstring("a streaming listener threw: from a listener"));
    CHECK(diary->text == "started 0, begin 1000 of 1, end 1000");
    CHECK(seen.size() == 1);
}

TEST_CASE("inputs have the ids 0, 1, 2 in the order of their creation", "[A88]") {
    TestStreamingContext ssc(1s);
    const auto diary = std::make_shared<Diary>();
    ssc.addStreamingListener(diary);
    const auto a = tableStream<int>(ssc, {{1}});
    ssc.queueStream<int>();
    const auto c = tableStream<int>(ssc, {{1, 2, 3}});
    collectBatches(c.unionWith(a));
    ssc.advanceBatch();
    CHECK(diary->last.inputRecords == std::map<int, long>{{0, 1}, {2, 3}}); // nobody reads number 1
}

TEST_CASE("an input is named by the operation that made it, and tells how many records it gave", "[A58]") {
    TestStreamingContext ssc(1s);
    const auto diary = std::make_shared<Diary>();
    ssc.addStreamingListener(diary);
    const auto table = tableStream<int>(ssc, {{1, 2}});
    collectBatches(table.unionWith(ssc.queueStream<int>()));
    ssc.advanceBatch();
    const auto inputs = diary->last.inputs();
    REQUIRE(inputs.size() == 2);
    CHECK(inputs[0].id == 0);
    CHECK(inputs[0].name == "Table stream [0]");
    CHECK(inputs[0].records == 2);
    CHECK(inputs[0].description.empty());
    CHECK(inputs[1].name == "Queue stream [1]");
    CHECK(BatchInfo().inputs().empty());
}

TEST_CASE("the inputs of a batch are those of that batch alone", "[A58]") {
    TestStreamingContext ssc(1s);
    const auto diary = std::make_shared<Diary>();
    ssc.addStreamingListener(diary);
    collectBatches(tableStream<int>(ssc, {{1, 2}, {3}}).unionWith(tableStream<int>(ssc, {{1}, {2, 3, 4}})));
    ssc.advanceBatch();
    CHECK(diary->last.inputRecords == std::map<int, long>{{0, 2}, {1, 1}});
    ssc.advanceBatch();
    CHECK(diary->last.inputRecords == std::map<int, long>{{0, 1}, {1, 3}});
}

} // namespace rivulet::test::batches_test
