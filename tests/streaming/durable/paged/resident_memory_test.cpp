#include "streaming/durable/recovery_harness.h"
#include "support/resident_memory.h"

namespace rivulet::test::resident_memory_test {

// States larger than the memory that they may use.

using namespace std::chrono_literals;

namespace {

constexpr std::size_t kStateBytes = 1000;

/// Adds states batch by batch, and touches earlier ones; returns what the process has in memory after each, in MiB.
std::vector<long> residentMiB(int batches, long statesPerBatch) {
    const TemporaryDirectory directory;
    TestStreamingContext ssc(serialConf("local[2]").set("rivulet.streaming.state.cacheBytes", "4m"), 1s);
    ssc.checkpoint(directory / "c");
    const auto events = ssc.queueStream<long>();
    events.uid("events");
    long seen = 0;
    events.map([](long key) { return std::pair(key, 1L); })
        .mapWithState(StateSpec::function([](const long& key, std::optional<long>, State<std::string>& state) {
                          state.update(std::string(kStateBytes, char('a' + (key + long(state.exists())) % 26)));
                          return 1L;
                      }).backend(StateBackend::rocksdb))
        .uid("texts")
        .foreachRDD([&](const RDD<long>& rdd) { seen += rdd.count(); });
    std::vector<long> resident;
    for (long batch = 0; batch < batches; ++batch) {
        const long from = batch * statesPerBatch;
        events.push(ssc.context()
                        .range(from, from + statesPerBatch, 1, 2)
                        .flatMap([from](long key) {
                            std::vector<long> keys{key};
                            if (key % 8 == 0) keys.push_back(key * 7919 % (from + 1)); // one that was there before
                            return keys;
                        })
                        .erased());
        ssc.advanceBatch();
        resident.push_back(residentKiB() / 1024);
    }
    CHECK(seen == batches * statesPerBatch * 9 / 8);
    return resident;
}

void checkFlat(int batches, long statesPerBatch) {
    const auto resident = residentMiB(batches, statesPerBatch);
    const long states = long(std::size_t(batches) * std::size_t(statesPerBatch) * kStateBytes >> 20);
    const long half = resident[resident.size() / 2], end = resident.back();
    WARN(states << " MiB of states, " << half << " MiB in memory with half of them, " << end << " with all");
    if (!kMemoryIsOurs) return;
    CHECK(end - half < states / 4);
}

} // namespace

TEST_CASE("Memory does not grow with states in RocksDB", "[A37]") { checkFlat(12, 3000); }

TEST_CASE("Memory does not grow with states in RocksDB that are several times as large", "[.long]") {
    checkFlat(24, 12'000);
}

} // namespace rivulet::test::resident_memory_test
