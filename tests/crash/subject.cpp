// crash_subject DIRECTORY SCENARIO RECORDS: a program that is killed again and again, and goes on. It processes the
// numbers from 0 to RECORDS in batches of a random size, with a state of the scenario, and writes a file for each batch
// into DIRECTORY/out: the range of its numbers, and what the state came to. A batch whose file is there already must
// have the same content: it was run again.
//
// Ends with 0 when all is processed, with 70 where a batch was not the same when it was run again, with 74 where
// something else failed.

#include <rivulet/streaming.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <unistd.h>

using namespace rivulet;
using namespace std::chrono_literals;

namespace {

long keyOf(long number) { return long(std::uint64_t(number) * 2654435761U % 97); }

/// A source that has more and more, and never gives a batch of the same size twice, unless it is told where to end.
class Numbers final : public InputDStream<std::pair<long, long>> {
  public:
    explicit Numbers(long records) : records_(records) {}
    std::optional<RDD<Element>> compute(const Context& sc, Time, Time) override {
        return upTo(sc, std::min(records_, next + long(random_() % 60)));
    }
    std::string position() const override { return std::to_string(next); }
    void restore(std::string_view position) override { begin = next = std::stol(std::string(position)); }
    std::optional<RDD<Element>> computeAgain(const Context& sc, Time, Time, std::string_view end) override {
        return upTo(sc, std::stol(std::string(end)));
    }
    bool isDone() const { return next == records_; }

    long begin = 0, next = 0; // of the batch that runs

  private:
    RDD<Element> upTo(const Context& sc, long end) {
        begin = std::exchange(next, end);
        return sc.range(begin, end, 1, 2).map([](long number) { return std::pair(keyOf(number), number % 7); });
    }

    const long records_;
    std::random_device random_;
};

void writeOnce(const std::string& directory, Time time, const std::string& content) {
    const std::string path = directory + "/out/" + std::to_string(time.time_since_epoch().count());
    if (std::ifstream known(path, std::ios::binary); known) {
        const std::string before(std::istreambuf_iterator<char>(known), {});
        if (before == content) return;
        std::cerr << "batch " << path << " was\n" << before << "and is\n" << content;
        std::_Exit(70);
    }
    const std::string temporary = directory + "/out.tmp";
    std::ofstream(temporary, std::ios::binary) << content;
    std::filesystem::rename(temporary, path);
}

DStream<std::string> texts(const DStream<std::pair<long, long>>& numbers, const std::string& scenario) {
    const auto text = [](const std::pair<long, long>& row) {
        return std::to_string(row.first) + " " + std::to_string(row.second);
    };
    if (scenario == "stateless") return numbers.reduceByKey(std::plus<>(), 2).map(text).erased();
    if (scenario == "update")
        return numbers
            .updateStateByKey(
                [](std::span<const long> arrived, std::optional<long> sum) -> std::optional<long> {
                    for (const long x : arrived) {
                        if (x == 6 && sum.value_or(0) > 100) return std::nullopt; // begins anew
                        sum = sum.value_or(0) + x;
                    }
                    return sum;
                },
                3)
            .uid("sums")
            .map(text)
            .erased();
    if (scenario == "map")
        return numbers
            .mapWithState(StateSpec::function([](const long& key, std::optional<long> x, State<long>& state) {
                              if (state.isTimingOut()) return std::to_string(key) + " ended";
                              state.update(state.getOption().value_or(0) + *x);
                              return std::to_string(key) + " " + std::to_string(state.get());
                          })
                              .timeout(30ms)
                              .numPartitions(3))
            .uid("sums")
            .erased();
    if (scenario == "window")
        return numbers.reduceByKeyAndWindow(std::plus<>(), 40ms, 10ms, 3).uid("sums").map(text).erased();
    throw UsageError("there is no scenario '" + scenario + "'");
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 4) return 64;
    const std::string directory = argv[1], scenario = argv[2];
    try {
        std::filesystem::create_directories(directory + "/out");
        StreamingContext ssc(Conf("local[2]", "crash")
                                 .set("rivulet.executor", "threads")
                                 .set("rivulet.streaming.stopGracefullyOnShutdown", true),
                             scenario == "window" ? 10ms : 2ms);
        ssc.checkpoint(directory + "/checkpoint");
        const auto source = std::make_shared<Numbers>(std::atol(argv[3]));
        const auto out = texts(ssc.inputStream(source).uid("numbers"), scenario);
        auto* core = ssc.core().get();
        bool done = false;
        out.foreachRDD([=, &done](const RDD<std::string>& rdd, Time time) {
            auto lines = rdd.collect();
            std::sort(lines.begin(), lines.end());
            std::string content = std::to_string(source->begin) + " " + std::to_string(source->next) + " " +
                                  std::to_string((time - core->zeroTime()).count()) + "\n";
            for (const auto& line : lines) content += line + "\n";
            writeOnce(directory, time, content);
            if (source->isDone() && std::exchange(done, true)) core->stop(false, false);
        });
        ssc.start();
        ssc.awaitTermination();
        return 0;
    } catch (const std::exception& error) {
        std::cerr << error.what() << "\n";
        return 74;
    }
}
