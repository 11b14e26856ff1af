#include "durable/checkpoint_store.h"
#include "streaming/durable/fault_file_system.h"
#include "streaming/sinks/forgetful_files.h"
#include "streaming/sinks/published_batches.h"

namespace rivulet::test::power_cut_test {

using namespace std::chrono_literals;
using Lines = std::map<long, std::vector<std::string>>;

namespace {

constexpr int kBatches = 4;

/// The disk of the checkpoint and that of the files, whose power is cut at once.
struct Machine {
    explicit Machine(const std::string& trash) : files(std::make_shared<ForgetfulFiles>(trash)) {
        FileSystem::registerScheme("machine", files);
        detail::useDisk(checkpoint);
    }
    ~Machine() { detail::useDisk(nullptr); }

    const std::shared_ptr<FaultFileSystem> checkpoint = std::make_shared<FaultFileSystem>();
    const std::shared_ptr<ForgetfulFiles> files;
};

void run(const TemporaryDirectory& directory, int runs) {
    TestStreamingContext ssc(1s);
    ssc.checkpoint(directory / "c");
    // What a function gives differs from run to run.
    const auto input = tableStream<int>(ssc, {{1, 2}, {3}, {4, 5, 6}, {7}}).uid("in").map([runs](int x) {
        return std::to_string(x) + "/" + std::to_string(runs);
    });
    files::saveToDirectory(input, {.directory = "machine://" + directory / "out", .uid = "n"});
    const auto done = ssc.core().get();
    while (done->lastBatchTime() < Time(kBatches * 1s)) ssc.advanceBatch();
}

/// Each batch is there once, from one run.
void check(const TemporaryDirectory& directory) {
    const Lines found = publishedBatches(directory / "out", "n");
    const std::vector<std::vector<int>> expected{{1, 2}, {3}, {4, 5, 6}, {7}};
    CHECK(found.size() == expected.size());
    for (const auto& [batch, lines] : found) {
        std::vector<std::string> numbers;
        for (const std::string& line : lines) {
            CHECK(line.substr(line.find('/')) == lines.front().substr(lines.front().find('/')));
            numbers.push_back(line.substr(0, line.find('/')));
        }
        CHECK(numbers == textsOf(expected.at(std::size_t(batch) - 1)));
    }
}

/// Cuts the power at every `step`-th change of a disk.
void cutEach(bool ofFiles, int step, int subsets) {
    std::mt19937_64 random(20261121);
    int points = 0;
    for (int n = 1;; n += step) {
        bool wasCut = false;
        for (int subset = 0; subset < subsets; ++subset) {
            const TemporaryDirectory directory;
            INFO("cut at change " << n << " of " << (ofFiles ? "the files" : "the checkpoint") << ", subset "
                                  << subset);
            Machine machine(directory / "trash");
            if (ofFiles)
                machine.files->cutAt(n, [&] { machine.checkpoint->cutPower(); });
            else
                machine.checkpoint->failAt(n, FaultFileSystem::Fault::fromThenOn);
            try {
                run(directory, 1);
            } catch (const Error&) {}
            wasCut = machine.files->isCut() || machine.checkpoint->hasFailed();
            if (!wasCut) break;
            machine.checkpoint->cutPower();
            machine.files->cut();
            machine.checkpoint->forget(random);
            machine.files->forget(random);
            machine.checkpoint->failAt(0, FaultFileSystem::Fault::once);
            run(directory, 2);
            check(directory);
        }
        if (!wasCut) break;
        ++points;
    }
    WARN(points << " instants of " << (ofFiles ? "the files" : "the checkpoint"));
    CHECK(points * step > 40);
}

} // namespace

TEST_CASE("Files of batches survive a power cut, each once", "[T7]") { cutEach(GENERATE(true, false), 11, 1); }

TEST_CASE("Files of batches survive a power cut at every instant", "[.long][T7]") {
    cutEach(GENERATE(true, false), 1, 5);
}

namespace {

template <class Output> int syncsPerBatch(const Conf& conf, const Output& output) {
    const TemporaryDirectory directory;
    const auto disk = std::make_shared<FaultFileSystem>();
    detail::useDisk(disk);
    TestStreamingContext ssc(conf, 1s);
    detail::useDisk(disk);
    ssc.checkpoint(directory / "c");
    output(tableStream<int>(ssc, {{1}, {2}, {3}, {4}}).uid("in"), directory);
    ssc.advanceBatch(2);
    disk->resetCount();
    ssc.advanceBatch(10);
    detail::useDisk(nullptr);
    return disk->syncs();
}

} // namespace

TEST_CASE("A batch takes one sync of the checkpoint, and another where an output needs the same batch again") {
    const auto print = [](const DStream<int>& stream, const TemporaryDirectory&) { stream.print(0); };
    const auto saves = [](const DStream<int>& stream, const TemporaryDirectory& directory) {
        files::saveToDirectory(stream, {.directory = directory / "out", .uid = "n"});
    };
    const auto each = [](const DStream<int>& stream, const TemporaryDirectory&) {
        stream.foreachRDD([](const RDD<int>&) {});
    };
    const Conf unsynced = serialConf().set("rivulet.streaming.plan.sync", "false");
    CHECK(syncsPerBatch(serialConf(), print) == 10);
    CHECK(syncsPerBatch(serialConf(), saves) == 10);
    CHECK(syncsPerBatch(serialConf(), each) == 20);
    CHECK(syncsPerBatch(unsynced, each) == 10);
}

TEST_CASE("A batch whose outputs a power cut has interrupted is run again as a replay", "[T7]") {
    std::mt19937_64 random(20261121);
    const bool isSynced = GENERATE(true, false);
    int replays = 0;
    for (int i = 0; i < 4; ++i) {
        const TemporaryDirectory directory;
        const auto disk = std::make_shared<FaultFileSystem>();
        detail::useDisk(disk);
        const auto run = [&](auto use) {
            TestStreamingContext ssc(serialConf().set("rivulet.streaming.plan.sync", isSynced ? "true" : "false"), 1s);
            ssc.checkpoint(directory / "c");
            tableStream<int>(ssc, {{1}, {2}, {3}}).uid("in").foreachRDD(use);
            ssc.advanceBatch(2);
        };
        CHECK_THROWS(run([&](const RDD<int>&, const BatchContext& batch) {
            if (batch.id < 2) return;
            disk->cutPower();
            throw std::runtime_error("died");
        }));
        disk->forget(random);
        bool first = true;
        run([&](const RDD<int>&, const BatchContext& batch) {
            if (!std::exchange(first, false)) return;
            CHECK(batch.id == 2);
            replays += batch.isReplay;
        });
    }
    detail::useDisk(nullptr);
    if (isSynced)
        CHECK(replays == 4);
    else
        CHECK(replays < 4); // so the test can fail
}

} // namespace rivulet::test::power_cut_test
