// crash_subject DIRECTORY SCENARIO RECORDS [OUTPUT]: a program that is killed again and again, and goes on. It
// processes the numbers from 0 to RECORDS in batches of a random size, with a state of the scenario, and writes a file
// for each batch into DIRECTORY/out: the range of its numbers, and what the state came to. A batch whose file is there
// already must have the same content: it was run again.
//
// Other outputs: `dedup`, files by the number of the batch, of which one that is there is left, and must be a replay;
// `files`, the file sink; `postgres`, a table of the database that RIVULET_CRASH_DATABASE says. Where a sink has the
// lines, the range is one of them, after a '#'.
//
// In the scenarios acked-... the numbers come from crash_client, over a port that the first process chooses and writes
// into DIRECTORY/port.
//
// DIRECTORY/running is there from its first batch on. RECORDS may be `+N`: so many more than the batches before have
// had. What comes of it is written into DIRECTORY/end.
//
// With RIVULET_CRASH_CHANGE=N in its environment it kills itself before the N-th change of its disks.
//
// Ends with 0 when all is processed, with 70 where a batch was not the same when it was run again, with 74 where
// something else failed.

#include "crash/killing_disk.h"
#include "durable/checkpoint_store.h"

#include <rivulet/receivers.h>
#if __has_include(<rivulet/postgres.h>)
#include <rivulet/postgres.h>
#endif

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <numeric>
#include <random>
#include <unistd.h>

using namespace rivulet;
using namespace std::chrono_literals;

namespace {

long keyOf(long number) { return long(std::uint64_t(number) * 2654435761U % 97); }

/// A source that has more and more, and never gives a batch of the same size twice, unless it is told where to end.
class Numbers final : public InputDStream<std::pair<long, long>> {
  public:
    /// `more`: so many after those that it has had. With the first batch it makes an empty file.
    Numbers(long records, bool more, std::string running)
        : records_(records),
          more_(more),
          running_(std::move(running)) {}
    std::optional<RDD<Element>> compute(const Context& sc, Time, Time) override {
        return upTo(sc, std::min(records_, next + long(random_() % 60)));
    }
    std::string position() const override { return std::to_string(next); }
    void restore(std::string_view position) override {
        begin = next = std::stol(std::string(position));
        if (std::exchange(more_, false)) records_ += next;
    }
    std::optional<RDD<Element>> computeAgain(const Context& sc, Time, Time, std::string_view end) override {
        return upTo(sc, std::stol(std::string(end)));
    }

    bool isDone() const { return next == records_; }

    long begin = 0, next = 0; // of the batch that runs

  private:
    RDD<Element> upTo(const Context& sc, long end) {
        if (!running_.empty()) std::ofstream(std::exchange(running_, {}));
        begin = std::exchange(next, end);
        return sc.range(begin, end, 1, 2).map([](long number) { return std::pair(keyOf(number), number % 7); });
    }

