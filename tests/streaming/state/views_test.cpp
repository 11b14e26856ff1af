#include "support/captured_output.h"
#include "support/stream_harness.h"

#include <future>
#include <numeric>

namespace rivulet::test::views_test {

// What is seen of a state beside the RDD of the batch: from other threads, of earlier batches, of failed ones.

using namespace std::chrono_literals;

namespace {

using Text = std::string;
using Pair = std::pair<Text, long>;

std::optional<long> addAll(std::span<const long> arrived, std::optional<long> total) {
    const long sum = std::accumulate(arrived.begin(), arrived.end(), total.value_or(0));
    return sum == 0 ? std::optional<long>() : std::optional<long>(sum);
}

long addOne(const Text&, std::optional<long> value, State<long>& state) {
    state.update(state.getOption().value_or(0) + *value);
    return state.get();
}

} // namespace

TEST_CASE("a look-up sees the last completed batch, and none that is running") {
    TestStreamingContext ssc(1s, "local[2]");
    const auto input = tableStream<Pair>(ssc, {{{"a", 1}, {"b", 1}}, {{"a", 1}, {"b", -1}, {"c", 1}}, {{"a", 5}}});
    const auto totals = input.updateStateByKey(addAll).uid("totals");
    const auto view = totals.stateView();
    const auto mappedView = input.mapWithState(addOne).uid("mapped").stateView();
    std::vector<std::optional<long>> within;
    totals.foreachRDD([&](const RDD<Pair>& rdd, Time time) {
        rdd.count();
        for (const char* key : {"a", "b", "c"}) within.push_back(view.lookup(key));
        within.push_back(view.size());
        if (time == Time(3s)) throw std::runtime_error("the third batch fails");
    });
    CHECK(view.lookup("a") == std::nullopt);
    CHECK(view.size() == 0);
    ssc.advanceBatch(2);
    CHECK_THROWS_AS(ssc.advanceBatch(), JobError);
    using Seen = std::vector<std::optional<long>>;
    const auto nothing = std::nullopt;
    CHECK(within == Seen{nothing, nothing, nothing, 0, 1, 1, nothing, 2, 2, nothing, 1, 2});
    CHECK(view.lookup("a") == 2);
    CHECK(view.lookup(Text("b")) == nothing);
    CHECK(view.size() == 2);
    CHECK(mappedView.size() == 0); // no output needs it, so it has never run
}

TEST_CASE("a look-up may be made at any time from any thread, and finds all of a batch or nothing of it") {
    // Each batch adds 1 to every key and an output fails now and then: a key never goes back, nor on by itself.
    TestStreamingContext ssc(1s, "local[2]");
    std::vector<Pair> all;
    for (int key = 0; key < 200; ++key) all.emplace_back(std::to_string(key), 1);
    const auto input = ssc.queueStream<Pair>();
    const auto mapped = input.mapWithState(addOne);
    const auto view = mapped.stateView();
    long batches = 0;
    std::atomic<long> completed = 0;
    mapped.foreachRDD([&](const RDD<long>&, Time) {
        if (++batches % 3 == 0) throw std::runtime_error("now and then");
    });
    auto asking = std::async(std::launch::async, [&] {
        long last = 0, wrong = 0;
        while (last < 20) {
            const long least = completed;
            for (int key = 0; key < 200; ++key) {
                const long seen = view.lookup(std::to_string(key)).value_or(0);
                wrong += seen < least;
                last = std::max(last, seen);
            }
        }
        return wrong;
    });
    while (completed < 20) {
        input.push(all);
        try {
            ssc.advanceBatch();
            ++completed;
        } catch (const JobError&) {}
    }
    CHECK(asking.get() == 0);
    CHECK(view.lookup("7") == 20);
}

TEST_CASE("a view outlives its context") {
    auto ssc = std::make_optional<TestStreamingContext>(1s);
    const auto totals = tableStream<Pair>(*ssc, {{{"a", 1}}}).updateStateByKey(addAll);
    const auto view = totals.stateView();
    collectBatches(totals);
    ssc->advanceBatch();
    ssc.reset();
    CHECK(view.lookup("a") == 1);
}

TEST_CASE("an RDD of states that is kept stays as it was", "[A50]") {
    TestStreamingContext ssc(1s);
    const auto totals =
        tableStream<Pair>(ssc, {{{"a", 1}, {"b", 2}}, {{"a", 1}, {"b", -2}}, {{"c", 5}}}).updateStateByKey(addAll);
    std::vector<RDD<Pair>> kept;
    totals.foreachRDD([&](const RDD<Pair>& rdd) { kept.push_back(rdd); });
    ssc.advanceBatch(3);
    CHECK(sorted(kept[0].collect()) == Pairs{{"a", 1}, {"b", 2}});
    CHECK(sorted(kept[1].collect()) == Pairs{{"a", 2}});
    CHECK(sorted(kept[2].collect()) == Pairs{{"a", 2}, {"c", 5}});
}

TEST_CASE("states are remembered as long as was asked for, each as it was after its batch", "[A55]") {
    TestStreamingContext ssc(1s);
    ssc.remember(6s);
    Batches<Pair> input;
    for (int i = 0; i < 10; ++i) input.push_back({{"a", 1}});
    const auto totals = tableStream<Pair>(ssc, input).updateStateByKey(addAll);
    collectBatches(totals);
    ssc.advanceBatch(10);
    const auto at = [&](Duration time) { return totals.recipe().root()->remembered(Time(time)); };
    CHECK_FALSE(at(4s));
    for (const long n : {5, 6, 7, 8, 9, 10}) CHECK(at(std::chrono::seconds(n))->collect() == Pairs{{"a", n}});
}

TEST_CASE("what follows a state and looks back to nothing does not have it copied") {
    TestStreamingContext ssc(1s);
    const auto totals = tableStream<Pair>(ssc, {{{"a", 1}}, {{"a", 1}}, {{"a", 1}}}).updateStateByKey(addAll, 1);
    std::vector<const Pair*> rows;
    const auto lookAt = [&rows](const Pair& row) {
        rows.push_back(&row);
        return row;
    };
    collectBatches(totals.map(lookAt).reduceByKey(std::plus<>()).transform([](const auto& rdd) { return rdd; }));
    ssc.advanceBatch(3);
    CHECK(rows.size() == 3);
    CHECK(rows[0] == rows[1]);
    CHECK(rows[1] == rows[2]);
}

TEST_CASE("that a crash loses the state is said once", "[A41]") {
    const CapturedOutput log(stderr);
    TestStreamingContext ssc(1s);
    const auto input = tableStream<Pair>(ssc, {{{"a", 1}}});
    collectBatches(input.updateStateByKey(addAll));
    collectBatches(input.mapWithState(addOne));
    ssc.advanceBatch(3);
    const Text text = log.text();
    const Text said = "start: no checkpoint directory is set, so a crash loses the state of updateStateByKey at "
                      "views_test.cpp:";
    const auto at = text.find(said);
    REQUIRE(at != text.npos);
    CHECK(text.find(said, at + 1) == text.npos);
    CHECK_THAT(text, Catch::Matchers::ContainsSubstring(", mapWithState at views_test.cpp:"));
}

TEST_CASE("without a state nothing is said of it", "[A41]") {
    const CapturedOutput log(stderr);
    TestStreamingContext ssc(1s);
    collectBatches(tableStream<Pair>(ssc, {{{"a", 1}}}).window(2s));
    ssc.advanceBatch();
    CHECK(log.text() == "");
}

TEST_CASE("a task that is repeated applies its records once", "[A43]") {
    for (const char* master : {"local[1,2]", "local[4,2]"}) {
        for (const int failing : {1, 3, 4}) {
            INFO("master " << master << ", call " << failing);
            TestStreamingContext ssc(serialConf(master), 1s);
            const auto calls = std::make_shared<std::atomic<int>>(0);
            const auto input = tableStream<Pair>(ssc, {{{"a", 1}, {"b", 2}}, {{"a", 1}, {"c", 3}}});
            const auto mapped = input.mapWithState(
                StateSpec::function([calls, failing](const Text& key, std::optional<long> value, State<long>& state) {
                    const long sum = addOne(key, value, state);
                    if (++*calls == failing) throw std::runtime_error("once");
                    return sum;
                }).numPartitions(1));
            const auto seen = collectBatches(mapped);
            const auto states = collectBatches(mapped.stateSnapshots());
            ssc.advanceBatch(2);
            CHECK(sorted(seen[1]) == std::vector<long>{2, 3});
            CHECK(sorted(states[1]) == Pairs{{"a", 2}, {"b", 2}, {"c", 3}});
        }
    }
}

} // namespace rivulet::test::views_test
