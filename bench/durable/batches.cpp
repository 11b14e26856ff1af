// What a checkpoint directory adds to a batch, beside a file that is synced and the batch without the directory.

#include "durable/bare_store.h"
#include "durable/totals.h"
#include "workloads.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <numeric>
#include <optional>
#include <rivulet/rivulet.h>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace bench {
namespace {

using namespace std::chrono_literals;

constexpr int kEmptyBatches = 500;
constexpr std::size_t kKeys = 1'000'000, kTouched = 100'000, kRowBytes = 16;
constexpr int kRounds = 3, kBatchesPerRound = 60, kWarmUp = 20;
constexpr std::size_t kCommitBytes = 400; // of a commit without changes of states
constexpr int kPacedWarmUp = 50, kPacedBatches = 1'000;

Row rowOf(const char* workload, const char* contestant, const Settings& settings, const std::vector<double>& seconds,
          std::string note = {}) {
    return {.workload = workload,
            .contestant = contestant,
            .threads = settings.threads,
            .medianSeconds = quantile(seconds, 0.5),
            .minSeconds = *std::min_element(seconds.begin(), seconds.end()),
            .p99Seconds = quantile(seconds, 0.99),
            .maxSeconds = *std::max_element(seconds.begin(), seconds.end()),
            .note = std::move(note)};
}

std::string milliseconds(double seconds) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2f ms", 1e3 * seconds);
    return text;
}

/// A batch and a bare sync in turn, so that both meet the same disk.
std::vector<Row> takeEmpty(const Settings& settings) {
    const ScratchDirectory scratch(settings.dataDirectory, "durable-empty");
    Totals totals({.threads = settings.threads, .directory = scratch.path() / "checkpoint"});
    SyncedFile file(scratch.path() / "bare");
    const std::string bytes(kCommitBytes, 'x');
    std::vector<double> durable, bare;
    for (int batch = -kWarmUp; batch < kEmptyBatches; ++batch) {
        const double seconds = totals.runBatch(0), sync = file.timeAppend(bytes);
        if (batch < 0) continue;
        durable.push_back(seconds);
        bare.push_back(sync);
    }
    return {rowOf("durable.empty", "bare-sync", settings, bare),
            rowOf("durable.empty", "rivulet", settings, durable,
                  milliseconds(quantile(durable, 0.5) - quantile(bare, 0.5)) + " more than a sync")};
}

std::vector<double> timeBatches(Totals& totals) {
    std::vector<double> seconds;
    for (int batch = -kWarmUp; batch < kBatchesPerRound; ++batch) {
        const double taken = totals.runBatch(kTouched);
        if (batch >= 0) seconds.push_back(taken);
    }
    return seconds;
}

/// One context may be active in a process, so they take turns by rounds.
std::vector<Row> takeState(const Settings& settings) {
    std::vector<double> memory, durable, raw;
    const auto append = [](std::vector<double>& to, const std::vector<double>& more) {
        to.insert(to.end(), more.begin(), more.end());
    };
    for (int round = 0; round < kRounds; ++round) {
        const ScratchDirectory scratch(settings.dataDirectory, "durable-state");
        {
            Totals totals({.threads = settings.threads, .keys = kKeys});
            append(memory, timeBatches(totals));
        }
        {
            Totals totals({.threads = settings.threads, .directory = scratch.path() / "checkpoint", .keys = kKeys});
            append(durable, timeBatches(totals));
        }
        SyncedFile file(scratch.path() / "bare");
        const std::string delta(kTouched * kRowBytes, 'x');
        for (int i = 0; i < kBatchesPerRound; ++i) raw.push_back(file.timeAppend(delta));
    }
    const double least = 2 * quantile(memory, 0.5) + quantile(raw, 0.5);
    return {rowOf("durable.state", "rivulet-memory", settings, memory),
            rowOf("durable.state", "raw-write", settings, raw),
            rowOf("durable.state", "rivulet", settings, durable,
                  "twice the batch in memory and the write of its changes: " + milliseconds(least))};
}

/// Notes how long each batch took, and says when there are enough.
class CommittedBatches final : public rivulet::StreamingListener {
  public:
    void onBatchCompleted(const rivulet::BatchInfo& batch) override {
        if (++batches_ <= kPacedWarmUp || batches_ > kPacedWarmUp + kPacedBatches) return;
        seconds_.push_back(std::chrono::duration<double>(batch.totalDelay()).count());
        if (batches_ == kPacedWarmUp + kPacedBatches) enough_.set_value();
    }
    const std::vector<double>& await() {
        enough_.get_future().wait();
        return seconds_;
    }

  private:
    int batches_ = 0;
    std::vector<double> seconds_; // complete once `enough_` is set
    std::promise<void> enough_;
};

std::vector<Row> takePaced(const Settings& settings) {
    const ScratchDirectory scratch(settings.dataDirectory, "durable-10ms");
    std::vector<double> bare;
    const std::string bytes(kCommitBytes, 'x');
    const auto sync = [&] {
        SyncedFile file(scratch.path() / "bare");
        for (int i = 0; i < 100; ++i) bare.push_back(file.timeAppend(bytes));
    };
    sync();
    const rivulet::StreamingContext ssc(
        rivulet::Context("local[" + std::to_string(settings.threads) + "]", "durable-10ms"), 10ms);
    ssc.checkpoint(scratch.path() / "checkpoint");
    const auto events = ssc.queueStream<long>();
    events.uid("events");
    events.map([](long i) { return std::pair(i % 10, 1L); })
        .updateStateByKey([](std::span<const long> arrived, std::optional<long> total) {
            return std::optional(std::accumulate(arrived.begin(), arrived.end(), total.value_or(0)));
        })
        .uid("totals")
        .foreachRDD([](const auto& rdd) { rdd.collect(); });
    const auto times = std::make_shared<CommittedBatches>();
    ssc.addStreamingListener(times);
    for (int i = 0; i < kPacedWarmUp + kPacedBatches; ++i)
        events.push(rivulet::RDD<long>(ssc.context().range(0, 100, 1, settings.threads)));
    ssc.start();
    const auto seconds = times->await();
    const long missed = ssc.metrics().missedTicks;
    ssc.stop();
    sync();
    return {rowOf("durable.10ms", "bare-sync", settings, bare),
            rowOf("durable.10ms", "rivulet", settings, seconds,
                  std::to_string(missed) + " of " + std::to_string(kPacedWarmUp + kPacedBatches) + " ticks merged")};
}

} // namespace

void addDurableBatches(Suite& suite) {
    suite.add(Measurement{.name = "durable.empty", .about = "an empty batch and its commit", .take = takeEmpty});
    suite.add(Measurement{.name = "durable.state",
                          .about = "a batch that changes 100,000 of 1 M states, and its commit",
                          .take = takeState});
    suite.add(Measurement{.name = "durable.10ms",
                          .about = "age of a batch of 100 records when it is committed, a batch every 10 ms",
                          .take = takePaced});
}

} // namespace bench
