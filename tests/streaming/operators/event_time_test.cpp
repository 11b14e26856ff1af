#include "support/stream_harness.h"

namespace rivulet::test::event_time_test {

using namespace std::chrono_literals;

namespace {

/// A click on a page, at a second after the start.
struct Click {
    std::string page;
    int second;
    bool operator==(const Click&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Click& click) { return out << click.page << '@' << click.second; }

/// Times are relative to a manual clock, which begins at 0.
Time timeOf(const Click& click) { return Time(std::chrono::seconds(click.second)); }

using Clicks = std::vector<Click>;

struct Run {
    std::vector<Clicks> batches, late;
    long lateRecords = 0;
};

/// Runs 1 s batches, each of which takes all that has arrived when it runs; `arrivals[i]` arrive between the clock's
/// seconds i and i + 1.
Run run(const std::vector<Clicks>& arrivals, Duration slack, LateRecords policy, int more = 0) {
    TestStreamingContext ssc(1s);
    auto input = ssc.queueStream<Click>(false);
    auto timed = input.withEventTime(timeOf, slack, policy);
    const auto batches = collectBatches(timed);
    const auto late = collectBatches(timed.late());
    for (const Clicks& clicks : arrivals) {
        input.push(clicks, 1);
        ssc.advanceBatch();
    }
    ssc.advanceBatch(more);
    return {batches.all(), late.all(), timed.lateRecords()};
}

} // namespace

TEST_CASE("with a slack every record is in the batch of its own time") {
    const auto seen =
        run({{{"a", 1}}, {{"b", 2}}, {{"c", 1}, {"d", 3}}, {{"e", 2}, {"f", 4}}}, 2s, LateRecords::current, 2);
    CHECK(seen.batches == std::vector<Clicks>{{{"a", 1}, {"c", 1}}, {{"b", 2}, {"e", 2}}, {{"d", 3}}, {{"f", 4}}});
    CHECK(seen.lateRecords == 0);
}

TEST_CASE("without a slack a record that was on its way is late, and the policy says what becomes of it") {
    const std::vector<Clicks> arrivals = {{{"a", 1}}, {{"b", 2}, {"c", 1}}, {{"d", 3}, {"e", 0}}};
    const auto current = run(arrivals, 0s, LateRecords::current);
    CHECK(current.batches == std::vector<Clicks>{{{"a", 1}}, {{"b", 2}, {"c", 1}}, {{"d", 3}, {"e", 0}}});
    CHECK(current.late == std::vector<Clicks>{{}, {}, {}});
    CHECK(current.lateRecords == 2);

    const auto side = run(arrivals, 0s, LateRecords::side);
    CHECK(side.batches == std::vector<Clicks>{{{"a", 1}}, {{"b", 2}}, {{"d", 3}}});
    CHECK(side.late == std::vector<Clicks>{{}, {{"c", 1}}, {{"e", 0}}});
    CHECK(side.lateRecords == 2);

    const auto drop = run(arrivals, 0s, LateRecords::drop);
    CHECK(drop.batches == std::vector<Clicks>{{{"a", 1}}, {{"b", 2}}, {{"d", 3}}});
    CHECK(drop.late == std::vector<Clicks>{{}, {}, {}});
    CHECK(drop.lateRecords == 2);
}

TEST_CASE("a time in the future counts as the time of arrival") {
    const auto seen = run({{{"a", 1'000'000}}, {{"b", 2}}, {}}, 1s, LateRecords::current, 1);
    CHECK(seen.batches == std::vector<Clicks>{{}, {{"a", 1'000'000}, {"b", 2}}, {}});
}

TEST_CASE("a batch's time is the end of its interval, which belongs to it") {
    TestStreamingContext ssc(1s);
    auto input = ssc.queueStream<int>(false);
    const auto seen = collectBatches(input.withEventTime([](int ms) { return Time(Duration(ms)); }, 1s));
    input.push({1000, 1001, 1, 2000});
    ssc.advanceBatch(3);
    CHECK(sorted(seen[0]) == std::vector{1, 1000});
    CHECK(sorted(seen[1]) == std::vector{1001, 2000});
}

TEST_CASE("the ratio of clicks on two pages stays right while their sources stall in turn") {
    // Each page has 10 clicks a second. The sources stall for a second each and then send what they held back.
    const auto clicks = [](const char* page, int second) { return Clicks(10, Click{page, second}); };
    const auto ratios = [&](Duration slack) {
        TestStreamingContext ssc(1s);
        auto left = ssc.queueStream<Click>(false), right = ssc.queueStream<Click>(false);
        const auto isLeft = [](const Click& click) { return click.page == "left"; };
        const auto timed = left.unionWith(right).withEventTime(timeOf, slack);
        const auto counts = collectBatches(
            timed.map([=](const Click& click) { return std::pair(isLeft(click), 1L); }).reduceByKey(std::plus<>(), 1));
        Clicks heldLeft, heldRight;
        for (int second = 1; second <= 8; ++second) {
            auto nowLeft = clicks("left", second), nowRight = clicks("right", second);
            nowLeft.insert(nowLeft.end(), heldLeft.begin(), heldLeft.end());
            nowRight.insert(nowRight.end(), heldRight.begin(), heldRight.end());
            heldLeft = heldRight = {};
            if (second % 4 == 1) std::swap(heldLeft, nowLeft);
            if (second % 4 == 3) std::swap(heldRight, nowRight);
            left.push(nowLeft);
            right.push(nowRight);
            ssc.advanceBatch();
        }
        ssc.advanceBatch(2);
        bool even = true;
        for (std::size_t i = 0; i < 8 && i < counts.size(); ++i)
            even = even && sorted(counts[i]) == std::vector<std::pair<bool, long>>{{false, 10}, {true, 10}};
        return even;
    };
    CHECK(ratios(1s));
    CHECK_FALSE(ratios(0s));
}

TEST_CASE("a batch that fails leaves what waits for later batches as it was") {
    auto conf = Conf("local", "test").set("rivulet.executor", "serial").set("rivulet.log.level", "OFF");
    TestStreamingContext ssc(conf, 1s);
    auto input = ssc.queueStream<Click>(false);
    bool fails = false;
    const auto timed = input.withEventTime(timeOf, 1s);
    std::vector<Clicks> seen;
    timed.foreachRDD([&](const RDD<Click>& rdd) {
        if (fails) throw std::runtime_error("not now");
        seen.push_back(rdd.collect());
    });
    input.push({{"a", 2}, {"b", 1}});
    ssc.advanceBatch(2);
    CHECK(seen == std::vector<Clicks>{{{"b", 1}}});
    fails = true;
    CHECK_THROWS_AS(ssc.advanceBatch(), JobError);
    CHECK(timed.lateRecords() == 0);
}

TEST_CASE("records of a stream with a longer slide wait for the batch of their slide") {
    TestStreamingContext ssc(1s);
    auto input = ssc.queueStream<int>(false);
    const auto ofTwo =
        input.window(2s, 2s).withEventTime([](int second) { return Time(std::chrono::seconds(second)); }, 2s);
    const auto seen = collectBatches(ofTwo);
    for (int second : {1, 2, 2, 4, 3, 6}) {
        input.push({second});
        ssc.advanceBatch();
    }
    ssc.advanceBatch(4);
    CHECK(sorted(seen[0]) == std::vector{1, 2, 2});
    CHECK(sorted(seen[1]) == std::vector{3, 4});
    CHECK(sorted(seen[2]) == std::vector{6});
}

TEST_CASE("a slack is not negative") {
    TestStreamingContext ssc(1s);
    const auto input = ssc.queueStream<Click>(false);
    CHECK(errorText<UsageError>([&] { input.withEventTime(timeOf, -5ms); }) ==
          "withEventTime: the slack (-5ms) must not be negative; 0ms waits for nobody");
}

} // namespace rivulet::test::event_time_test
