#include "support/stream_harness.h"

#include <future>
#include <numeric>

namespace rivulet::test::blocking_functions_test {

// A function of transform that does not return stands in the way of nothing but its own batch.

using namespace std::chrono_literals;

namespace {

using Pair = std::pair<std::string, long>;

/// A program in its own loop whose function of transform waits in the batch of second 2.
struct Program {
    Program() {
        ssc.remember(1min);
        letters.foreachRDD([](const RDD<std::string>& rdd) { rdd.count(); });
        totals.foreachRDD([](const RDD<Pair>& rdd) { rdd.count(); });
        blocking.foreachRDD([](const RDD<std::string>& rdd) { rdd.count(); });
        letters.push({"a", "a", "b"});
        letters.push({"a", "c"});
        ssc.start();
        clock->advance(1s);
        eventually([&] { return ssc.metrics().totalCompletedBatches == 1; });
        clock->advance(1s);
        begun.get_future().wait();
    }
    ~Program() {
        if (!released) goOn.set_value();
        ssc.stop();
    }
    void release() {
        released = true;
        goOn.set_value();
    }

    std::promise<void> begun, goOn;
    bool released = false;
    std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>();
    StreamingContext ssc{Context(serialConf()), 1s, clock};
    QueueStream<std::string> letters = ssc.queueStream<std::string>();
    StateDStream<std::string, long> totals =
        letters.map(withOne).updateStateByKey([](std::span<const long> arrived, std::optional<long> total) {
            return std::optional(std::accumulate(arrived.begin(), arrived.end(), total.value_or(0)));
        });
    DStream<std::string> blocking = letters.transform([this](const RDD<std::string>& rdd, Time time) {
        if (time == Time(2s)) {
            begun.set_value();
            goOn.get_future().wait();
        }
        return rdd;
    });
};

} // namespace

TEST_CASE("a function of transform that blocks holds up no getter, no look-up and no slice") {
    Program program;
    const auto view = program.totals.stateView();
    CHECK(program.ssc.getState() == StreamingContextState::ACTIVE);
    CHECK(program.ssc.metrics().runningBatches == 1);
    CHECK(view.lookup("a") == 2);
    CHECK(view.lookup("c") == std::nullopt);
    const auto letters = program.letters.slice(Time(1s), Time(2s));
    REQUIRE(letters.size() == 1); // the batch of second 2 is not planned yet
    CHECK(letters[0].collect() == std::vector<std::string>{"a", "a", "b"});
    CHECK(program.totals.slice(Time(1s), Time(2s)).size() == 1);
    CHECK(program.blocking.slice(Time(1s), Time(2s)).size() == 1);
    CHECK_FALSE(program.ssc.awaitTerminationOrTimeout(0ms));
    program.release();
    CHECK(eventually([&] { return program.ssc.metrics().totalCompletedBatches == 2; }));
    CHECK(program.letters.slice(Time(1s), Time(2s)).size() == 2);
    CHECK(view.lookup("a") == 3);
}

TEST_CASE("a stop while a function of transform blocks follows its batch") {
    Program program;
    auto stopped = std::async(std::launch::async, [&] { program.ssc.stop(); });
    CHECK(program.letters.slice(Time(1s), Time(2s)).size() == 1);
    CHECK(program.ssc.getState() == StreamingContextState::ACTIVE);
    program.release();
    stopped.get();
    CHECK(program.ssc.getState() == StreamingContextState::STOPPED);
    CHECK(program.ssc.metrics().totalCompletedBatches == 2);
}

TEST_CASE("a slice that another thread takes of an RDD in the making waits for it, and it is made once") {
    TestStreamingContext ssc(1s);
    ssc.remember(1min);
    const auto numbers = tableStream<int>(ssc, {{1}, {2}});
    std::promise<void> begun, goOn;
    std::atomic<int> calls = 0;
    const auto unasked = numbers.transform([&](const RDD<int>& rdd) {
        if (++calls == 1) {
            begun.set_value();
            goOn.get_future().wait();
        }
        return rdd;
    });
    collectBatches(numbers);
    ssc.advanceBatch();
    const auto slice = [&] { return unasked.slice(Time(1s), Time(1s)).at(0).collect(); };
    auto first = std::async(std::launch::async, slice);
    begun.get_future().wait();
    auto second = std::async(std::launch::async, slice);
    ssc.advanceBatch(); // goes on meanwhile
    goOn.set_value();
    CHECK(first.get() == std::vector{1});
    CHECK(second.get() == std::vector{1});
    CHECK(calls == 1);
}

TEST_CASE("a function of transform that takes a slice of itself is refused") {
    TestStreamingContext ssc(1s);
    const auto numbers = tableStream<int>(ssc, {{1}});
    std::function<void(Time)> sliceItself;
    const auto itself = numbers.transform([&](const RDD<int>& rdd, Time time) {
        sliceItself(time);
        return rdd;
    });
    sliceItself = [&](Time time) { itself.slice(time, time); };
    collectBatches(itself);
    const std::string text = errorText<UsageError>([&] { ssc.advanceBatch(); });
    CHECK_THAT(text, Catch::Matchers::StartsWith("transform at blocking_functions_test.cpp:"));
    CHECK_THAT(text, Catch::Matchers::EndsWith(": the RDD of 1000 ms is needed to make itself; a function of transform "
                                               "may take slices of streams that do not come from it, and of earlier "
                                               "times"));
}

} // namespace rivulet::test::blocking_functions_test
