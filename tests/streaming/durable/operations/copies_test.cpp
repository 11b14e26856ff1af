#include "durable/copies/copy_maker.h"
#include "durable/files.h"
#include "durable/inspection/inspection.h"
#include "streaming/durable/fault_file_system.h"
#include "streaming/durable/recovery_harness.h"

#include <filesystem>

namespace rivulet::test::copies_test {

using namespace rivulet::detail;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

std::optional<long> addAll(std::span<const long> arrived, std::optional<long> total) {
    return std::accumulate(arrived.begin(), arrived.end(), total.value_or(0));
}

std::vector<long> run(const std::string& directory, int batches, const CheckpointOptions& options) {
    TestStreamingContext ssc(1s);
    std::vector<long> seen;
    ssc.checkpoint(directory, options);
    tableStream(ssc, Batches<std::string>(100, {"a"}))
        .uid("in")
        .map(withOne)
        .updateStateByKey(addAll, 2)
        .uid("totals")
        .foreachRDD([&](const RDD<std::pair<std::string, long>>& rdd) { seen.push_back(rdd.collect().at(0).second); });
    ssc.advanceBatch(batches);
    return seen;
}

std::vector<std::string> namesOf(const std::string& folder) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
}

} // namespace

TEST_CASE("A lost disk costs what came after the last copy") {
    const TemporaryDirectory directory;
    const CheckpointOptions options{.from = directory / "other", .copyTo = directory / "other", .copyEvery = 3};
    CHECK_THROWS_AS(run(directory / "c", 1, options), RecoveryError); // there is none to begin with
    fs::remove_all(directory / "c");
    const CheckpointOptions first{.copyTo = directory / "other", .copyEvery = 3};
    CHECK(run(directory / "c", 8, first) == std::vector<long>{1, 2, 3, 4, 5, 6, 7, 8});
    // How many were made depends on how fast; the first batch has one, and two are kept at most.
    CHECK(!namesOf(directory / "other").empty());
    CHECK(namesOf(directory / "other").size() <= 2);
    for (const auto& name : namesOf(directory / "other"))
        CHECK(Inspection((directory / "other/") + name, CheckpointStore::Use::inspect).verify().findings.empty());
    fs::remove_all(directory / "c");
    const auto after = run(directory / "c", 2, options);
    CHECK(after[0] >= 2);
    CHECK(after[0] <= 9); // the copy may be that after the last batch
    CHECK(after[1] == after[0] + 1);
    const std::string newest = namesOf(directory / "other").back();
    CHECK(newest.starts_with("epoch-000002-")); // that of the process that was started from the copy
    fs::remove_all(directory / "c");
    CHECK(run(directory / "c", 1, options)[0] >= after[0] + 1);
}

TEST_CASE("Copies are kept up to a number, and asked for in positive ones") {
    TestStreamingContext ssc(1s);
    CHECK(errorText<UsageError>([&] { ssc.checkpoint("c", {.copyTo = "d", .copyEvery = 0}); }) ==
          "checkpoint: a copy every 0 batches, of which 2 are kept, was asked for; both must be positive");
    CHECK(errorText<UsageError>([&] { ssc.checkpoint("c", {.copyTo = "d", .copies = 0}); }) ==
          "checkpoint: a copy every 100 batches, of which 0 are kept, was asked for; both must be positive");
}

TEST_CASE("A copy whose disk fails is not there, and the batches go on") {
    const TemporaryDirectory directory;
    directory.write("other", "a file where the folder is to be");
    CHECK(run(directory / "c", 4, {.copyTo = directory / "other", .copyEvery = 1}) == std::vector<long>{1, 2, 3, 4});
    CHECK(fs::is_regular_file(directory / "other"));
}

