#include "durable/checkpoint_store.h"
#include "durable/pages/page_access.h"
#include "streaming/durable/fault_file_system.h"
#include "support/catch.h"
#include "support/temporary_directory.h"

#include <thread>

namespace rivulet::test::full_disk_pages_test {

// Tasks that stage pages while the disk becomes full.

using namespace rivulet::detail;
using Catch::Matchers::ContainsSubstring;

namespace {

constexpr std::uint32_t kOperator = 7, kTasks = 2, kPages = 12;
constexpr std::uint64_t kBatches = 3;

std::string keyOfPage(std::uint64_t batch, std::uint32_t task, std::uint32_t page) {
    return keyOf(kOperator, task, 2 * batch + 1, page);
}
std::string page(std::uint64_t batch, std::uint32_t task, std::uint32_t page) {
    return std::string(2500 + page, char('a' + (batch * 7 + task * 3 + page) % 26));
}

void stage(PageAccess& pages, std::uint64_t batch) {
    std::vector<std::jthread> tasks;
    for (std::uint32_t task = 0; task < kTasks; ++task)
        tasks.emplace_back([&pages, batch, task] {
            for (std::uint32_t i = 0; i < kPages; ++i) pages.put(keyOfPage(batch, task, i), page(batch, task, i));
        });
}

/// How many pages of a batch are there, all of which must be what was staged.
std::uint32_t found(const PageAccess& pages, std::uint64_t batch, const PageAccess::Moment& moment = nullptr) {
    std::uint32_t count = 0;
    for (std::uint32_t task = 0; task < kTasks; ++task)
        for (std::uint32_t i = 0; i < kPages; ++i)
            count += pages.read(keyOfPage(batch, task, i), moment,
                                [&](std::string_view bytes) { CHECK(bytes == page(batch, task, i)); });
    return count;
}

BatchRecord batch(std::uint64_t id) { return {id, Time(std::chrono::seconds(id)), Time(), std::chrono::seconds(1)}; }

void fillAt(int n) {
    const TemporaryDirectory directory;
    const auto disk = std::make_shared<FaultFileSystem>();
    int waits = 0;
    {
        CheckpointStore store(directory / "c", "test", disk);
        store.setFullDisk({[&] {
            if (++waits % 2 == 0) disk->failAt(0, FaultFileSystem::Fault::once); // room again
            return true;
        }});
        store.beginEpoch({});
        const auto pages = store.pages();
        for (std::uint64_t id = 1; id <= kBatches; ++id) {
            const auto before = pages->now();
            if (id == 2) disk->failAt(n, FaultFileSystem::Fault::fromThenOn, rocksdb::IOStatus::NoSpace("injected"));
            stage(*pages, id);
            CHECK(found(*pages, id) == kTasks * kPages);
            if (id > 1) CHECK(found(*pages, id - 1, before) == kTasks * kPages);
            store.commit({}, batch(id));
            CHECK_FALSE(store.failed());
        }
    }
    INFO("full at change " << n << ", " << waits << " waits");
    CHECK(waits > 0);
    const CheckpointStore store(directory / "c", "test");
    CHECK(store.last().id == kBatches);
    for (std::uint64_t id = 1; id <= kBatches; ++id) CHECK(found(*store.pages(), id) == kTasks * kPages);
}

} // namespace

TEST_CASE("Tasks that stage pages wait while the disk is full, and nothing of what they have staged is lost") {
    for (int n = 1; n < 24; n += 5) fillAt(n);
}

TEST_CASE("Tasks that stage pages may find the disk full at any write", "[.long]") {
    for (int n = 1; n < 26; ++n) fillAt(n);
}

TEST_CASE("A stop while pages wait for room ends with the last batch") {
    const TemporaryDirectory directory;
    const auto disk = std::make_shared<FaultFileSystem>();
    {
        CheckpointStore store(directory / "c", "test", disk);
        store.setFullDisk({[] { return false; }});
        store.beginEpoch({});
        const auto pages = store.pages();
        stage(*pages, 1);
        store.commit({}, batch(1));
        disk->failAt(3, FaultFileSystem::Fault::fromThenOn, rocksdb::IOStatus::NoSpace("injected"));
        pages->put(keyOfPage(2, 0, 0), page(2, 0, 0));
        CHECK_THROWS_WITH(
            [&] {
                for (std::uint32_t i = 1; i < kPages; ++i) pages->put(keyOfPage(2, 0, i), page(2, 0, i));
            }(),
            ContainsSubstring("checkpoint: a write to '") && ContainsSubstring("No space left"));
        CHECK(store.failed());
        CHECK_THROWS_AS(store.commit({}, batch(2)), IoError);
    }
    const CheckpointStore store(directory / "c", "test");
    CHECK(store.last().id == 1);
    CHECK(found(*store.pages(), 1) == kTasks * kPages);
}

TEST_CASE("What was superseded since a full disk cannot be read as of an earlier moment") {
    const TemporaryDirectory directory;
    const auto disk = std::make_shared<FaultFileSystem>();
    CheckpointStore store(directory / "c", "test", disk);
    store.setFullDisk({[&] {
        disk->failAt(0, FaultFileSystem::Fault::once);
        return true;
    }});
    store.beginEpoch({});
    const auto pages = store.pages();
    pages->put("a", "1");
    pages->put("b", "2");
    const auto before = pages->now();
    pages->erase("a");
    const auto ignore = [](std::string_view) {};
    CHECK(pages->read("a", before, ignore));
    disk->failAt(1, FaultFileSystem::Fault::fromThenOn, rocksdb::IOStatus::NoSpace("injected"));
    pages->put("c", "3");
    CHECK(pages->read("b", before, ignore));
    CHECK_THROWS_WITH(pages->read("a", before, ignore),
                      ContainsSubstring("cannot be read any more: the disk was full since then"));
    CHECK_FALSE(pages->read("a", nullptr, ignore));
}

} // namespace rivulet::test::full_disk_pages_test