    long records_;
    bool more_;
    std::string running_;
    std::random_device random_;
};

void writeOnce(const std::string& directory, const std::string& name, bool mayBeThere, const std::string& content) {
    const std::string path = directory + "/out/" + name;
    if (std::ifstream known(path, std::ios::binary); known) {
        if (!mayBeThere) {
            std::cerr << "batch " << path << " is there, and is said not to be a replay\n";
            std::_Exit(70);
        }
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
    if (scenario == "inverse")
        return numbers.reduceByKeyAndWindow(std::plus<>(), std::minus<>(), 40ms, 10ms, 3)
            .uid("sums")
            .map(text)
            .erased();
    if (scenario == "join") {
        const auto sums = numbers.updateStateByKey(
            [](std::span<const long> arrived, std::optional<long> sum) {
                return std::optional(std::accumulate(arrived.begin(), arrived.end(), sum.value_or(0)));
            },
            3);
        return numbers.reduceByKey(std::plus<>(), 3)
            .join(sums.uid("sums"))
            .map([](const std::pair<long, std::pair<long, long>>& row) {
                return std::to_string(row.first) + " " + std::to_string(row.second.first) + " " +
                       std::to_string(row.second.second);
            })
            .erased();
    }
    throw UsageError("there is no scenario '" + scenario + "'");
}

/// Numbers that a client sends, who counts them by itself; `source` is told where a batch begins and ends.
DStream<std::pair<long, long>> received(const StreamingContext& ssc, const std::string& directory,
                                        const std::shared_ptr<Numbers>& source) {
    int port = 0;
    std::ifstream(directory + "/port") >> port;
    const auto lines = ackedServerStream(ssc, port);
    if (port == 0) {
        std::ofstream(directory + "/port.tmp") << lines.port() << "\n";
        std::filesystem::rename(directory + "/port.tmp", directory + "/port");
    }
    const auto numbers =
        lines.uid("lines").map([](std::string_view line) { return std::atol(std::string(line).c_str()); }).erased();
    numbers.map([](long) { return std::pair(0, 1L); })
        .updateStateByKey(
            [](std::span<const long> arrived, std::optional<long> count) {
                return std::optional(count.value_or(0) + long(arrived.size()));
            },
            1)
        .uid("count")
        .values()
        .foreachRDD([range = source](const RDD<long>& rdd) { range->next = rdd.fold(0L, std::plus<>()); });
    numbers.foreachRDD([range = source](const RDD<long>& rdd) {
        const auto arrived = rdd.collect();
        range->begin = range->next - long(arrived.size());
        for (std::size_t i = 0; i < arrived.size(); ++i)
            if (arrived[i] != range->begin + long(i)) {
                std::cerr << "record " << range->begin + long(i) << " is " << arrived[i] << "\n";
                std::_Exit(70);
            }
    });
    return numbers.map([](long number) { return std::pair(keyOf(number), number % 7); }).erased();
}

Conf confOf(bool acked) {
    Conf conf("local[2]", "crash");
    conf.set("rivulet.executor", "threads").set("rivulet.streaming.stopGracefullyOnShutdown", true);
    // As slow as the source of its own, so that kills come in the midst of it.
    if (acked) conf.set("rivulet.streaming.receiver.maxRate", 20'000);
    return conf.set("rivulet.streaming.backpressure.enabled", false);
}

/// What belongs to a batch and when it was, for the oracle.
std::string rangeOf(const Numbers& source, const detail::StreamCore& core, Time time) {
    return std::to_string(source.begin) + " " + std::to_string(source.next) + " " +
           std::to_string((time - core.zeroTime()).count());
}

/// Asks for the stop with the batch after the last record.
class EndAfterLast {
  public:
    EndAfterLast(std::shared_ptr<const Numbers> source, detail::StreamCore* core)
        : source_(std::move(source)),
          core_(core) {}
    void operator()() const {
        if (source_->isDone() && std::exchange(*done_, true)) core_->stop(false, false);
    }

  private:
    const std::shared_ptr<const Numbers> source_;
    detail::StreamCore* const core_;
    const std::shared_ptr<bool> done_ = std::make_shared<bool>(false);
};

void writeEach(const DStream<std::string>& lines, const std::string& directory, bool byId,
               const std::shared_ptr<const Numbers>& source, detail::StreamCore* core) {
    lines.foreachRDD([=, end = EndAfterLast(source, core)](const RDD<std::string>& rdd, const BatchContext& batch) {
        auto sorted = rdd.collect();
        std::sort(sorted.begin(), sorted.end());
        std::string content = rangeOf(*source, *core, batch.time) + "\n";
        for (const auto& line : sorted) content += line + "\n";
        writeOnce(directory, byId ? std::to_string(batch.id) : std::to_string(batch.time.time_since_epoch().count()),
                  batch.isReplay, content);
        end();
    });
}

/// The lines and the range, for sinks.
DStream<std::string> withRange(const DStream<std::string>& lines, const std::shared_ptr<const Numbers>& source,
                               detail::StreamCore* core) {
    return lines.transform([=, end = EndAfterLast(source, core)](const RDD<std::string>& rdd, Time time) {
        end();
        const std::vector<std::string> range{"#" + rangeOf(*source, *core, time)};
        return rdd.unionWith(core->context().parallelize(range, 1));
    });
}

/// Where the disks are to kill the process; null elsewhere.
const std::shared_ptr<crash::Death>& death() {
    static const char* const change = std::getenv("RIVULET_CRASH_CHANGE");
    static const auto death = change ? std::make_shared<crash::Death>(std::atol(change)) : nullptr;
    return death;
}
const char* filesScheme() { return death() ? "killing://" : ""; }
void useKillingDisks() {
    if (!death()) return;
    detail::useDisk(std::make_shared<crash::KillingDisk>(death()));
    FileSystem::registerScheme("killing",
                               std::make_shared<crash::KillingFiles>(detail::makeLocalFileSystem(), death()));
}

void writeOut(const std::string& output, const DStream<std::string>& lines, const std::string& directory,
              const std::shared_ptr<const Numbers>& source, detail::StreamCore* core) {
    if (output == "each" || output == "dedup") return writeEach(lines, directory, output == "dedup", source, core);
    if (output == "files")
        return files::saveToDirectory(withRange(lines, source, core),
                                      {.directory = filesScheme() + directory + "/out", .uid = "out"});
#if __has_include(<rivulet/postgres.h>)
    if (output == "postgres")
        return postgres::saveToTable(
            withRange(lines, source, core).transform([core](const RDD<std::string>& rdd, Time time) {
                return rdd.map([since = (time - core->zeroTime()).count()](const std::string& line) {
                    return std::pair(std::int64_t(since), line);
                });
            }),
            {.connection = std::getenv("RIVULET_CRASH_DATABASE"), .table = "crash_lines", .uid = "out"});
#endif
    throw UsageError("there is no output '" + output + "'");
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 4) return 64;
    const std::string directory = argv[1], output = argc > 4 ? argv[4] : "each";
    std::string scenario = argv[2];
    const bool acked = scenario.starts_with("acked-");
    if (acked) scenario.erase(0, 6);
    try {
        std::filesystem::create_directories(directory + "/out");
        useKillingDisks();
        StreamingContext ssc(confOf(acked), scenario == "window" || scenario == "inverse" ? 10ms : 2ms);
        ssc.checkpoint(directory + "/checkpoint");
        const auto source = std::make_shared<Numbers>(std::atol(argv[3]), argv[3][0] == '+', directory + "/running");
        const auto numbers = acked ? received(ssc, directory, source)
                                   : DStream<std::pair<long, long>>(ssc.inputStream(source).uid("numbers"));
        writeOut(output, texts(numbers, scenario), directory, source, ssc.core().get());
        ssc.start();
        ssc.awaitTermination();
        std::ofstream(directory + "/end") << source->next;
        return 0;
    } catch (const std::exception& error) {
        std::cerr << error.what() << "\n";
        return 74;
    }
}
