#include "streaming/durable/recovery_harness.h"

namespace rivulet::test::event_time_recovery_test {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

/// Records are the seconds of their own times.
Time timeOf(const int& second) { return Time(std::chrono::seconds(second)); }

const Batches<int> kArrivals{{1}, {2, 1}, {5, 3, 1}, {4, 2}, {4, 6}, {}, {7, 6, 5}, {8}};

} // namespace

TEST_CASE("Records that wait for the batch of their own time survive a stop after any batch") {
    const auto build = [](const StreamingContext& ssc, int n) {
        return tableStream(ssc, kArrivals, n).uid("in").withEventTime(timeOf, 2s).uid("timed");
    };
    // Batches run two seconds late, so the first process waits that much longer.
    const auto run = [&](const std::vector<Run>& runs) {
        const TemporaryDirectory directory;
        return runAll(directory / "c", build, runs);
    };
    const TextBatches expected =
        textsOf(Batches<int>{{1}, {2, 1}, {3, 1}, {4, 2}, {4, 5}, {6}, {7, 6, 5}, {8}, none, none});
    checkTables(run({{10}}), expected, false);
    for (int k = 1; k < 8; ++k) {
        INFO("stopped after batch " << k);
        checkTables(run({{k + 2}, {8 - k}}), expected, false);
    }
    checkTables(run({{3, 1}, {1, 2}, {1, 7}, {1, 3}, {1}, {1}, {1}, {1}}), expected, false);
    checkTables(run({{5, 7, "local[4]"}, {5, 3, "local[4]"}}), expected, false);
}

TEST_CASE("Records that wait are stored as long as they do") {
    const TemporaryDirectory directory;
    std::vector<std::vector<int>> batches, late;
    // All arrive with the first batch, for batches up to the fourth; each process runs one.
    for (int run = 0; run < 5; ++run) {
        TestStreamingContext ssc(1s);
        ssc.checkpoint(directory / "c");
        const auto timed = tableStream(ssc, Batches<int>{{4, 1, 2, 3, 2}, {}, {1}}, 1)
                               .uid("in")
                               .withEventTime(timeOf, 5s, LateRecords::side);
        timed.uid("timed").foreachRDD([&](const RDD<int>& rdd) { batches.push_back(sorted(rdd.collect())); });
        timed.late().foreachRDD([&](const RDD<int>& rdd) { late.push_back(rdd.collect()); });
        ssc.advanceBatch(run == 0 ? 6 : 1); // batches run five seconds late
    }
    CHECK(batches == std::vector<std::vector<int>>{{1}, {2, 2}, {3}, {4}, {}});
    CHECK(late == std::vector<std::vector<int>>{{}, {}, {1}, {}, {}}); // what is late is known after a restart too
}

TEST_CASE("Event times with a checkpoint directory need a name and a type that can be stored") {
    struct Opaque {
        int second = 0;
    };
    const TemporaryDirectory directory;
    const auto build = [](const StreamingContext& ssc, int n) {
        return tableStream(ssc, kArrivals, n).uid("in").withEventTime(timeOf, 2s);
    };
    CHECK_THAT(errorText<UsageError>([&] { runAll(directory / "c", build, {{1}}); }),
               ContainsSubstring("these have no name by which they are found again: withEventTime at "));
    const auto opaque = [](const StreamingContext& ssc, int n) {
        return tableStream(ssc, kArrivals, n)
            .uid("in")
            .map([](int second) { return Opaque{second}; })
            .withEventTime([](const Opaque& record) { return timeOf(record.second); }, 2s)
            .uid("timed")
            .map([](const Opaque& record) { return record.second; });
    };
    CHECK_THAT(errorText<UsageError>([&] { runAll(directory / "c", opaque, {{1}}); }),
               ContainsSubstring("cannot be written; give it a default constructor and a member"));
}

} // namespace rivulet::test::event_time_recovery_test
