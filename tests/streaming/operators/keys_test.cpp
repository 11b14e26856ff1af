#include "support/stream_harness.h"

namespace rivulet::test::keys_test {

using namespace std::chrono_literals;

namespace {

using Text = std::string;
using Counts = Batches<std::pair<Text, int>>;

const Batches<Text> kLetters{{"a", "a", "b"}, {"", ""}, {}};

const auto pairWith = [](auto value) { return [value](const Text& key) { return std::pair(key, value); }; };

} // namespace

TEST_CASE("groupByKey gives each key with all its values", "[A11]") {
    checkSets(
        kLetters, [](const auto& in) { return in.map(pairWith(1)).groupByKey(); },
        Batches<std::pair<Text, std::vector<int>>>{{{"a", {1, 1}}, {"b", {1}}}, {{"", {1, 1}}}, {}});
}

TEST_CASE("the values of a group stand in the order of their arrival", "[A11]") {
    checkSets(
        Batches<std::pair<Text, int>>{{{"a", 3}, {"b", 9}, {"a", 1}, {"a", 2}}},
        [](const auto& in) { return in.groupByKey(); },
        Batches<std::pair<Text, std::vector<int>>>{{{"a", {3, 1, 2}}, {"b", {9}}}});
}

TEST_CASE("reduceByKey combines the values of each key", "[A11]") {
    checkSets(
        kLetters, [](const auto& in) { return in.map(pairWith(1)).reduceByKey(std::plus<>()); },
        Counts{{{"a", 2}, {"b", 1}}, {{"", 2}}, {}});
}

TEST_CASE("reduceByKey combines in order, so that it need not be commutative", "[A11]") {
    checkSets(
        Batches<std::pair<int, Text>>{{{1, "a"}, {2, "x"}, {1, "b"}, {1, "c"}}},
        [](const auto& in) { return in.reduceByKey(std::plus<>()); },
        Batches<std::pair<int, Text>>{{{1, "abc"}, {2, "x"}}});
}

TEST_CASE("a batch without an RDD has none after a shuffle", "[A11]") {
    checkSets(
        Counts{{{"a", 1}}, none, {{"a", 2}}}, [](const auto& in) { return in.reduceByKey(std::plus<>()); },
        Counts{{{"a", 1}}, none, {{"a", 2}}});
}

TEST_CASE("shuffles have as many partitions as they are told") {
    TestStreamingContext ssc(1s);
    std::vector<int> partitions;
    const auto pairs = tableStream(ssc, Counts{{{"a", 1}}}, 4);
    const auto note = [&](const auto& rdd) { partitions.push_back(rdd.getNumPartitions()); };
    pairs.reduceByKey(std::plus<>(), 3).foreachRDD(note);
    pairs.groupByKey(HashPartitioner(5)).foreachRDD(note);
    ssc.advanceBatch();
    CHECK(partitions == std::vector{3, 5});
}

} // namespace rivulet::test::keys_test
