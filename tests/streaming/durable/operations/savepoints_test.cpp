#include "durable/copies/saved_copy.h"
#include "durable/inspection/inspection.h"
#include "streaming/durable/recovery_harness.h"

#include <csignal>
#include <filesystem>
#include <fstream>

namespace rivulet::test::savepoints_test {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

using Totals = std::vector<std::pair<std::string, long>>;

std::optional<long> addAll(std::span<const long> arrived, std::optional<long> total) {
    return std::accumulate(arrived.begin(), arrived.end(), total.value_or(0));
}

/// One "a" in every batch, counted; `seen` gets the total after each.
DStream<std::pair<std::string, long>> counting(const StreamingContext& ssc, std::vector<long>& seen) {
    const auto totals = tableStream(ssc, Batches<std::string>(100, {"a"}))
                            .uid("in")
                            .map(withOne)
                            .updateStateByKey(addAll, 2)
                            .uid("totals");
    totals.foreachRDD([&seen](const RDD<std::pair<std::string, long>>& rdd) {
        const auto rows = rdd.collect();
        seen.push_back(rows.empty() ? 0 : rows[0].second);
    });
    return totals;
}

/// Runs so many batches and returns the totals.
std::vector<long> run(const std::string& directory, int batches, const CheckpointOptions& options = {}) {
    TestStreamingContext ssc(1s);
    std::vector<long> seen;
    ssc.checkpoint(directory, options);
    counting(ssc, seen);
    ssc.advanceBatch(batches);
    return seen;
}

std::vector<std::string> namesOf(const std::string& folder) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
}

bool isSound(const std::string& path) {
    return detail::Inspection(path, detail::CheckpointStore::Use::inspect).verify().findings.empty();
}

} // namespace

TEST_CASE("A program begins with a savepoint as it was") {
    const TemporaryDirectory directory;
    const std::string saved = directory / "saved/one";
    {
        TestStreamingContext ssc(1s);
        std::vector<long> seen;
        ssc.checkpoint(directory / "c");
        counting(ssc, seen);
        ssc.advanceBatch(2);
        CHECK(ssc.savepoint(saved + "/") == saved);
        ssc.advanceBatch(3); // which the savepoint does not have
    }
    CHECK(isSound(saved));
    CHECK(run(directory / "d", 2, {.from = saved}) == std::vector<long>{3, 4});
    SECTION("and goes on with its own directory: the option may stay") {
        CHECK(run(directory / "d", 1, {.from = saved}) == std::vector<long>{5});
    }
    SECTION("again, and from a folder of savepoints") {
        CHECK(run(directory / "e", 1, {.from = directory / "saved"}) == std::vector<long>{3});
    }
    SECTION("the directory that it was made of goes on too") { CHECK(run(directory / "c", 1) == std::vector<long>{6}); }
    SECTION("a copy of it is a checkpoint directory, and no savepoint any more once it was used") {
        fs::copy(saved, directory / "copy", fs::copy_options::recursive);
        CHECK(run(directory / "copy", 1) == std::vector<long>{3});
        CHECK_FALSE(fs::exists(directory / "copy/contents"));
    }
}

TEST_CASE("A savepoint that is asked for within a batch has that batch") {
    const TemporaryDirectory directory;
    {
        TestStreamingContext ssc(1s);
        std::vector<long> seen;
        ssc.checkpoint(directory / "c");
        counting(ssc, seen).foreachRDD([&, core = ssc.core().get()](const RDD<std::pair<std::string, long>>&) {
            if (seen.size() == 2) core->savepoint(directory / "saved", true, std::source_location::current());
        });
        ssc.advanceBatch(4);
    }
    CHECK(run(directory / "d", 1, {.from = directory / "saved"}) == std::vector<long>{3});
}

TEST_CASE("Savepoints without a path get names, and the newest are kept") {
    const TemporaryDirectory directory;
    std::vector<std::string> paths;
    {
        TestStreamingContext ssc(serialConf().set("rivulet.streaming.savepoints.retained", "2"), 1s);
        std::vector<long> seen;
        ssc.checkpoint(directory / "c");
        counting(ssc, seen);
        for (int i = 0; i < 4; ++i) {
            ssc.advanceBatch();
            paths.push_back(ssc.savepoint());
        }
    }
    CHECK(paths[0] == (directory / "c.savepoints/epoch-000001-batch-0000000001"));
    CHECK(namesOf(directory / "c.savepoints") ==
          std::vector<std::string>{"epoch-000001-batch-0000000003", "epoch-000001-batch-0000000004"});
    CHECK(run(directory / "d", 1, {.from = directory / "c.savepoints"}) == std::vector<long>{5});
}

