#include "support/stream_harness.h"

#include <numeric>

namespace rivulet::test::failures_test {

// What a failing function does to a batch, to the state, and to the program.

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

namespace {

using Text = std::string;
using Pair = std::pair<Text, long>;

struct BadValue : std::runtime_error {
    using std::runtime_error::runtime_error;
};

std::optional<long> addUnlessNegative(std::span<const long> arrived, std::optional<long> total) {
    for (const long x : arrived)
        if (x < 0) throw BadValue("a negative value: " + std::to_string(x));
    return std::accumulate(arrived.begin(), arrived.end(), total.value_or(0));
}

const Batches<Pair> kSecondIsBad{{{"a", 1}}, {{"a", -1}, {"b", 1}}, {{"a", 1}}};

} // namespace

TEST_CASE("a batch whose state's function throws fails, and says when, where and why", "[A67]") {
    TestStreamingContext ssc(1s, "local");
    const int line = __LINE__ + 1;
    const auto seen = collectBatches(tableStream(ssc, kSecondIsBad).updateStateByKey(addUnlessNegative, 1));
    ssc.advanceBatch();
    try {
        ssc.advanceBatch();
        FAIL("the second batch must fail");
    } catch (const JobError& error) {
        CHECK_THAT(error.what(), StartsWith("batch 2000 ms: updateStateByKey at failures_test.cpp:" +
                                            std::to_string(line) + " threw in partition 0"));
        CHECK_THAT(error.what(), ContainsSubstring("a negative value: -1"));
        CHECK_THROWS_AS(std::rethrow_exception(error.cause()), BadValue);
    }
}

TEST_CASE("a batch that fails leaves the state as it was", "[A37]") {
    for (const char* master : {"local", "local[4]"}) {
        INFO("master " << master);
        TestStreamingContext ssc(1s, master);
        const auto seen = collectBatches(tableStream(ssc, kSecondIsBad).updateStateByKey(addUnlessNegative));
        ssc.advanceBatch();
        CHECK_THROWS_AS(ssc.advanceBatch(), JobError);
        ssc.advanceBatch();
        CHECK(seen[1] == std::vector<Pair>{{"a", 2}});
    }
}

TEST_CASE("a batch whose output fails leaves the state as it was", "[A37]") {
    TestStreamingContext ssc(1s);
    const auto state =
        tableStream<Pair>(ssc, {{{"a", 1}}, {{"a", 10}, {"b", 1}}, {{"a", 1}}}).updateStateByKey(addUnlessNegative);
    const auto seen = collectBatches(state);
    state.foreachRDD([](const RDD<Pair>&, Time time) {
        if (time == Time(2s)) throw BadValue("the database is gone");
    });
    ssc.advanceBatch();
    const std::string text = errorText<JobError>([&] { ssc.advanceBatch(); });
    CHECK_THAT(text, StartsWith("batch 2000 ms: ") && ContainsSubstring("the database is gone"));
    ssc.advanceBatch();
    CHECK(sorted(seen[0]) == Pairs{{"a", 1}});
    CHECK(sorted(seen[2]) == Pairs{{"a", 2}});
}

TEST_CASE("of two states, both stay as they were where one fails", "[A37]") {
    TestStreamingContext ssc(1s);
    const auto input = tableStream(ssc, kSecondIsBad);
    const auto counts = collectBatches(input.mapValues([](long) { return 1L; }).updateStateByKey(addUnlessNegative));
    const auto sums = collectBatches(input.updateStateByKey(addUnlessNegative));
    ssc.advanceBatch();
    CHECK_THROWS_AS(ssc.advanceBatch(), JobError);
    ssc.advanceBatch();
    CHECK(counts[counts.size() - 1] == std::vector<Pair>{{"a", 2}});
    CHECK(sums[sums.size() - 1] == std::vector<Pair>{{"a", 2}});
}

TEST_CASE("a task that is repeated applies its values once", "[A37]") {
    for (const char* master : {"local[1,2]", "local[4,2]"}) {
        for (const bool failLate : {false, true}) {
            INFO("master " << master << ", " << (failLate ? "after" : "before") << " the first key");
            TestStreamingContext ssc(serialConf(master), 1s);
            const auto calls = std::make_shared<std::atomic<int>>(0);
            const auto update = [calls, failLate](std::span<const long> arrived, std::optional<long> total) {
                if (calls->fetch_add(1) == (failLate ? 2 : 0)) throw BadValue("once");
                return addUnlessNegative(arrived, total);
            };
            const auto input = tableStream<Pair>(ssc, {{{"a", 1}, {"b", 2}, {"c", 3}}, {{"a", 1}}});
            const auto seen = collectBatches(input.updateStateByKey(update, 1));
            ssc.advanceBatch(2);
            CHECK(sorted(seen[0]) == Pairs{{"a", 1}, {"b", 2}, {"c", 3}});
            CHECK(sorted(seen[1]) == Pairs{{"a", 2}, {"b", 2}, {"c", 3}});
        }
    }
}

TEST_CASE("a function that throws in every attempt names how many there were", "[A67]") {
    TestStreamingContext ssc(serialConf("local[1,3]"), 1s);
    const auto tries = std::make_shared<std::atomic<int>>(0);
    const int line = __LINE__ + 1;
    collectBatches(tableStream<int>(ssc, {{1}}, 1).map([tries](int x) -> int {
        ++*tries;
        throw BadValue("no " + std::to_string(x));
    }));
    const std::string text = errorText<JobError>([&] { ssc.advanceBatch(); });
    CHECK_THAT(text,
               StartsWith("batch 1000 ms: map at failures_test.cpp:" + std::to_string(line) + " threw in partition 0"));
    CHECK_THAT(text, ContainsSubstring("attempt 3 of 3") && ContainsSubstring("no 1"));
    CHECK(*tries == 3);
}

namespace {

/// Runs a program in its own loop until it fails, and gives the text of the failure.
template <class Declare> Text failureOf(const Declare& declare) {
    const auto clock = std::make_shared<ManualClock>();
    const StreamingContext ssc(Context(serialConf()), 1s, clock);
    declare(ssc);
    ssc.start();
    clock->advance(1s);
    Text text = errorText<Error>([&] { ssc.awaitTermination(); });
    CHECK(ssc.getState() == StreamingContextState::STOPPED);
    CHECK(errorText<Error>([&] { ssc.awaitTerminationOrTimeout(1ms); }) == text);
    return text;
}

} // namespace

TEST_CASE("awaitTermination throws what made the streaming end", "[A67]") {
    SECTION("in a task") {
        const Text text = failureOf([](const StreamingContext& ssc) {
            collectBatches(tableStream<int>(ssc, {{1}}).map([](int) -> int { throw BadValue("in a task"); }));
        });
        CHECK_THAT(text, StartsWith("batch 1000 ms: map at ") && ContainsSubstring("in a task"));
    }
    SECTION("in transform, when the batch is made") {
        const Text text = failureOf([](const StreamingContext& ssc) {
            collectBatches(tableStream<int>(ssc, {{1}}).transform([](const RDD<int>& rdd) {
                if (rdd.count() == 1) throw BadValue("in transform");
                return rdd;
            }));
        });
        CHECK_THAT(text, StartsWith("batch 1000 ms: ") && ContainsSubstring("in transform"));
    }
    SECTION("in an output") {
        const Text text = failureOf([](const StreamingContext& ssc) {
            tableStream<int>(ssc, {{1}}).foreachRDD([](const RDD<int>&) { throw std::string("in an output"); });
        });
        CHECK_THAT(text, StartsWith("batch 1000 ms: ") && ContainsSubstring("in an output"));
    }
    SECTION("a missing RDD") {
        const Text text = failureOf([](const StreamingContext& ssc) {
            const auto input = tableStream<int>(ssc, {none});
            collectBatches(input.unionWith(input));
        });
        CHECK_THAT(text, StartsWith("union at failures_test.cpp:") && ContainsSubstring("1000 ms"));
    }
}

} // namespace rivulet::test::failures_test
