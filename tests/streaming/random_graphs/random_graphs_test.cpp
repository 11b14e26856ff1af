#include "graph.h"

#include "support/catch.h"
#include "support/resident_memory.h"
#include "support/temporary_directory.h"

#include "rivulet/testing.h"

#include <algorithm>
#include <set>

namespace graphs::random_graphs_test {

using namespace rivulet;

namespace {

RowStream streamOf(const Step& step, const std::vector<RowStream>& streams) {
    const RowStream& first = streams[std::size_t(step.first)];
    if (step.second >= 0) return *binaryStep(step, first, streams[std::size_t(step.second)]);
    for (const auto& make : {narrowStep, shuffledStep, windowStep, stateStep})
        if (auto made = make(step, first)) return *made;
    throw std::logic_error(std::string("no stream for ") + nameOf(step.kind));
}

Conf confOf(const char* master) {
    Conf conf(master, "test");
    if (std::string_view(master) == "local") conf.set("rivulet.executor", "serial");
    return conf.set("rivulet.log.level", "ERROR");
}

/// A plan as a program of the library's.
class Program {
  public:
    /// `directory` is that of its checkpoint, where its states then are too; without a name there is none.
    Program(const Plan& plan, const char* master, const std::string& directory = "")
        : ssc_(confOf(master).set("rivulet.streaming.state.backend", directory.empty() ? "memory" : "rocksdb"),
               kBatch) {
        if (!directory.empty()) ssc_.checkpoint(directory);
        std::vector<RowStream> streams;
        for (const Step& step : plan.steps) {
            if (step.kind == Kind::source) {
                sources_.push_back(ssc_.queueStream<Row>());
                streams.push_back(sources_.back());
            } else {
                streams.push_back(streamOf(step, streams));
            }
            if (!directory.empty()) streams.back() = streams.back().uid("step " + std::to_string(streams.size()));
        }
        seen_.resize(streams.size());
        for (std::size_t i = 0; i < streams.size(); ++i)
            streams[i].foreachRDD([this, i](const RDD<Row>& rdd) {
                seen_[i] = rdd.collect();
                std::sort(seen_[i]->begin(), seen_[i]->end());
            });
    }
    /// Runs a batch on this input (one batch for each source), in `slices` partitions, and returns what each step gave.
    const std::vector<std::optional<Batch>>& run(const std::vector<Batch>& input, int slices) {
        for (std::size_t i = 0; i < sources_.size(); ++i) sources_[i].push(input[i], slices);
        for (auto& batch : seen_) batch.reset();
        ssc_.advanceBatch();
        return seen_;
    }
    std::int64_t heldBytes() const { return ssc_.context().memory().totalBytes(); }

  private:
    TestStreamingContext ssc_;
    std::vector<QueueStream<Row>> sources_;
    std::vector<std::optional<Batch>> seen_;
};

constexpr int kBatches = 14;

/// The first step and batch in which the library and the reference differ, as text; empty where they agree.
std::string differenceOf(unsigned seed, const char* master, bool plantedBug = false,
                         const std::string& directory = "") {
    const Plan plan = randomPlan(seed);
    const auto input = randomInput(seed, plan, kBatches);
    const auto expected = evaluate(plan, input, kBatches, plantedBug);
    Program program(plan, master, directory);
    for (int n = 1; n <= kBatches; ++n) {
        std::vector<Batch> batch;
        for (const Stream& source : input) batch.push_back(*source[std::size_t(n)]);
        const auto& seen = program.run(batch, 1 + int(seed % 3));
        for (std::size_t i = 0; i < plan.steps.size(); ++i)
            if (seen[i] != expected[i][std::size_t(n)])
                return "seed " + std::to_string(seed) + ", step " + std::to_string(i) + ", batch " + std::to_string(n) +
                       ": " + Catch::Detail::stringify(seen[i].value_or(Batch{{-1, -1}})) + " and not " +
                       Catch::Detail::stringify(expected[i][std::size_t(n)].value_or(Batch{{-1, -1}})) + "\n" +
                       textOf(plan);
    }
    return "";
}

} // namespace

TEST_CASE("500 random graphs of streams give what a naive reference gives", "[T21]") {
    for (unsigned seed = 1; seed <= 500; ++seed) CHECK(differenceOf(seed, seed % 4 == 0 ? "local[3]" : "local") == "");
}

namespace {

void compareWithRocksDb(unsigned from, unsigned to) {
    for (unsigned seed = from; seed <= to; ++seed) {
        const test::TemporaryDirectory directory;
        CHECK(differenceOf(seed, seed % 4 == 0 ? "local[3]" : "local", false, directory / "checkpoint") == "");
    }
}

} // namespace

TEST_CASE("20 random graphs give the same with their states in RocksDB", "[T21]") { compareWithRocksDb(1, 20); }
TEST_CASE("100 random graphs give the same with their states in RocksDB", "[.long][T21]") {
    compareWithRocksDb(1, 100);
}

TEST_CASE("every operation is in a hundred random graphs") {
    std::set<Kind> kinds;
    for (unsigned seed = 1; seed <= 100; ++seed)
        for (const Step& step : randomPlan(seed).steps) kinds.insert(step.kind);
    for (int kind = 0; kind < kKinds; ++kind) {
        INFO(nameOf(Kind(kind)));
        CHECK(kinds.contains(Kind(kind)));
    }
}

TEST_CASE("a bug that is planted in the reference's windows is found") {
    int found = 0;
    for (unsigned seed = 1; seed <= 100; ++seed) found += !differenceOf(seed, "local", true).empty();
    CHECK(found > 30);
}

TEST_CASE("20000 batches of a graph with windows and states leave memory flat", "[.long][T30]") {
    Plan plan;
    plan.steps = {{Kind::source},
                  {Kind::reduceByKeyAndWindow, 0, -1, 3, 1},
                  {Kind::window, 0, -1, 4, 2},
                  {Kind::updateStateByKey, 0},
                  {Kind::expiringState, 0},
                  {Kind::join, 1, 3},
                  {Kind::groupByKeyAndWindow, 5, -1, 2, 2}};
    Program program(plan, "local");
    auto runTo = [&, n = 0](int last) mutable {
        for (; n < last; ++n) { // keys come and go
            Batch batch;
            for (int i = 0; i < 4; ++i) batch.emplace_back(n / 10 % 1000 * 4 + i, n % 7 == 0 ? 7L : 0L);
            program.run({batch}, 2);
        }
    };
    runTo(5'000);
    const auto held = program.heldBytes();
    const long resident = test::residentKiB();
    runTo(20'000);
    CHECK(program.heldBytes() < held * 3 / 2);
    if (test::kMemoryIsOurs) CHECK(test::residentKiB() < resident + 8 * 1024);
}

} // namespace graphs::random_graphs_test
