// What a savepoint costs the batches, and how long it takes to be complete.

#include "durable/bare_store.h"
#include "durable/totals.h"
#include "workloads.h"

#include <algorithm>
#include <string>
#include <vector>

namespace bench {
namespace {

constexpr std::size_t kKeys = 1'000'000, kTouched = 100'000;
constexpr int kWarmUp = 20, kSavepoints = 10, kBatchesBetween = 5;

Row rowOf(const char* contestant, const Settings& settings, const std::vector<double>& seconds, std::string note = {}) {
    return {.workload = "durable.savepoint",
            .contestant = contestant,
            .threads = settings.threads,
            .medianSeconds = quantile(seconds, 0.5),
            .minSeconds = *std::min_element(seconds.begin(), seconds.end()),
            .maxSeconds = *std::max_element(seconds.begin(), seconds.end()),
            .note = std::move(note)};
}

std::vector<Row> take(const Settings& settings) {
    const ScratchDirectory scratch(settings.dataDirectory, "durable-savepoint");
    Totals totals({.threads = settings.threads, .directory = scratch.path() / "checkpoint", .keys = kKeys});
    for (int i = 0; i < kWarmUp; ++i) totals.runBatch(kTouched);
    std::vector<double> whole, next, others;
    for (int i = 0; i < kSavepoints; ++i) {
        whole.push_back(totals.makeSavepoint(scratch.path() / ("savepoint-" + std::to_string(i))));
        next.push_back(totals.runBatch(kTouched));
        for (int batch = 1; batch < kBatchesBetween; ++batch) others.push_back(totals.runBatch(kTouched));
    }
    return {rowOf("rivulet", settings, whole, "until it is complete and synced"), rowOf("next-batch", settings, next),
            rowOf("other-batches", settings, others)};
}

} // namespace

void addDurableSavepoints(Suite& suite) {
    suite.add(Measurement{
        .name = "durable.savepoint", .about = "a savepoint of a million states, and the batch after it", .take = take});
}

} // namespace bench