namespace {

constexpr std::uint64_t kBatches = 4;

/// Commits batches, and makes a copy after each as a series; returns how many copies succeeded.
int copyAll(const std::string& directory, const std::string& folder, const std::shared_ptr<FaultFileSystem>& disk,
            const std::shared_ptr<FaultFileSystem>& copyDisk) {
    CheckpointStore store(directory, "test", disk);
    store.beginEpoch({});
    const auto env = rocksdb::NewCompositeEnv(copyDisk);
    std::atomic<int> made = 0;
    {
        CopyMaker maker(*env);
        for (std::uint64_t id = 1; id <= kBatches; ++id) {
            Changes changes;
            changes.put(Family::state, keyOf(1, 0), Stored::state, std::string(3000, char('a' + id)));
            store.commit(std::move(changes), {id, Time(std::chrono::seconds(id)), Time(), 1s});
            fs::create_directories(directory + "/linked");
            CopyMaker::Task task;
            task.source = {directory + "/linked/" + std::to_string(id), *readFile(*env, directory + "/IDENT"),
                           store.reached(), store.last().time};
            store.link(task.source.database);
            task.path = folder + "/" + savedCopyName(store.reached());
            task.folder = folder;
            task.retained = 2;
            task.follows = true;
            task.done = [&](const std::exception_ptr& failure) { made += !failure; };
            maker.add(std::move(task));
        }
    }
    if (made == int(kBatches)) CHECK(namesOf(directory + "/linked").empty());
    return made;
}

} // namespace

namespace {

void interruptEach(int step) {
    int points = 0;
    for (int n = 1;; n += step) {
        const TemporaryDirectory directory;
        const auto copyDisk = std::make_shared<FaultFileSystem>();
        const bool once = n % 2 == 0;
        copyDisk->failAt(n, once ? FaultFileSystem::Fault::once : FaultFileSystem::Fault::fromThenOn,
                         IOStatus::NoSpace("injected"));
        const int made = copyAll(directory / "c", directory / "other", std::make_shared<FaultFileSystem>(), copyDisk);
        if (!copyDisk->hasFailed()) {
            CHECK(made == int(kBatches));
            break;
        }
        ++points;
        INFO("change " << n << " failed, " << made << " copies were made");
        int whole = 0;
        if (fs::exists(directory / "other"))
            for (const auto& name : namesOf(directory / "other")) {
                const std::string path = (directory / "other/") + name;
                if (!fs::exists(path + "/contents") || name.ends_with(".partial")) continue;
                ++whole;
                CHECK(
                    verifySavedCopy(*rocksdb::Env::Default(), path, *readSavedContents(*rocksdb::Env::Default(), path))
                        .empty());
            }
        if (made > 0) CHECK(whole > 0);
        if (whole == 0) continue;
        CheckpointStore restored(directory / "d", "test", CheckpointStore::Settings{.from = directory / "other"});
        const std::uint64_t id = restored.last().id;
        CHECK(restored.read(Family::state, keyOf(1, 0), Stored::state) == std::string(3000, char('a' + id)));
    }
    CHECK(points * step > 60);
}

} // namespace

TEST_CASE("Of copies that are interrupted now and then the newest whole one serves", "[T9]") { interruptEach(17); }

TEST_CASE("Of copies that are interrupted at any write the newest whole one serves", "[.long][T9]") {
    interruptEach(1);
}

TEST_CASE("A copy that is complete survives a power cut", "[T7]") {
    std::mt19937_64 random(20261121);
    for (int n = 4; n < 60; n += 11) {
        const TemporaryDirectory directory;
        const auto copyDisk = std::make_shared<FaultFileSystem>();
        copyDisk->failAt(n, FaultFileSystem::Fault::fromThenOn);
        const int made = copyAll(directory / "c", directory / "other", std::make_shared<FaultFileSystem>(), copyDisk);
        copyDisk->cutPower();
        copyDisk->forget(random);
        INFO("cut at change " << n << ", " << made << " copies were made");
        if (made == 0) continue;
        const CheckpointStore restored(directory / "d", "test", CheckpointStore::Settings{.from = directory / "other"});
        CHECK(restored.last().id >= std::uint64_t(made));
    }
}

} // namespace rivulet::test::copies_test
