// From the start of a process to its first new output, and what a checkpoint takes of a disk in the long run.

#include "durable/bare_store.h"
#include "durable/subject.h"
#include "durable/totals.h"
#include "workloads.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace bench {
namespace {

constexpr int kStarts = 5, kBatchesBefore = 50;
constexpr int kDiskBatches = 10'000, kDiskEvery = 100;
constexpr std::size_t kRowBytes = 16;

Row rowOf(const std::string& workload, const char* contestant, const Settings& settings,
          const std::vector<double>& seconds, std::string note = {}) {
    return {.workload = workload,
            .contestant = contestant,
            .threads = settings.threads,
            .medianSeconds = quantile(seconds, 0.5),
            .minSeconds = *std::min_element(seconds.begin(), seconds.end()),
            .maxSeconds = *std::max_element(seconds.begin(), seconds.end()),
            .note = std::move(note)};
}

std::string mebibytes(std::uintmax_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

/// What is gone on from had batches that changed a tenth of the keys each, and ended by a kill for all that is known.
std::vector<Row> takeRecovery(const std::string& workload, std::size_t keys, const Settings& settings) {
    const ScratchDirectory scratch(settings.dataDirectory, "durable-recovery");
    const std::string bare = scratch.path() / "bare", checkpoint = scratch.path() / "checkpoint";
    writeBareTable(bare, keys);
    {
        Totals totals({.threads = settings.threads, .directory = checkpoint, .keys = keys});
        for (int i = 0; i < kBatchesBefore; ++i) totals.runBatch(keys / 10);
    }
    const std::string note = mebibytes(scratch.sizeBytes()) + " on the disk, both";
    std::vector<double> ours, theirs;
    for (int i = 0; i < kStarts; ++i) {
        theirs.push_back(timeSubject({"bare", bare, std::to_string(settings.threads)}));
        ours.push_back(timeSubject({"rivulet", checkpoint, std::to_string(settings.threads)}));
    }
    return {rowOf(workload, "bare-blobs", settings, theirs), rowOf(workload, "rivulet", settings, ours, note)};
}

/// The seconds are those of a batch; what is looked for is in the note.
std::vector<Row> takeDisk(const Settings& settings) {
    constexpr std::size_t kKeys = 1'000'000, kTouched = 100'000;
    const ScratchDirectory scratch(settings.dataDirectory, "durable-disk");
    Totals totals({.threads = settings.threads, .directory = scratch.path() / "checkpoint", .keys = kKeys});
    std::vector<double> seconds;
    std::uintmax_t most = 0, last = 0;
    for (int batch = 1; batch <= kDiskBatches; ++batch) {
        seconds.push_back(totals.runBatch(kTouched));
        if (batch % kDiskEvery != 0) continue;
        last = scratch.sizeBytes();
        most = std::max(most, last);
        std::fprintf(stderr, "\rdurable.disk: batch %d, %s ", batch, mebibytes(last).c_str());
    }
    std::fprintf(stderr, "\n");
    char note[128];
    std::snprintf(note, sizeof note, "at most %.2f times the live states, at the end %.2f; a live state is 16 bytes",
                  double(most) / double(kKeys * kRowBytes), double(last) / double(kKeys * kRowBytes));
    return {rowOf("durable.disk", "rivulet", settings, seconds, note)};
}

} // namespace

void addDurableRecovery(Suite& suite) {
    for (const auto& [name, keys] : {std::pair{"durable.recovery-1M", std::size_t{1'000'000}},
                                     std::pair{"durable.recovery-10M", std::size_t{10'000'000}}})
        suite.add(Measurement{.name = name,
                              .about = "from the start of a process to its first new output",
                              .inDefaultSet = keys <= 1'000'000,
                              .take = [workload = std::string(name), keys](const Settings& settings) {
                                  return takeRecovery(workload, keys, settings);
                              }});
    suite.add(Measurement{.name = "durable.disk",
                          .about = "what a checkpoint takes of the disk over 10,000 batches",
                          .inDefaultSet = false,
                          .take = takeDisk});
}

} // namespace bench
