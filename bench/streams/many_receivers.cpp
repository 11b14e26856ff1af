// What a receiver costs: the same traffic over one socket and over eight, in processor time for a million lines.

#include "streams/line_feeder.h"
#include "workloads.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <deque>
#include <rivulet/rivulet.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace bench {
namespace {

using namespace std::chrono_literals;

constexpr int kLinesPerSecond = 400'000; // of all sockets together
constexpr double kMostSeconds = 3;       // of one run
constexpr int kRuns = 5;
constexpr auto kArrival = 5s; // for the last lines, once the feeders have ended

double processSeconds() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// Processor seconds of everything but the feeders, for a million lines.
double runOnce(int receivers, const Settings& settings) {
    rivulet::Context context("local[" + std::to_string(settings.threads) + "]", "many-receivers");
    rivulet::StreamingContext ssc(context, 100ms);
    std::deque<LineFeeder> feeders;
    std::vector<rivulet::DStream<long>> sizes;
    for (int i = 0; i < receivers; ++i) {
        feeders.emplace_back(kLinesPerSecond / receivers);
        sizes.push_back(
            rivulet::socketTextStream(ssc, "127.0.0.1", feeders.back().port()).map([](std::string_view line) {
                return static_cast<long>(line.size());
            }));
    }
    std::atomic<std::uint64_t> seen = 0;
    ssc.unionAll(sizes).foreachRDD([&](const auto& rdd) { seen += static_cast<std::uint64_t>(rdd.count()); });

    const double before = processSeconds();
    ssc.start();
    std::this_thread::sleep_for(std::chrono::duration<double>(std::min(kMostSeconds, settings.streamSeconds)));
    std::uint64_t sent = 0;
    double feeding = 0;
    for (LineFeeder& feeder : feeders) {
        feeder.stop();
        sent += feeder.linesSent();
        feeding += feeder.cpuSeconds();
    }
    const auto deadline = std::chrono::steady_clock::now() + kArrival;
    while (seen < sent && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(10ms);
    ssc.stop();
    ssc.awaitTermination(); // throws what made a batch fail
    if (seen != sent)
        throw std::runtime_error("manyReceivers: " + std::to_string(sent) + " lines were sent and " +
                                 std::to_string(seen) + " seen");
    return (processSeconds() - before - feeding) / (1e-6 * static_cast<double>(sent));
}

std::vector<Row> manyReceivers(const Settings& settings) {
    std::vector<double> one, eight;
    for (int i = 0; i < kRuns; ++i) { // in turns, so that a slow moment of the machine hits both
        one.push_back(runOnce(1, settings));
        eight.push_back(runOnce(8, settings));
    }
    const auto row = [&](const char* name, const std::vector<double>& seconds) {
        return Row{.workload = "manyReceivers",
                   .contestant = name,
                   .threads = settings.threads,
                   .medianSeconds = quantile(seconds, 0.5),
                   .minSeconds = *std::min_element(seconds.begin(), seconds.end()),
                   .note = "processor seconds for a million lines"};
    };
    return {row("one", one), row("eight", eight)};
}

} // namespace

void addManyReceivers(Suite& suite) {
    suite.add(Measurement{.name = "manyReceivers",
                          .about = "processor time of 400,000 lines/s over one socket, and over eight",
                          .take = manyReceivers});
}

} // namespace bench
