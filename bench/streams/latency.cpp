// How old a record is when the program has it in hand: lines come over TCP at a steady rate, each with the time at
// which it was due; a batch of 10 ms, or of 1 ms, takes them through a shuffle. And how long after its time a batch is
// done.

#include "streams/idle_timer.h"
#include "streams/line_feeder.h"
#include "workloads.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <rivulet/rivulet.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace bench {
namespace {

using namespace std::chrono_literals;

struct Load {
    const char* name;
    const char* about;
    std::chrono::milliseconds batch;
    int linesPerSecond;
};
constexpr Load kLoads[] = {
    {"latency10ms", "age of 100,000 lines/s after a shuffle, in batches of 10 ms", 10ms, 100'000},
    {"latency10ms-500K", "the same of 500,000 lines/s", 10ms, 500'000},
    {"latency1ms", "the same of 100,000 lines/s in batches of 1 ms, and when these are done", 1ms, 100'000},
};
constexpr auto kWarmUp = 1s;  // connecting, and the first use of everything
constexpr auto kArrival = 5s; // for the last lines, once the feeder has ended
constexpr int kRuns = 3;
constexpr double kQuietSeconds = 1e-3;

std::int64_t nowNanoseconds() { return std::chrono::steady_clock::now().time_since_epoch() / 1ns; }

/// "<nanoseconds> <word> ..." to (word, nanoseconds).
constexpr auto firstWordAndStamp = [](std::string_view line) {
    const std::size_t word = line.find(' ') + 1;
    return std::pair(line.substr(word, line.find(' ', word) - word), stampOf(line));
};

struct Run {
    std::vector<double> delays;      // of lines, in seconds; not those of the warm-up
    std::vector<double> totalDelays; // of batches
    long mergedTicks = 0;
    double timerLateness = 0; // in seconds, 99 % of the idle timer's
};

/// Notes how long after its time each batch is done.
class TotalDelays final : public rivulet::StreamingListener {
  public:
    explicit TotalDelays(std::int64_t from) : from_(from) {}
    void onBatchCompleted(const rivulet::BatchInfo& batch) override {
        if (nowNanoseconds() >= from_) seconds_.push_back(std::chrono::duration<double>(batch.totalDelay()).count());
    }
    std::vector<double>& seconds() { return seconds_; } // once the context is stopped

  private:
    const std::int64_t from_;
    std::vector<double> seconds_;
};

Run runOnce(const Load& load, const Settings& settings) {
    rivulet::Context context("local[" + std::to_string(settings.threads) + "]", "latency");
    rivulet::StreamingContext ssc(context, load.batch);
    LineFeeder feeder(load.linesPerSecond);
    Run run;
    run.delays.reserve(static_cast<std::size_t>(settings.streamSeconds * load.linesPerSecond));
    std::atomic<std::uint64_t> seen = 0;
    const std::int64_t measuredFrom = nowNanoseconds() + kWarmUp / 1ns;
    const auto totalDelays = std::make_shared<TotalDelays>(measuredFrom);
    ssc.addStreamingListener(totalDelays);
    rivulet::socketTextStream(ssc, "127.0.0.1", feeder.port())
        .map(firstWordAndStamp)
        .groupByKey()
        .foreachRDD([&](const auto& rdd) {
            const auto words = rdd.collect();
            const std::int64_t now = nowNanoseconds();
            for (const auto& [word, stamps] : words) {
                for (const std::int64_t stamp : stamps)
                    if (stamp >= measuredFrom) run.delays.push_back(1e-9 * static_cast<double>(now - stamp));
                seen += stamps.size();
            }
        });

    IdleTimer timer;
    ssc.start();
    std::this_thread::sleep_for(kWarmUp + std::chrono::duration<double>(settings.streamSeconds));
    run.timerLateness = timer.stopAndGetP99();
    feeder.stop();
    const auto deadline = std::chrono::steady_clock::now() + kArrival;
    while (seen < feeder.linesSent() && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(10ms);
    ssc.stop();
    ssc.awaitTermination(); // throws what made a batch fail
    if (seen != feeder.linesSent())
        throw std::runtime_error(std::string(load.name) + ": " + std::to_string(feeder.linesSent()) +
                                 " lines were sent and " + std::to_string(seen) + " seen");
    run.totalDelays = std::move(totalDelays->seconds());
    run.mergedTicks = ssc.metrics().missedTicks;
    return run;
}

Row rowOf(const Load& load, const char* contestant, const std::vector<double>& delays, const Settings& settings) {
    return {.workload = load.name,
            .contestant = contestant,
            .threads = settings.threads,
            .medianSeconds = quantile(delays, 0.5),
            .minSeconds = *std::min_element(delays.begin(), delays.end()),
            .p99Seconds = quantile(delays, 0.99),
            .maxSeconds = *std::max_element(delays.begin(), delays.end())};
}

std::string milliseconds(double seconds) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2f ms", 1e3 * seconds);
    return text;
}

/// The first run beside which the machine itself was on time, or the quietest of them.
std::vector<Row> latency(const Load& load, const Settings& settings) {
    Run best;
    std::string repeated;
    for (int i = 1; i <= kRuns; ++i) {
        Run run = runOnce(load, settings);
        std::fprintf(stderr, "%s run %d: 99 %% of an idle timer's wake-ups were at most %s late\n", load.name, i,
                     milliseconds(run.timerLateness).c_str());
        if (best.delays.empty() || run.timerLateness < best.timerLateness) best = std::move(run);
        if (best.timerLateness < kQuietSeconds) break;
        repeated += (repeated.empty() ? "" : ", ") + milliseconds(run.timerLateness);
    }
    Row row = rowOf(load, "rivulet", best.delays, settings);
    if (!repeated.empty()) row.note = "idle timer late by " + repeated;
    if (best.timerLateness < kQuietSeconds && !repeated.empty()) row.note += "; then repeated, and on time";
    Row batches = rowOf(load, "rivulet-batches", best.totalDelays, settings);
    if (best.mergedTicks > 0) batches.note = std::to_string(best.mergedTicks) + " ticks merged";
    return {row, batches};
}

} // namespace

void addLatency(Suite& suite) {
    for (const Load& load : kLoads)
        suite.add(Measurement{.name = load.name, .about = load.about, .take = [&load](const Settings& settings) {
                                  return latency(load, settings);
                              }});
}

} // namespace bench
