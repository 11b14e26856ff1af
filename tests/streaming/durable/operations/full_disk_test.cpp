#include "durable/checkpoint_store.h"
#include "streaming/durable/fault_file_system.h"
#include "support/catch.h"
#include "support/temporary_directory.h"

#include <filesystem>

namespace rivulet::test::full_disk_test {

using namespace rivulet::detail;
using Catch::Matchers::ContainsSubstring;

namespace {

constexpr std::uint64_t kBatches = 6;

struct Ran {
    std::uint64_t acknowledged = 0;
    int waits = 0, freed = 0;
    std::string error;
};

/// Commits batches, with a plan before each, on a disk whose space runs out at the n-th change and is there again after
/// so many waits; none where `waits` is 0: the program is to stop.
Ran run(const std::string& directory, const std::shared_ptr<FaultFileSystem>& disk, int n, int waits) {
    Ran ran;
    try {
        CheckpointStore store(directory, "test", disk);
        store.setFullDisk({[&] {
                               if (waits == 0) return false;
                               if (++ran.waits % waits == 0)
                                   disk->failAt(0, FaultFileSystem::Fault::once); // room again
                               return true;
                           },
                           [&] { ++ran.freed; }});
        disk->failAt(n, FaultFileSystem::Fault::fromThenOn, rocksdb::IOStatus::NoSpace("injected"));
        store.beginEpoch({});
        while (store.last().id < kBatches) {
            const std::uint64_t id = store.last().id + 1;
            Changes plan;
            plan.put(Family::plan, "plan", Stored::plan, std::string(100, char('A' + id)));
            store.write(std::move(plan), true);
            Changes changes;
            for (std::uint32_t key = 0; key < 3; ++key)
                changes.put(Family::state, keyOf(key), Stored::state, std::string(2000, char('a' + id)));
            store.commit(std::move(changes), {id, Time(std::chrono::seconds(id)), Time(), std::chrono::seconds(1)});
            CHECK_FALSE(store.failed());
            CHECK(store.last().id == id);
            CHECK(store.read(Family::plan, "plan", Stored::plan) == std::string(100, char('A' + id)));
            ran.acknowledged = id;
        }
    } catch (const Error& error) {
        ran.error = error.what();
    }
    return ran;
}

std::uint64_t batchOf(const std::string& directory) {
    const CheckpointStore store(directory, "test");
    for (std::uint32_t key = 0; key < 3; ++key)
        CHECK(store.read(Family::state, keyOf(key), Stored::state) ==
              (store.last().id == 0 ? std::nullopt : std::optional(std::string(2000, char('a' + store.last().id)))));
    return store.last().id;
}

} // namespace

namespace {

void fillEach(int step) {
    int points = 0, waited = 0;
    for (int n = 1;; n += step) {
        const TemporaryDirectory directory;
        const auto disk = std::make_shared<FaultFileSystem>();
        const Ran ran = run(directory / "c", disk, n, 1 + n % 3);
        INFO("full at change " << n << ", " << ran.waits << " waits: " << ran.error);
        CHECK(ran.error.empty());
        CHECK(ran.acknowledged == kBatches);
        CHECK(batchOf(directory / "c") == kBatches);
        CHECK(ran.freed <= 1);
        if (!disk->hasFailed()) break;
        ++points;
        waited += ran.waits;
    }
    WARN("full at " << points << " changes, " << waited << " waits");
    CHECK(points * step > 20);
}

} // namespace

TEST_CASE("A disk that is full now and then holds the batch up and loses nothing when there is room again", "[T8]") {
    fillEach(4);
}

TEST_CASE("A disk that is full at any write holds the batch up and loses nothing when there is room again",
          "[.long][T8]") {
    fillEach(1);
}

TEST_CASE("A disk that is full for good ends with what was acknowledged", "[T8]") {
    for (int n = 1; n < 30; n += 7) {
        const TemporaryDirectory directory;
        const auto disk = std::make_shared<FaultFileSystem>();
        const Ran ran = run(directory / "c", disk, n, 0);
        if (!disk->hasFailed()) break;
        INFO("full at change " << n);
        CHECK_THAT(ran.error, ContainsSubstring("checkpoint: "));
        const std::uint64_t found = batchOf(directory / "c");
        CHECK(found >= ran.acknowledged);
        CHECK(found <= ran.acknowledged + 1);
    }
}

TEST_CASE("A disk that is full again and again is waited for again and again", "[T8]") {
    const TemporaryDirectory directory;
    const auto disk = std::make_shared<FaultFileSystem>();
    CheckpointStore store(directory / "c", "test", disk);
    int waits = 0;
    store.setFullDisk({[&] {
        ++waits;
        disk->failAt(waits % 2 == 0 ? 0 : 2 + waits % 7, FaultFileSystem::Fault::fromThenOn,
                     rocksdb::IOStatus::NoSpace("injected"));
        return true;
    }});
    store.beginEpoch({});
    for (std::uint64_t id = 1; id <= 4; ++id) {
        disk->failAt(1 + int(id % 4), FaultFileSystem::Fault::fromThenOn, rocksdb::IOStatus::NoSpace("injected"));
        Changes changes;
        changes.put(Family::state, keyOf(0), Stored::state, std::to_string(id));
        store.commit(std::move(changes), {id, Time(std::chrono::seconds(id)), Time(), std::chrono::seconds(1)});
        CHECK(store.read(Family::state, keyOf(0), Stored::state) == std::to_string(id));
    }
    CHECK(waits >= 4);
}

TEST_CASE("Other failures than a full disk are not waited for") {
    const TemporaryDirectory directory;
    const auto disk = std::make_shared<FaultFileSystem>();
    CheckpointStore store(directory / "c", "test", disk);
    store.setFullDisk({[&]() -> bool { throw std::logic_error("waited"); }});
    store.beginEpoch({});
    disk->failAt(1, FaultFileSystem::Fault::once);
    CHECK_THROWS_AS(store.commit({}, {1, Time(std::chrono::seconds(1)), Time(), std::chrono::seconds(1)}), IoError);
    CHECK(store.failed());
}

} // namespace rivulet::test::full_disk_test