TEST_CASE("A savepoint is made while the loop runs, by any thread and by a signal") {
    const TemporaryDirectory directory;
    const auto clock = std::make_shared<ManualClock>();
    StreamingContext ssc(Context(Conf("local[2]", "test").set("rivulet.streaming.savepoints.signal", "USR2")), 1s,
                         clock);
    std::vector<long> seen;
    ssc.checkpoint(directory / "c");
    counting(ssc, seen);
    ssc.start();
    clock->advance(1s);
    std::string path;
    std::jthread asks([&] { path = ssc.savepoint(directory / "saved"); });
    CHECK(eventually([&] { // it follows the next batch
        clock->advance(1s);
        return fs::exists(directory / "saved/contents");
    }));
    asks.join();
    CHECK(path == (directory / "saved"));
    ::raise(SIGUSR2);
    CHECK(eventually([&] {
        clock->advance(1s);
        return fs::exists(directory / "c.savepoints") && !namesOf(directory / "c.savepoints").empty() &&
               !namesOf(directory / "c.savepoints").back().ends_with(".partial");
    }));
    ssc.stop(true, false);
    CHECK(isSound(directory / "saved"));
}

TEST_CASE("A savepoint needs a directory and a context that runs, and a path of its own") {
    const TemporaryDirectory directory;
    std::vector<long> seen;
    {
        TestStreamingContext ssc(1s);
        counting(ssc, seen);
        ssc.advanceBatch();
        CHECK(errorText<UsageError>([&] { ssc.savepoint(directory / "s"); }) ==
              "savepoint: there is no checkpoint directory, and what is not stored cannot be copied; call "
              "checkpoint(directory) before the start");
    }
    TestStreamingContext ssc(1s);
    ssc.checkpoint(directory / "c");
    counting(ssc, seen);
    CHECK(errorText<UsageError>([&] { ssc.savepoint(directory / "s"); }) ==
          "savepoint: this StreamingContext does not run; call it between start() and stop(). The checkpoint directory "
          "of a stopped program may be copied as it is");
    ssc.advanceBatch();
    ssc.savepoint(directory / "s");
    CHECK(errorText<UsageError>([&] { ssc.savepoint(directory / "s"); }) ==
          "savepoint: '" + (directory / "s") + "' is there already; give each savepoint a path of its own");
    ssc.advanceBatch(); // nothing has come of that
}

TEST_CASE("What is no savepoint is refused, and the directory is not made of it") {
    const TemporaryDirectory directory;
    fs::create_directory(directory / "empty");
    for (const char* name : {"none", "empty"})
        CHECK_THAT(errorText<RecoveryError>([&] { run(directory / "d", 1, {.from = directory / name}); }),
                   ContainsSubstring(std::string(name) +
                                     "', from which the directory is to begin, is no savepoint, and there is none in "
                                     "it; give .from the path of a savepoint, or of a folder that has some"));
    CHECK(run(directory / "d", 1) == std::vector<long>{1});
}

TEST_CASE("A damaged savepoint is refused and found by verification") {
    const TemporaryDirectory directory;
    {
        TestStreamingContext ssc(1s);
        std::vector<long> seen;
        ssc.checkpoint(directory / "c");
        counting(ssc, seen);
        ssc.advanceBatch(2);
        ssc.savepoint(directory / "s");
    }
    for (const auto& file : fs::directory_iterator(directory / "s/state")) {
        if (fs::file_size(file) == 0) continue;
        const TemporaryDirectory other;
        fs::copy(directory / "s", other / "s", fs::copy_options::recursive);
        {
            std::fstream copy((other / "s/state/") + file.path().filename().string(),
                              std::ios::binary | std::ios::in | std::ios::out);
            const auto at = std::streamoff(fs::file_size(file) / 2);
            copy.seekg(at);
            const char byte = char(copy.get() ^ 1);
            copy.seekp(at);
            copy.put(byte);
        }
        INFO(file.path());
        CHECK_THROWS_AS(run(other / "d", 1, {.from = other / "s"}), CorruptionError);
        CHECK(run(other / "d", 1, {.from = directory / "s"}) == std::vector<long>{3}); // nothing was left behind
    }
}

} // namespace rivulet::test::savepoints_test
