#include "operators.h"

#include "streaming/durable/recovery_harness.h"

namespace rivulet::test::every_stop_test {

// Every operator that keeps something, stopped after every batch.

using namespace operators;

namespace {

const Batches<std::string> kInput{{"a"}, {"a", "b"}, {"a", "b", "c"}, {},         {"a", "d"}, {"c", "c"}, {"a", "b"},
                                  {},    {},         {"a"},           {"e", "b"}, {"a", "e"}};
const int kBatches = int(kInput.size());

using Tables = std::vector<TextBatches>; // of each operator

/// All operators in one program. Without a directory where that has no name.
Tables outputs(const std::vector<KeepingOperator>& tested, const std::string& directory, const char* backend,
               const std::vector<Run>& runs) {
    std::vector<SeenBatches> seen(tested.size());
    long batches = 0;
    for (const Run& run : runs) {
        TestStreamingContext ssc(serialConf().set("rivulet.streaming.state.backend", backend), std::chrono::seconds(1));
        if (!directory.empty()) ssc.checkpoint(directory);
        const auto words = tableStream(ssc, kInput, run.partitions).uid("in");
        for (std::size_t i = 0; i < tested.size(); ++i)
            seen[i].watch(ssc, tested[i].declare(words, run.partitions, tested[i].name));
        ssc.advanceBatch(run.batches);
        batches += run.batches;
    }
    Tables tables;
    for (const SeenBatches& one : seen) tables.push_back(one.table(batches, 1));
    return tables;
}

void compare(const std::vector<KeepingOperator>& tested, const Tables& actual, const Tables& expected) {
    for (std::size_t i = 0; i < tested.size(); ++i) {
        INFO(tested[i].name);
        checkTables(actual[i], expected[i], false);
    }
}

void checkEveryStop(const std::vector<KeepingOperator>& tested, const char* backend) {
    const Tables expected = outputs(tested, "", "memory", {{kBatches}});
    for (int k = 0; k <= kBatches; ++k) {
        INFO("stopped after batch " << k);
        const TemporaryDirectory directory;
        std::vector<Run> runs;
        if (k > 0) runs.push_back({k});
        if (k < kBatches) runs.push_back({kBatches - k});
        compare(tested, outputs(tested, directory / "c", backend, runs), expected);
    }
    INFO("stopped after every batch, each time with another number of partitions");
    const TemporaryDirectory directory;
    std::vector<Run> runs;
    for (int k = 0; k < kBatches; ++k) runs.push_back({1, std::vector{1, 2, 7, 3}[std::size_t(k) % 4]});
    compare(tested, outputs(tested, directory / "c", backend, runs), expected);
}

} // namespace

TEST_CASE("States in memory go on as if nothing had been, after every batch", "[A115]") {
    checkEveryStop(statesOperators(), "memory");
}

TEST_CASE("States in RocksDB go on as if nothing had been, after every batch", "[A115]") {
    checkEveryStop(statesOperators(), "rocksdb");
}

TEST_CASE("Windows go on as if nothing had been, after every batch", "[A115]") {
    checkEveryStop(windowOperators(), "memory");
}

} // namespace rivulet::test::every_stop_test
