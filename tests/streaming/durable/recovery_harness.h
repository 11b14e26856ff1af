#pragma once

#include "support/stream_harness.h"
#include "support/temporary_directory.h"

/// Tests of what a program finds when it is started again: the same table as an uninterrupted run.
namespace rivulet::test {

/// Runs `build(ssc, partitions)` in contexts that follow each other on one checkpoint directory. `runs` says for each
/// how many batches it runs, and in how many partitions.
struct Run {
    int batches, partitions = 2;
    const char* master = "local";
};

template <class Build>
TextBatches runAll(const std::string& directory, const Build& build, const std::vector<Run>& runs,
                   const CheckpointOptions& options = {}) {
    SeenBatches seen;
    long batches = 0;
    for (const Run& run : runs) {
        TestStreamingContext ssc(std::chrono::seconds(1), run.master);
        ssc.checkpoint(directory, options);
        const auto stream = build(ssc, run.partitions).erased();
        seen.watch(ssc, stream);
        ssc.advanceBatch(run.batches);
        batches += run.batches;
    }
    return seen.table(batches, 1);
}

/// The table is the same when the program is stopped after any of its batches, after each of them, and with another
/// number of partitions every time.
template <class Build> void checkRecovery(const Build& build, int batches, const TextBatches& expected) {
    for (int k = 0; k <= batches; ++k) {
        INFO("stopped after batch " << k);
        const TemporaryDirectory directory;
        std::vector<Run> runs;
        if (k > 0) runs.push_back({k});
        if (k < batches) runs.push_back({batches - k});
        checkTables(runAll(directory / "checkpoint", build, runs), expected, false);
    }
    const TemporaryDirectory directory;
    std::vector<Run> runs;
    for (int k = 0; k < batches; ++k) runs.push_back({1, std::vector{1, 2, 7, 3}[std::size_t(k) % 4]});
    checkTables(runAll(directory / "checkpoint", build, runs), expected, false);
    runs = {{batches / 2, 3, "local[4]"}, {batches - batches / 2, 3, "local[4]"}};
    const TemporaryDirectory parallel;
    checkTables(runAll(parallel / "checkpoint", build, runs), expected, false);
}

} // namespace rivulet::test
