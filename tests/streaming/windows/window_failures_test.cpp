#include "support/stream_harness.h"

#include <random>

namespace rivulet::test::window_failures_test {

// Keyed windows whose batches fail, whose tasks are repeated, whose ticks are merged, and which run for long.

using namespace std::chrono_literals;

namespace {

using Text = std::string;

std::int64_t bytesOf(const TestStreamingContext& ssc, std::string_view consumer) {
    for (const auto& usage : ssc.context().engine()->memory()->snapshot())
        if (usage.consumer == consumer) return usage.bytes;
    return -1;
}

} // namespace

TEST_CASE("a task of a window that is repeated combines nothing twice", "[A29]") {
    const unsigned seed = 7;
    INFO("seed " << seed);
    std::mt19937 random(seed);
    TestStreamingContext ssc(serialConf("local[1,4]"), 1s);
    const auto input = ssc.queueStream<std::pair<long, Text>>();
    const auto callsLeft = std::make_shared<int>(0);
    const auto seen = collectBatches(input.reduceByKeyAndWindow(
        [callsLeft](const Text& a, const Text& b) {
            if (--*callsLeft == 0) throw std::runtime_error("sometimes");
            return a + b;
        },
        6s, 1s, 1));
    std::map<long, std::map<long, Text>> batches;
    for (long batch = 1; batch <= 60; ++batch) {
        std::vector<std::pair<long, Text>> rows;
        for (int n = int(random() % 40); n > 0; --n) {
            const long key = long(random() % 20);
            rows.emplace_back(key, std::to_string(batch) + "." + std::to_string(n) + " ");
            batches[batch][key] += rows.back().second;
        }
        std::map<long, Text> expected;
        for (const auto& [time, pane] : batches)
            if (time > batch - 6)
                for (const auto& [key, text] : pane) expected[key] += text;
        input.push(rows, 1);
        *callsLeft = int(random() % 80);
        ssc.advanceBatch();
        REQUIRE(std::map<long, Text>(seen[std::size_t(batch - 1)].begin(), seen[std::size_t(batch - 1)].end()) ==
                expected);
    }
}

TEST_CASE("a combination that throws in every attempt names the operator", "[A67]") {
    TestStreamingContext ssc(1s);
    const auto input = ssc.queueStream<std::pair<Text, long>>();
    collectBatches(
        input.reduceByKeyAndWindow([](long, long) -> long { throw std::runtime_error("no sum today"); }, 2s));
    input.push({{"a", 1}, {"a", 2}});
    CHECK_THAT(errorText<JobError>([&] { ssc.advanceBatch(); }),
               Catch::Matchers::Contains("reduceByKeyAndWindow at window_failures_test.cpp") &&
                   Catch::Matchers::Contains("no sum today"));
}

TEST_CASE("windows see each batch in its time where ticks are merged", "[A04]") {
    TestStreamingContext ssc(1s);
    const auto input = ssc.queueStream<std::pair<Text, long>>();
    std::map<long, long> sums;
    input.reduceByKeyAndWindow(std::plus<>(), 4s, 2s).foreachRDD([&](const RDD<std::pair<Text, long>>& rdd, Time time) {
        long sum = 0;
        for (const auto& row : rdd.collect()) sum += row.second;
        sums[std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count()] = sum;
    });
    ssc.core()->start(false, std::source_location::current());
    const auto run = [&](long second, long value) {
        input.push({{"a", value}});
        ssc.core()->runBatch(Time(std::chrono::seconds(second)));
    };
    run(1, 1);
    run(2, 10);
    run(4, 100); // 3 was merged into it
    run(6, 1'000);
    run(12, 10'000);
    run(13, 100'000);
    run(14, 1'000'000);
    CHECK(sums == std::map<long, long>{{2, 11}, {4, 111}, {6, 1'100}, {12, 10'000}, {14, 1'110'000}});
}

TEST_CASE("what earlier slides gave stays as it was", "[A29]") {
    TestStreamingContext ssc(1s);
    const auto input = ssc.queueStream<std::pair<Text, Text>>();
    std::vector<RDD<std::pair<Text, Text>>> rdds;
    input.reduceByKeyAndWindow(std::plus<>(), 3s).foreachRDD([&](const RDD<std::pair<Text, Text>>& rdd) {
        rdds.push_back(rdd);
    });
    for (const char* value : {"1", "2", "3", "4", "5"}) {
        input.push({{"k", value}});
        ssc.advanceBatch();
    }
    std::string all;
    for (const auto& rdd : rdds) all += rdd.collect().at(0).second + " ";
    CHECK(all == "1 12 123 234 345 ");
}

TEST_CASE("ten thousand slides whose keys come and go leave memory flat", "[panes]") {
    TestStreamingContext ssc(1s);
    const auto input = ssc.queueStream<std::pair<Text, long>>();
    input.reduceByKeyAndWindow(std::plus<>(), 10s).foreachRDD([](const auto&) {});
    std::int64_t early = 0, most = 0;
    for (long batch = 0; batch < 10'000; ++batch) {
        std::vector<std::pair<Text, long>> rows;
        for (long n = 0; n < 3; ++n) rows.emplace_back(Text(20, 'k') + std::to_string(batch * 3 + n), 1);
        input.push(rows, 1);
        ssc.advanceBatch();
        (batch < 3'000 ? early : most) = std::max(batch < 3'000 ? early : most, bytesOf(ssc, "windows"));
    }
    CHECK(early > 0);
    CHECK(most <= early);
    CHECK(early < 1'000'000);
}

TEST_CASE("a window or slide that is no multiple of the stream's slide", "[windows]") {
    TestStreamingContext ssc(1s);
    const auto pairs = ssc.queueStream<std::pair<Text, long>>();
    const auto numbers = ssc.queueStream<long>();
    CHECK(errorText<UsageError>([&] { pairs.reduceByKeyAndWindow(std::plus<>(), 1500ms); }) ==
          "reduceByKeyAndWindow: the window (1500ms) must be a positive multiple of the slide of the stream it is "
          "applied to (1s); use for example 1s");
    CHECK(errorText<UsageError>([&] { numbers.reduceByWindow(std::plus<>(), 2s, 500ms); }) ==
          "reduceByWindow: the slide (500ms) must be a positive multiple of the slide of the stream it is applied to "
          "(1s); use for example 1s");
    CHECK(errorText<UsageError>([&] { numbers.countByWindow(-2s); }) ==
          "countByWindow: the window (-2s) must be a positive multiple of the slide of the stream it is applied to "
          "(1s); use for example 1s");
    CHECK(errorText<UsageError>([&] { numbers.countByValueAndWindow(1ms); }) ==
          "countByValueAndWindow: the window (1ms) must be a positive multiple of the slide of the stream it is "
          "applied to (1s); use for example 1s");
    CHECK(errorText<UsageError>([&] { pairs.groupByKeyAndWindow(2s, 2500ms); }) ==
          "groupByKeyAndWindow: the slide (2500ms) must be a positive multiple of the slide of the stream it is "
          "applied to (1s); use for example 2s");
}

} // namespace rivulet::test::window_failures_test
