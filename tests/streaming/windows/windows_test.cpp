#include "support/stream_harness.h"

namespace rivulet::test::windows_test {

using namespace std::chrono_literals;

namespace {

const Batches<int> kSix{{0}, {1}, {2}, {3}, {4}, {5}};

} // namespace

TEST_CASE("a window has the elements of its batches, in their order", "[A23]") {
    checkOrdered(
        kSix, [](const auto& in) { return in.window(2s); }, Batches<int>{{0}, {0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}});
}

TEST_CASE("a window goes on sliding when nothing arrives any more", "[A23]") {
    checkOrdered(
        Batches<int>{{1}, {2}}, [](const auto& in) { return in.window(3s, 1s); },
        Batches<int>{{1}, {1, 2}, {1, 2}, {2}, {}});
}

TEST_CASE("a window that slides by several batches has an RDD at every slide", "[A25]") {
    checkOrdered(
        kSix, [](const auto& in) { return in.window(4s, 2s); },
        Batches<int>{{0, 1}, {0, 1, 2, 3}, {2, 3, 4, 5}, {4, 5}});
}

TEST_CASE("a window shorter than its slide leaves batches out", "[A26]") {
    checkOrdered(kSix, [](const auto& in) { return in.window(2s, 3s); }, Batches<int>{{1, 2}, {4, 5}});
}

TEST_CASE("slides need not divide windows") {
    checkOrdered(kSix, [](const auto& in) { return in.window(3s, 2s); }, Batches<int>{{0, 1}, {1, 2, 3}, {3, 4, 5}});
    checkOrdered(kSix, [](const auto& in) { return in.window(5s, 3s); }, Batches<int>{{0, 1, 2}, {1, 2, 3, 4, 5}});
}

TEST_CASE("a batch without an RDD adds nothing to a window") {
    checkOrdered(
        Batches<int>{{1}, none, {3}, none, none}, [](const auto& in) { return in.window(2s); },
        Batches<int>{{1}, {1}, {3}, {3}, {}});
}

TEST_CASE("windows over windows") {
    checkOrdered(
        kSix, [](const auto& in) { return in.window(2s).window(3s); },
        Batches<int>{{0}, {0, 0, 1}, {0, 0, 1, 1, 2}, {0, 1, 1, 2, 2, 3}});
    checkOrdered(
        kSix, [](const auto& in) { return in.window(4s, 2s).window(4s, 2s); },
        Batches<int>{{0, 1}, {0, 1, 0, 1, 2, 3}, {0, 1, 2, 3, 2, 3, 4, 5}});
    checkOrdered(kSix, [](const auto& in) { return in.window(2s, 3s).window(6s, 6s); }, Batches<int>{{1, 2, 4, 5}});
}

TEST_CASE("operators follow a window, and lie before it") {
    checkOrdered(
        kSix,
        [](const auto& in) {
            return in.filter([](int x) { return x != 3; }).map([](int x) { return 10 * x; }).window(2s).count();
        },
        Batches<long>{{1}, {2}, {2}, {1}, {1}, {2}});
}

TEST_CASE("two windows of one stream, of different lengths and the same slide, are joined at each slide") {
    checkOrdered(
        kSix,
        [](const auto& in) {
            const auto count = [](const auto& stream) { return stream.count(); };
            return count(in.window(3s, 2s)).unionWith(count(in.window(2s, 2s)));
        },
        Batches<long>{{2, 2}, {3, 2}, {3, 2}});
}

TEST_CASE("a window computes each batch of a chain once") {
    TestStreamingContext ssc(1s);
    const auto calls = std::make_shared<std::atomic<int>>(0);
    const auto seen = collectBatches(tableStream<int>(ssc, {{0}, {1}, {2}, {3}, {4}, {5}})
                                         .map([calls](int x) {
                                             ++*calls;
                                             return x;
                                         })
                                         .window(3s));
    ssc.advanceBatch(6);
    CHECK(seen[5] == std::vector{3, 4, 5});
    CHECK(*calls == 6);
}

TEST_CASE("batches that have left all windows are given up", "[A55]") {
    // Spark: updateStateByKey with a checkpoint interval of 3 s remembers 6 s. Ours: what a window needs.
    TestStreamingContext ssc(1s);
    const auto input = tableStream<int>(ssc, {}).cache();
    std::vector<RDD<int>> rdds;
    input.foreachRDD([&](const RDD<int>& rdd) { rdds.push_back(rdd); });
    collectBatches(input.window(3s));
    ssc.advanceBatch(10);
    std::string kept;
    for (const RDD<int>& rdd : rdds) kept += rdd.getStorageLevel() == StorageLevel::NONE ? '-' : 'x';
    CHECK_THAT(kept, Catch::Matchers::StartsWith("------") && Catch::Matchers::EndsWith("x"));
}

TEST_CASE("remember keeps the batches of the last so many seconds", "[A55]") {
    TestStreamingContext ssc(1s);
    ssc.remember(3s);
    const auto slow = tableStream<int>(ssc, {}).window(2s, 2s).cache();
    std::vector<RDD<int>> rdds;
    slow.foreachRDD([&](const RDD<int>& rdd) { rdds.push_back(rdd); });
    ssc.advanceBatch(10);
    std::string kept;
    for (const RDD<int>& rdd : rdds) kept += rdd.getStorageLevel() == StorageLevel::NONE ? '-' : 'x';
    CHECK(kept == "---xx"); // at 10 s: 8 s and 10 s
}

} // namespace rivulet::test::windows_test
