#include "support/captured_output.h"
#include "support/stream_harness.h"

namespace rivulet::test::slice_test {

using namespace std::chrono_literals;

namespace {

using Slices = std::vector<std::vector<int>>;

template <class S> Slices slices(const S& stream, Duration from, Duration to) {
    Slices all;
    for (const auto& rdd : stream.slice(Time(from), Time(to))) all.push_back(rdd.collect());
    return all;
}

} // namespace

TEST_CASE("slice gives the RDDs of the batches from one time to another", "[A59]") {
    TestStreamingContext ssc(1s);
    ssc.remember(10s);
    const auto numbers = tableStream<int>(ssc, {{1}, {2}, {3}, {4}});
    const auto negated = numbers.map([](int x) { return -x; });
    collectBatches(numbers);
    ssc.advanceBatch(4);
    CHECK(slices(numbers, 0s, 1s) == Slices{{1}});
    CHECK(slices(numbers, 0s, 2s) == Slices{{1}, {2}});
    CHECK(slices(numbers, 1s, 2s) == Slices{{1}, {2}});
    CHECK(slices(numbers, 2s, 4s) == Slices{{2}, {3}, {4}});
    CHECK(slices(numbers, 3s, 2s).empty());
    CHECK(slices(negated, 2s, 3s) == Slices{{-2}, {-3}});
    CHECK(numbers.slice(Interval{Time(1s), Time(2s)}).size() == 2);
}

TEST_CASE("slice makes RDDs again that nobody remembers", "[A59]") {
    TestStreamingContext ssc(1s);
    const auto numbers = tableStream<int>(ssc, {{1}, {2}, {3}, {4}});
    const auto doubled = numbers.map([](int x) { return 2 * x; }).cache();
    collectBatches(numbers);
    ssc.advanceBatch(4);
    CHECK(slices(doubled, 1s, 2s) == Slices{{2}, {4}});
}

TEST_CASE("slice gives no batch that has not begun", "[A59]") {
    TestStreamingContext ssc(1s);
    const auto queue = ssc.queueStream<int>();
    const auto seen = collectBatches(queue);
    queue.push({1});
    queue.push({2});
    ssc.advanceBatch();
    CHECK(slices(queue, 0s, 5s) == Slices{{1}});
    ssc.advanceBatch();
    CHECK(seen.all() == Slices{{1}, {2}});
}

TEST_CASE("slice floors ends that are no batch times, and warns", "[A59]") {
    TestStreamingContext ssc(1s);
    ssc.remember(10s);
    const auto numbers = tableStream<int>(ssc, {{1}, {2}, {3}, {4}});
    const auto pairs = numbers.window(2s, 2s);
    collectBatches(numbers);
    collectBatches(pairs);
    ssc.advanceBatch(4);
    const CapturedOutput log(stderr);
    CHECK(slices(numbers, 1500ms, 2999ms) == Slices{{1}, {2}});
    CHECK_THAT(log.text(), Catch::Matchers::ContainsSubstring(
                               "slice: the ends [1500 ms, 2999 ms] are no batch times; taken as [1000 ms, 2000 ms]"));
    CHECK(slices(pairs, 0s, 3s) == Slices{{1, 2}});
    CHECK(slices(pairs, 2s, 4s) == Slices{{1, 2}, {3, 4}});
}

TEST_CASE("a function of transform may take slices of other streams", "[A59]") {
    TestStreamingContext ssc(1s);
    ssc.remember(5s);
    const auto numbers = tableStream<int>(ssc, {{1}, {2}, {3}});
    const auto seen = collectBatches(numbers.transform([numbers](const RDD<int>& rdd, Time time) {
        RDD<int> all = rdd;
        for (const auto& earlier : numbers.slice(time - 1s, time - 1s)) all = all.unionWith(earlier);
        return all;
    }));
    ssc.advanceBatch(3);
    CHECK(seen.all() == Slices{{1}, {2, 1}, {3, 2}});
}

TEST_CASE("slices and metrics are taken by another thread while batches run", "[A59]") {
    constexpr int kBatches = 20;
    const auto clock = std::make_shared<ManualClock>();
    const StreamingContext ssc(Context(serialConf().set("rivulet.streaming.lateBatches", "all")), 1s, clock);
    ssc.remember(1h);
    const auto queue = ssc.queueStream<int>();
    const auto doubled = queue.map([](int x) { return 2 * x; }).erased();
    doubled.foreachRDD([](const RDD<int>& rdd) { rdd.collect(); });
    for (int i = 1; i <= kBatches; ++i) queue.push({i});
    ssc.start();
    for (int i = 1; i <= kBatches; ++i) {
        clock->advance(1s);
        const auto soFar = slices(doubled, 0s, std::chrono::seconds(i));
        for (std::size_t n = 0; n < soFar.size(); ++n) CHECK(soFar[n] == std::vector{2 * int(n + 1)});
        CHECK(ssc.metrics().totalCompletedBatches <= i);
    }
    CHECK(eventually([&] { return ssc.metrics().totalCompletedBatches == kBatches; }));
    CHECK(slices(doubled, 0s, 1h).size() == kBatches);
    ssc.stop();
}

TEST_CASE("slice before the start is refused", "[A59]") {
    TestStreamingContext ssc(1s);
    const auto numbers = tableStream<int>(ssc, {{1}});
    CHECK(errorText<UsageError>([&] { numbers.slice(Time(0s), Time(1s)); }) ==
          "slice: this stream has not been initialized, because its StreamingContext was not started; call it after "
          "start()");
}

} // namespace rivulet::test::slice_test
