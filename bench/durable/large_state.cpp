// States larger than the memory that they may use: what a batch of random keys costs, and what the process has in
// memory.

#include "durable/bare_store.h"
#include "streams/keyed_state.h"
#include "workloads.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <optional>
#include <rivulet/rivulet.h>
#include <rivulet/testing.h>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace bench {
namespace {

using namespace std::chrono_literals;
using rivulet::State;
using rivulet::StateSpec;

constexpr std::size_t kTouched = 1'000'000;
constexpr int kBatches = 20;

using Record = std::array<std::uint64_t, 12>; // with its key 104 bytes

std::size_t residentMebibytes() {
    std::ifstream statm("/proc/self/statm");
    std::size_t pages = 0;
    statm >> pages >> pages;
    return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) >> 20;
}

std::uint64_t addTo(const std::uint64_t&, std::optional<std::uint64_t> arrived, State<Record>& state) {
    Record record = state.exists() ? state.get() : Record{};
    ++record[0];
    record[1 + *arrived % 11] += *arrived;
    state.update(record);
    return record[0];
}

std::vector<Row> takeLarge(const char* workload, std::size_t keys, const Settings& settings) {
    const ScratchDirectory scratch(settings.dataDirectory, "durable-large");
    rivulet::TestStreamingContext ssc(1s, "local[" + std::to_string(settings.threads) + "]");
    ssc.checkpoint(scratch.path() / "checkpoint");
    const auto events = ssc.queueStream<std::pair<std::uint64_t, std::uint64_t>>();
    events.uid("events");
    std::uint64_t sum = 0;
    events.mapWithState(StateSpec::function<Record>(&addTo).backend(rivulet::StateBackend::rocksdb))
        .uid("records")
        .foreachRDD([&sum](const auto& rdd) { sum = rdd.fold(std::uint64_t{0}, std::plus<>()); });

    std::size_t resident = 0;
    const auto run = [&](std::size_t begin, bool loads) {
        events.push(ssc.context()
                        .range(long(begin), long(begin + kTouched), 1, settings.threads)
                        .map([keys, loads](long i) {
                            const auto event = std::uint64_t(i);
                            return std::pair(loads ? event : stateKey(event, keys), event);
                        })
                        .erased());
        const auto from = std::chrono::steady_clock::now();
        ssc.advanceBatch();
        const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - from;
        resident = std::max(resident, residentMebibytes());
        std::fprintf(stderr, "\r%s: %s %zu M, %.2f s, %zu MiB in memory ", workload, loads ? "loads" : "runs",
                     begin / 1'000'000, taken.count(), residentMebibytes());
        return taken.count();
    };
    for (std::size_t begin = 0; begin < keys; begin += kTouched) run(begin, true);
    std::vector<double> seconds;
    for (int i = 0; i < kBatches; ++i) seconds.push_back(run(std::size_t(i) * kTouched, false));
    std::fprintf(stderr, "\n");
    char note[160];
    std::snprintf(note, sizeof note, "%.2f M keys/s; at most %zu MiB in memory, %zu MiB of states, %zu MiB on the disk",
                  1e-6 * double(kTouched) / quantile(seconds, 0.5), resident,
                  keys * (sizeof(Record) + sizeof(std::uint64_t)) >> 20, std::size_t(scratch.sizeBytes() >> 20));
    return {{.workload = workload,
             .contestant = "rivulet-rocksdb",
             .threads = settings.threads,
             .medianSeconds = quantile(seconds, 0.5),
             .minSeconds = *std::min_element(seconds.begin(), seconds.end()),
             .maxSeconds = *std::max_element(seconds.begin(), seconds.end()),
             .note = note}};
}

} // namespace

void addLargeState(Suite& suite) {
    for (const auto& [name, keys] : {std::pair{"large-state.200MiB", std::size_t{2'000'000}},
                                     std::pair{"large-state.2GiB", std::size_t{21'000'000}}})
        suite.add(
            Measurement{.name = name,
                        .about = "mapWithState of 1 M random keys in RocksDB",
                        .inDefaultSet = false,
                        .take = [name, keys](const Settings& settings) { return takeLarge(name, keys, settings); }});
}

} // namespace bench
