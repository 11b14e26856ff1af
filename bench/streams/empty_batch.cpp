// What the engine itself costs per batch: streams of which nothing, or next to nothing, arrives. Nothing that waits is
// in the figures: most rows move the clock by hand and begin a batch when the one before it is done; the paced row lets
// the clock run, so that threads and caches are as cold as they are in a program that has little to do.

#include "workloads.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <numeric>
#include <optional>
#include <rivulet/rivulet.h>
#include <rivulet/testing.h>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {
namespace {

using namespace std::chrono_literals;

constexpr auto kBatch = 10ms;
constexpr int kWarmUpBatches = 1'000;
constexpr int kBatches = 10'000;
constexpr int kPacedWarmUpBatches = 50;
constexpr int kPacedBatches = 500;

/// What arrives for a batch. Nothing at all is an RDD without partitions, which needs no tasks in front of a shuffle.
struct Arriving {
    int partitions;
    std::vector<std::string> records;
};
const Arriving kNothing{0, {}};
const Arriving kEmptyPartitions{2, {}};
const Arriving kTenRecords{2, std::vector<std::string>(10, "river")};

void push(const rivulet::QueueStream<std::string>& lines, const Arriving& arriving) {
    if (arriving.partitions > 0) lines.push(arriving.records, arriving.partitions);
}

Row rowOf(const char* contestant, const Settings& settings, const std::vector<double>& seconds) {
    return {.workload = "empty-batch",
            .contestant = contestant,
            .threads = settings.threads,
            .medianSeconds = quantile(seconds, 0.5),
            .minSeconds = *std::min_element(seconds.begin(), seconds.end()),
            .p99Seconds = quantile(seconds, 0.99),
            .maxSeconds = *std::max_element(seconds.begin(), seconds.end())};
}

std::string master(const Settings& settings) { return "local[" + std::to_string(settings.threads) + "]"; }

/// One batch after the other. `declare` makes a program of one input whose output has one row per word.
template <class Declare>
Row measure(const char* contestant, const Settings& settings, const Arriving& arriving, const Declare& declare) {
    rivulet::TestStreamingContext ssc(kBatch, master(settings));
    const auto lines = ssc.queueStream<std::string>();
    std::size_t rows = 0;
    declare(lines, [&rows](const auto& rdd) { rows += rdd.collect().size(); });

    std::vector<double> seconds;
    for (int batch = -kWarmUpBatches; batch < kBatches; ++batch) {
        push(lines, arriving);
        const auto begin = std::chrono::steady_clock::now();
        ssc.advanceBatch();
        const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
        if (batch >= 0) seconds.push_back(taken.count());
    }
    const std::size_t expected = arriving.records.empty() ? 0 : kWarmUpBatches + kBatches;
    if (rows != expected)
        throw std::runtime_error("empty-batch: " + std::string(contestant) + " gives " + std::to_string(rows) +
                                 " rows, expected " + std::to_string(expected));
    return rowOf(contestant, settings, seconds);
}

/// Notes how long each batch took, and says when there are enough. A batch that fails ends it.
class BatchTimes final : public rivulet::StreamingListener {
  public:
    void onBatchCompleted(const rivulet::BatchInfo& batch) override {
        if (batch.failure && batches_ < kPacedWarmUpBatches + kPacedBatches)
            return enough_.set_exception(batch.failure); // it was the last batch
        if (++batches_ <= kPacedWarmUpBatches || batches_ > kPacedWarmUpBatches + kPacedBatches) return;
        seconds_.push_back(std::chrono::duration<double>(batch.processingDelay).count());
        if (batches_ == kPacedWarmUpBatches + kPacedBatches) enough_.set_value();
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

/// The same as the system's clock goes.
template <class Declare>
Row measurePaced(const char* contestant, const Settings& settings, const Arriving& arriving, const Declare& declare) {
    const rivulet::StreamingContext ssc(rivulet::Context(master(settings), "empty-batch"), kBatch);
    const auto lines = ssc.queueStream<std::string>();
    declare(lines, [](const auto& rdd) { rdd.collect(); });
    const auto times = std::make_shared<BatchTimes>();
    ssc.addStreamingListener(times);
    for (int i = 0; i < kPacedWarmUpBatches + kPacedBatches; ++i) push(lines, arriving);
    ssc.start();
    Row row = rowOf(contestant, settings, times->await());
    ssc.stop();
    return row;
}

auto longWords(const rivulet::QueueStream<std::string>& lines) {
    return lines.flatMap(rivulet::words).map(rivulet::withOne).filter([](const auto& wordAndOne) {
        return wordAndOne.first.size() > 3;
    });
}

constexpr auto countWords = [](const auto& lines, const auto& output) {
    longWords(lines).reduceByKey(std::plus<>()).foreachRDD(output);
};

constexpr auto countForever = [](const auto& lines, const auto& output) {
    longWords(lines)
        .window(100ms)
        .updateStateByKey([](std::span<const long> arrived, std::optional<long> total) {
            return std::optional(std::accumulate(arrived.begin(), arrived.end(), total.value_or(0)));
        })
        .foreachRDD(output);
};

} // namespace

void addEmptyBatch(Suite& suite) {
    suite.add(Measurement{.name = "empty-batch",
                          .about = "engine time of a batch of five operators, and of a window and state",
                          .take = [](const Settings& settings) {
                              return std::vector{
                                  measure("rivulet", settings, kNothing, countWords),
                                  measure("rivulet-partitions", settings, kEmptyPartitions, countWords),
                                  measure("rivulet-10-records", settings, kTenRecords, countWords),
                                  measure("rivulet-window-state", settings, kEmptyPartitions, countForever),
                                  measurePaced("rivulet-paced", settings, kEmptyPartitions, countWords)};
                          }});
}

} // namespace bench
