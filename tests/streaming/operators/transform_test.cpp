#include "support/stream_harness.h"

namespace rivulet::test::transform_test {

using namespace std::chrono_literals;

TEST_CASE("transform gives what the function makes of the RDD of each batch") {
    checkOrdered(
        Batches<int>{{3, 1, 2}, {}, {5, 4}},
        [](const auto& in) {
            return in.transform(
                [](const RDD<int>& rdd) { return rdd.keyBy([](int x) { return x; }).sortByKey().values(); });
        },
        Batches<int>{{1, 2, 3}, {}, {4, 5}});
}

TEST_CASE("transform tells the batch time to a function that wants it, and may differ in every batch") {
    checkOrdered(
        Batches<int>{{1}, {2}, {3}},
        [](const auto& in) {
            return in.transform([](const RDD<int>& rdd, Time time) -> RDD<int> {
                if (time == Time(2s)) return rdd;
                const int factor = int(time.time_since_epoch() / 1s) * 10;
                return rdd.map([factor](int x) { return x * factor; });
            });
        },
        Batches<int>{{10}, {2}, {90}});
}

TEST_CASE("transform's function runs once per batch, whatever follows") {
    TestStreamingContext ssc(1s);
    int calls = 0;
    const auto same = tableStream<int>(ssc, {{1}, {2}}).transform([&](const RDD<int>& rdd) {
        ++calls;
        return rdd;
    });
    const auto a = collectBatches(same);
    const auto b = collectBatches(same.count());
    ssc.advanceBatch(2);
    CHECK(calls == 2);
    CHECK(a.all() == std::vector<std::vector<int>>{{1}, {2}});
    CHECK(b.all() == std::vector<std::vector<long>>{{1}, {1}});
}

TEST_CASE("transform after a window and before a state is called at the window's times") {
    TestStreamingContext ssc(1s);
    std::vector<Time> times;
    const auto seen = collectBatches(
        tableStream<int>(ssc, {{1}, {2}, {3}, {4}}).window(2s, 2s).transform([&](const RDD<int>& rdd, Time time) {
            times.push_back(time);
            return rdd;
        }));
    ssc.advanceBatch(5);
    CHECK(times == std::vector{Time(2s), Time(4s)});
    CHECK(seen.all() == std::vector<std::vector<int>>{{1, 2}, {3, 4}});
}

TEST_CASE("foreachRDD tells the batch time to a function that wants it") {
    TestStreamingContext ssc(1s);
    std::vector<std::pair<long, Time>> seen;
    tableStream<int>(ssc, {{1, 2}, {}, none, {3}}).foreachRDD([&](const RDD<int>& rdd, Time time) {
        seen.emplace_back(rdd.count(), time);
    });
    ssc.advanceBatch(4);
    CHECK(seen == std::vector<std::pair<long, Time>>{{2, Time(1s)}, {0, Time(2s)}, {1, Time(4s)}});
}

TEST_CASE("outputs run in the order of their registration, at each batch of their stream") {
    TestStreamingContext ssc(1s);
    std::string order;
    const auto input = tableStream<int>(ssc, {});
    input.foreachRDD([&](const RDD<int>&) { order += 'a'; });
    input.window(2s, 2s).foreachRDD([&](const RDD<int>&) { order += 'b'; });
    input.foreachRDD([&](const RDD<int>&) { order += 'c'; });
    ssc.advanceBatch(4);
    CHECK(order == "acabcacabc");
}

TEST_CASE("a stream without an RDD where another operation needs one fails the batch", "[A17]") {
    TestStreamingContext ssc(1s);
    const auto input = tableStream<int>(ssc, {{1}, {2}, {3}, none});
    const auto other = tableStream<int>(ssc, {});
    const auto id = [](const RDD<int>& rdd) { return rdd; };
    const auto both = [](const RDD<int>& a, const RDD<int>& b) { return a.unionWith(b); };
    std::string operation;
    SECTION("union") {
        operation = "union";
        collectBatches(other.unionWith(input));
    }
    SECTION("union of several") {
        operation = "union";
        collectBatches(ssc.unionAll<int>({other, input, other}));
    }
    SECTION("transform") {
        operation = "transform";
        collectBatches(input.transform(id));
    }
    SECTION("transform of several") {
        operation = "transform";
        collectBatches(ssc.transform<int>({other, input}, [](const std::vector<RDD<int>>& rdds) { return rdds[0]; }));
    }
    SECTION("transformWith") {
        operation = "transformWith";
        collectBatches(other.transformWith(input, both));
    }
    ssc.advanceBatch(3);
    const std::string text = errorText<Error>([&] { ssc.advanceBatch(); });
    CHECK_THAT(text, Catch::Matchers::StartsWith(operation + " at transform_test.cpp:"));
    CHECK_THAT(text, Catch::Matchers::EndsWith(
                         ": a stream that it reads has no RDD at time 4000 ms; give an empty RDD where there are no "
                         "data"));
}

TEST_CASE("a context's transform gives what the function makes of the RDDs of all streams", "[A17]") {
    checkEveryWay(
        [](const TestStreamingContext& ssc, int n) {
            return ssc.transform<int>({tableStream<int>(ssc, {{1}, {2}}, n), tableStream<int>(ssc, {{10}, {20}}, n),
                                       tableStream<int>(ssc, {{100}, {}}, n)},
                                      [](std::vector<RDD<int>> rdds, Time time) {
                                          const long ms = time.time_since_epoch().count();
                                          return unionAll(rdds).map([ms](int x) { return ms + x; });
                                      });
        },
        Batches<long>{{1001, 1010, 1100}, {2002, 2020}}, true);
}

} // namespace rivulet::test::transform_test
