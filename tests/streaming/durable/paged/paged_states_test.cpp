#include "streaming/durable/recovery_harness.h"

namespace rivulet::test::paged_states_test {

// States in RocksDB: what is said of those in memory holds of them too.

using namespace std::chrono_literals;

namespace {

using Text = std::string;
using Pair = std::pair<Text, long>;

std::optional<long> addAll(std::span<const long> arrived, std::optional<long> total) {
    return std::accumulate(arrived.begin(), arrived.end(), total.value_or(0));
}

struct Opaque { // nothing says how to write it
    long value = 0;
};

} // namespace

TEST_CASE("States in RocksDB need a checkpoint directory, and types that can be written", "[A37]") {
    TestStreamingContext ssc(1s);
    const auto pairs = tableStream<Pair>(ssc, {{{"a", 1}}}).uid("in");
    CHECK(errorText<UsageError>([&] {
              pairs.updateStateByKey<Opaque>([](std::span<const long>, std::optional<Opaque> state) { return state; },
                                             {}, UpdatedKeys::all, StateBackend::rocksdb);
          }) ==
          "updateStateByKey: its states are to lie in RocksDB (StateBackend::rocksdb), and the type of its keys or "
          "states cannot be written; give it a default constructor and a member `template <class Archive> void "
          "serialize(Archive& archive) { archive(each, of, its, members); }`, or keep the states in memory");
    collectBatches(pairs.updateStateByKey(addAll, {}, UpdatedKeys::all, StateBackend::rocksdb));
    const Text text = errorText<UsageError>([&] { ssc.advanceBatch(); });
    CHECK_THAT(text, Catch::Matchers::StartsWith("start: the states of updateStateByKey at paged_states_test.cpp:"));
    CHECK_THAT(text, Catch::Matchers::EndsWith(
                         "are to lie in RocksDB (StateBackend::rocksdb), and there is no checkpoint directory to hold "
                         "them; call checkpoint(\"directory\") before start(), or keep them in memory"));
}

TEST_CASE("A batch that fails leaves states in RocksDB as they were", "[A43]") {
    const TemporaryDirectory directory;
    TestStreamingContext ssc(serialConf().set("rivulet.streaming.failedBatches", "skip"), 1s);
    ssc.checkpoint(directory / "c");
    const auto initial = ssc.context().parallelize(std::vector<Pair>{{"z", 5}, {"a", 10}}, 2);
    const auto totals = tableStream<Pair>(ssc, {{{"a", 1}}, {{"a", 2}, {"b", 1}}, {{"a", 4}, {"b", 2}}})
                            .uid("in")
                            .updateStateByKey(addAll, {}, initial, UpdatedKeys::touched, StateBackend::rocksdb)
                            .uid("totals");
    const auto view = totals.stateView();
    std::vector<std::vector<Pair>> seen;
    totals.foreachRDD([&](const RDD<Pair>& rdd, Time time) {
        seen.push_back(sorted(rdd.collect()));
        CHECK(view.lookup("a") != seen.back()[0].second); // the last completed batch's
        if (time != Time(3s)) throw std::runtime_error("not this one");
    });
    CHECK(view.lookup("a") == std::nullopt);
    ssc.advanceBatch(3);
    CHECK(seen == std::vector<std::vector<Pair>>{
                      {{"a", 11}, {"z", 5}}, {{"a", 12}, {"b", 1}, {"z", 5}}, {{"a", 14}, {"b", 2}, {"z", 5}}});
    CHECK(view.lookup("a") == 14);
    CHECK(view.lookup("nobody") == std::nullopt);
    CHECK(view.size() == 3);
}

TEST_CASE("A batch that fails is tried again on states in RocksDB", "[A43]") {
    const TemporaryDirectory directory;
    TestStreamingContext ssc(serialConf().set("rivulet.streaming.failedBatches", "retry"), 1s);
    ssc.checkpoint(directory / "c");
    int left = 2;
    const auto totals = tableStream<Pair>(ssc, {{{"a", 1}}, {{"a", 2}}})
                            .uid("in")
                            .updateStateByKey(addAll, {}, UpdatedKeys::all, StateBackend::rocksdb)
                            .uid("totals");
    std::vector<long> seen;
    totals.foreachRDD([&](const RDD<Pair>& rdd) {
        seen.push_back(rdd.collect().at(0).second);
        if (left-- > 0) throw std::runtime_error("not yet");
    });
    ssc.advanceBatch(2);
    CHECK(seen == std::vector<long>{1, 1, 1, 3});
}

TEST_CASE("An RDD of states in RocksDB stays as it was, until the streaming ends") {
    const TemporaryDirectory directory;
    std::vector<RDD<Pair>> held;
    std::optional<StateView<Text, long>> view;
    {
        TestStreamingContext ssc(1s);
        ssc.checkpoint(directory / "c");
        ssc.remember(1h);
        const auto totals = tableStream<Pair>(ssc, {{{"a", 1}, {"b", 1}}, {{"a", 2}}, {{"a", 4}}})
                                .uid("in")
                                .updateStateByKey(addAll, {}, UpdatedKeys::touched, StateBackend::rocksdb)
                                .uid("totals");
        view = totals.stateView();
        totals.foreachRDD([&](const RDD<Pair>& rdd) { held.push_back(rdd); });
        ssc.advanceBatch(20);
        CHECK(sorted(held[0].collect()) == std::vector<Pair>{{"a", 1}, {"b", 1}});
        CHECK(sorted(held[1].collect()) == std::vector<Pair>{{"a", 3}, {"b", 1}});
        CHECK(sorted(held[19].collect()) == std::vector<Pair>{{"a", 7}, {"b", 1}});
        CHECK(view->lookup("a") == 7);
    }
    CHECK_THROWS_AS(view->lookup("a"), IoError);
    CHECK(view->size() == 2);
}

namespace {

/// Pages are split, rewritten and dealt anew, and keys time out.
DStream<std::pair<long, long>> busy(const StreamingContext& ssc, int partitions, bool timed) {
    const auto count = [](const long& key, std::optional<long> one, State<std::string>& state) {
        if (state.isTimingOut()) return std::pair(-key, long(state.get().size()));
        const auto before = state.getOption().value_or("");
        if (before.size() > 200) {
            state.remove();
            return std::pair(key, 0L);
        }
        state.update(before + std::string(std::size_t(1 + *one % 37), 'x'));
        return std::pair(key, long(state.get().size()));
    };
    const auto events = ssc.rateStream(1500,
                                       [](long number) {
                                           const auto scattered = std::uint64_t(number) * 0x9e3779b97f4a7c15ULL >> 40;
                                           return std::pair(long(scattered % 10000) + number / 3000, number);
                                       })
                            .uid("rate");
    auto spec = StateSpec::function(count).numPartitions(partitions);
    if (timed) spec = spec.timeout(4s);
    return events.mapWithState(spec).uid("texts").erased();
}

std::vector<std::vector<std::string>> runBusy(const std::string& directory, const char* backend, bool timed,
                                              const std::vector<Run>& runs) {
    std::vector<std::vector<std::string>> seen;
    for (const Run& run : runs) {
        TestStreamingContext ssc(serialConf(run.master).set("rivulet.streaming.state.backend", backend), 1s);
        ssc.checkpoint(directory);
        busy(ssc, run.partitions, timed).foreachRDD([&](const RDD<std::pair<long, long>>& rdd) {
            seen.push_back(textsOf(rdd.collect()));
            std::sort(seen.back().begin(), seen.back().end());
        });
        ssc.advanceBatch(run.batches);
    }
    return seen;
}

} // namespace

TEST_CASE("Pages that are split, worn and dealt anew have what tables have", "[A37][A46]") {
    for (const bool timed : {false, true}) {
        INFO((timed ? "with" : "without") << " time-outs");
        const TemporaryDirectory tables, whole, parts;
        const auto expected = runBusy(tables / "c", "memory", timed, {{16, 2}});
        CHECK((runBusy(whole / "c", "rocksdb", timed, {{16, 2, "local[2]"}}) == expected));
        CHECK((runBusy(parts / "c", "rocksdb", timed, {{5, 1}, {4, 2}, {3, 7}, {4, 3}}) == expected));
    }
}

TEST_CASE("A time-out that is added finds states in RocksDB as old as the last batch") {
    const auto run = [](const char* backend) {
        const TemporaryDirectory directory;
        std::vector<std::vector<std::string>> seen;
        for (const bool timed : {false, true}) {
            TestStreamingContext ssc(serialConf().set("rivulet.streaming.state.backend", backend), 1s);
            ssc.checkpoint(directory / "c");
            auto spec = StateSpec::function([](const Text& key, std::optional<long> one, State<long>& state) {
                if (one) state.update(*one);
                return key + (one ? "" : " times out");
            });
            if (timed) spec = spec.timeout(2s);
            tableStream<Pair>(ssc, {{{"a", 1}, {"b", 1}}, {{"c", 1}}, {}, {{"a", 1}}})
                .uid("in")
                .mapWithState(spec)
                .uid("states")
                .foreachRDD([&](const RDD<Text>& rdd) { seen.push_back(sorted(rdd.collect())); });
            ssc.advanceBatch(timed ? 6 : 2);
        }
        return seen;
    };
    const auto expected = run("memory");
    REQUIRE(expected.size() == 8);
    CHECK(run("rocksdb") == expected);
}

} // namespace rivulet::test::paged_states_test
