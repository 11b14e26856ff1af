#include "support/stream_harness.h"

namespace rivulet::test::window_counts_test {

using namespace std::chrono_literals;

namespace {

using Text = std::string;
using Counts = Batches<std::pair<Text, long>>;

} // namespace

TEST_CASE("countByWindow gives one element at every slide", "[A32]") {
    checkOrdered(
        Batches<int>{{1}, {1}, {1, 2}, {1}, {}, {}}, [](const auto& in) { return in.countByWindow(2s, 1s); },
        Batches<long>{{1}, {2}, {3}, {3}, {1}, {0}});
}

TEST_CASE("countByWindow gives 0 before the first element and where there is no RDD", "[A32]") {
    // Spark gives nothing before the first element, and 0 when the window is empty again.
    checkOrdered(
        Batches<int>{{}, none, {5, 6}, none, {}, {}}, [](const auto& in) { return in.countByWindow(2s); },
        Batches<long>{{0}, {0}, {2}, {2}, {0}, {0}});
}

TEST_CASE("countByWindow with a slide that is no divisor of the window", "[A32]") {
    checkOrdered(
        Batches<int>{{1}, {1, 1}, {1}, {1}, {1}, {1, 1, 1}}, [](const auto& in) { return in.countByWindow(3s, 2s); },
        Batches<long>{{3}, {4}, {5}});
}

TEST_CASE("countByValueAndWindow counts each value as long as it is in the window", "[A32]") {
    checkSets(
        Batches<Text>{{"a"}, {"a", "b"}, {"b", "b"}, {}, {}},
        [](const auto& in) { return in.countByValueAndWindow(2s, 1s); },
        Counts{{{"a", 1}}, {{"a", 2}, {"b", 1}}, {{"a", 1}, {"b", 3}}, {{"b", 2}}, {}});
}

TEST_CASE("countByValueAndWindow of views into lines", "[A32]") {
    checkSets(
        Batches<Text>{{"to be", "or not to be"}, {"be"}, {}},
        [](const auto& in) { return in.flatMap(words).countByValueAndWindow(2s); },
        Counts{
            {{"to", 2}, {"be", 2}, {"or", 1}, {"not", 1}}, {{"to", 2}, {"be", 3}, {"or", 1}, {"not", 1}}, {{"be", 1}}});
}

TEST_CASE("countByValueAndWindow into as many partitions as were asked for", "[A32]") {
    TestStreamingContext ssc(1s);
    std::vector<int> partitions;
    tableStream<Text>(ssc, {{"a", "b", "c"}})
        .countByValueAndWindow(2s, 1s, 3)
        .foreachRDD([&](const RDD<std::pair<Text, long>>& rdd) { partitions.push_back(rdd.getNumPartitions()); });
    ssc.advanceBatch(2);
    CHECK(partitions == std::vector{3, 3});
}

} // namespace rivulet::test::window_counts_test
