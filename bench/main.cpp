// Runs the benchmarks: rivulet_bench [NAME...], where a name selects all workloads that begin with it.

#include "durable/subject.h"
#include "runner/runner.h"
#include "workloads.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <thread>
#include <vector>

int main(int argc, char** argv) {
    if (const auto done = bench::runSubject(argc, argv)) return *done;
    bench::Settings settings;
    std::vector<std::string> names;
    std::string out = "build/bench/results.json";
    std::string data = settings.dataDirectory.string();
    bool list = false;

    CLI::App app("Compares Rivulet with hand-written loops that do the same work. A ratio of 1.0 is the limit.");
    app.add_option("names", names,
                   "Workloads, by prefix: B2 runs all of B2 (default: all but those that say 'only by name')");
    app.add_flag("--list", list, "List the workloads");
    app.add_option("--repetitions", settings.repetitions,
                   "Measured repetitions, after one warm-up; ten times as many where they are short")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    app.add_option("--threads", settings.threads, "Threads of every contestant; capped by the processors")
        ->check(CLI::Range(1, 1024))
        ->capture_default_str();
    app.add_option("--out", out, "Where the results go as JSON")->capture_default_str();
    app.add_option("--data", data, "Where generated texts are kept")->capture_default_str();
    app.add_option("--size", settings.textSizeBytes, "Bytes of text for B1, for smaller trials (default: 1 GiB)");
    app.add_option("--seconds", settings.streamSeconds,
                   "Length of each latency run; 60 for a figure that is to be quoted")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    settings.dataDirectory = data;
    settings.threads = std::min(settings.threads, static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));

    try {
        bench::Suite suite;
        bench::addHandChain(suite);
        bench::addRivuletChain(suite);
        bench::addHandWordCount(suite);
        bench::addRivuletWordCount(suite);
        bench::addKeyedState(suite);
        bench::addEmptyBatch(suite);
        bench::addLatency(suite);
        bench::addKeyedWindows(suite);
        bench::addSocketLines(suite);
        bench::addManyReceivers(suite);
        bench::addDurableBatches(suite);
        bench::addDurableRecovery(suite);
        bench::addDurableSavepoints(suite);
        bench::addLargeState(suite);
        bench::addReceivedBlocks(suite);
#ifdef RIVULET_WITH_KAFKA
        bench::addKafkaConsume(suite);
#endif
        if (list) {
            suite.list();
            return 0;
        }
        const auto rows = suite.run(names, settings);
        bench::printTable(rows);
        bench::writeJson(rows, out);
        std::fprintf(stderr, "written to %s\n", out.c_str());
    } catch (const std::exception& error) {
        std::fprintf(stderr, "rivulet_bench: %s\n", error.what());
        return 1;
    }
}
