#include "durable/checkpoint_store.h"
#include "streaming/durable/fault_file_system.h"
#include "support/stream_harness.h"
#include "support/temporary_directory.h"

#include <filesystem>

namespace rivulet::test::endurance_test {

// What a checkpoint directory takes does not grow with the number of batches.

using namespace std::chrono_literals;

namespace {

struct Size {
    std::uintmax_t bytes = 0;
    int files = 0;
};
Size sizeOf(const std::string& directory) {
    Size size;
    for (const auto& file : std::filesystem::recursive_directory_iterator(directory)) {
        std::error_code gone;
        const auto bytes = file.is_regular_file(gone) ? file.file_size(gone) : 0;
        if (gone) continue; // RocksDB has just deleted it
        size.bytes += bytes;
        ++size.files;
    }
    return size;
}

/// A state, a window and a sink through so many batches.
void run(int batches) {
    const TemporaryDirectory directory;
    detail::useDisk(std::make_shared<FaultFileSystem>()); // which does not sync
    {
        TestStreamingContext ssc(1s);
        ssc.checkpoint(directory / "c");
        const auto pairs =
            ssc.rateStream(200, [](long number) { return std::pair(number * 31 % 5000, number); }).uid("in");
        pairs
            .updateStateByKey(
                [](std::span<const long> arrived, std::optional<long> sum) {
                    return std::optional(sum.value_or(0) + long(arrived.size()));
                },
                2, UpdatedKeys::touched)
            .uid("sums")
            .foreachRDD([](const auto&) {});
        pairs.reduceByKeyAndWindow(std::plus<>(), 10s, 1s, 2).uid("window").foreachRDD([](const auto&) {});
        Size most;
        for (int done = 0; done < batches;) {
            ssc.advanceBatch(batches / 20);
            done += batches / 20;
            const Size size = sizeOf(directory / "c");
            most = {std::max(most.bytes, size.bytes), std::max(most.files, size.files)};
        }
        WARN(batches << " batches: at most " << most.bytes << " bytes in " << most.files << " files");
        CHECK(most.files < 100);
        CHECK(most.bytes < (40u << 20)); // logs of RocksDB and tables that wait to be merged; all rows are 80 KB
    }
    detail::useDisk(nullptr);
}

} // namespace

TEST_CASE("10000 batches leave a checkpoint directory of bounded size", "[.long][T30]") { run(10'000); }

} // namespace rivulet::test::endurance_test
