#include "support/stream_harness.h"

#include <numeric>

namespace rivulet::test::update_state_test {

using namespace std::chrono_literals;

namespace {

using Text = std::string;
using Counts = Batches<std::pair<Text, long>>;

std::optional<long> addAll(std::span<const long> arrived, std::optional<long> total) {
    return std::accumulate(arrived.begin(), arrived.end(), total.value_or(0));
}

const Batches<Text> kLines{{"a"}, {"a", "b"}, {"a", "b", "c"}, {"a", "b"}, {"a"}, {}};
const Counts kTotals{{{"a", 1}},
                     {{"a", 2}, {"b", 1}},
                     {{"a", 3}, {"b", 2}, {"c", 1}},
                     {{"a", 4}, {"b", 3}, {"c", 1}},
                     {{"a", 5}, {"b", 3}, {"c", 1}},
                     {{"a", 5}, {"b", 3}, {"c", 1}}};

} // namespace

TEST_CASE("updateStateByKey gives the state of every key after every batch", "[A37]") {
    checkSets(kLines, [](const auto& in) { return in.map(withOne).updateStateByKey(addAll); }, kTotals);
}

TEST_CASE("updateStateByKey with the state's type named, for a generic function, and with views as keys", "[A37]") {
    checkSets(
        kLines,
        [](const auto& in) {
            return in.flatMap(words).map(withOne).template updateStateByKey<long>(
                [](const auto& arrived, auto total) {
                    return std::optional(std::accumulate(arrived.begin(), arrived.end(), total.value_or(0L)));
                },
                3);
        },
        kTotals);
}

namespace {

struct Activity {
    long count = 0;
    int quiet = 0;
};

/// Drops a key after two quiet batches.
std::optional<Activity> dropQuiet(std::span<const long> arrived, std::optional<Activity> seen) {
    Activity now = seen.value_or(Activity());
    now.count += long(arrived.size());
    now.quiet = arrived.empty() ? now.quiet + 1 : 0;
    if (now.quiet >= 2) return std::nullopt;
    return now;
}

} // namespace

TEST_CASE("a function that returns nothing drops the key, a batch without an RDD is one in which nothing arrives",
          "[A40]") {
    checkSets(
        Batches<Text>{{"a", "b"}, none, {"a", "c", "a"}, {"c"}, none, none},
        [](const auto& in) {
            return in.map(withOne).updateStateByKey(dropQuiet).mapValues([](const Activity& a) { return a.count; });
        },
        Counts{{{"a", 1}, {"b", 1}}, {{"a", 1}, {"b", 1}}, {{"a", 3}, {"c", 1}}, {{"a", 3}, {"c", 2}}, {{"c", 2}}, {}});
}

TEST_CASE("a key that was dropped begins anew", "[A40]") {
    checkSets(
        Batches<Text>{{"a"}, {}, {}, {"a", "a"}},
        [](const auto& in) {
            return in.map(withOne).updateStateByKey(dropQuiet).mapValues([](const Activity& a) { return a.count; });
        },
        Counts{{{"a", 1}}, {{"a", 1}}, {}, {{"a", 2}}});
}

TEST_CASE("a new key for which the function returns nothing gets no state", "[A40]") {
    checkSets(
        kLines,
        [](const auto& in) {
            return in.map(withOne).updateStateByKey(
                [](std::span<const long>, std::optional<long>) { return std::optional<long>(); });
        },
        Counts{{}, {}, {}, {}, {}, {}});
}

TEST_CASE("updateStateByKey has no state before the first data, but an RDD", "[A40]") {
    checkSets(
        Batches<Text>{none, {}, {"a"}}, [](const auto& in) { return in.map(withOne).updateStateByKey(addAll); },
        Counts{{}, {}, {{"a", 1}}});
}

TEST_CASE("a key's values arrive in order", "[A37]") {
    checkSets(
        Counts{{{"a", 1}, {"a", 2}}, {{"a", 3}, {"b", 9}, {"a", 4}}},
        [](const auto& in) {
            return in.updateStateByKey([](std::span<const long> arrived, std::optional<long> digits) {
                for (const long digit : arrived) digits = digits.value_or(0) * 10 + digit;
                return digits;
            });
        },
        Counts{{{"a", 12}}, {{"a", 1234}, {"b", 9}}});
}

TEST_CASE("a state that reads another one") {
    // The sum of the running totals: 1; 1+2; 1+2+3.
    checkSets(
        Batches<Text>{{"a"}, {"a", "b"}, {"a"}, {}},
        [](const auto& in) { return in.map(withOne).updateStateByKey(addAll).updateStateByKey(addAll); },
        Counts{{{"a", 1}}, {{"a", 3}, {"b", 1}}, {{"a", 6}, {"b", 2}}, {{"a", 9}, {"b", 3}}});
}

TEST_CASE("a window over a state has the states after each of its batches") {
    checkSets(
        Batches<Text>{{"a"}, {"a"}, {"b"}, {}},
        [](const auto& in) { return in.map(withOne).updateStateByKey(addAll).window(2s); },
        Counts{{{"a", 1}},
               {{"a", 1}, {"a", 2}},
               {{"a", 2}, {"a", 2}, {"b", 1}},
               {{"a", 2}, {"b", 1}, {"a", 2}, {"b", 1}}});
}

TEST_CASE("a window over a state that slides by several batches misses none of them") {
    checkSets(
        Batches<Text>{{"a"}, {"a"}, {"b"}, {"a"}, {}, {}},
        [](const auto& in) { return in.map(withOne).updateStateByKey(addAll).window(2s, 3s); },
        Counts{{{"a", 2}, {"a", 2}, {"b", 1}}, {{"a", 3}, {"b", 1}, {"a", 3}, {"b", 1}}});
}

TEST_CASE("the state of a window: what it counts once per slide") {
    checkSets(
        Batches<Text>{{"a"}, {"b"}, {"a"}, {}},
        [](const auto& in) { return in.map(withOne).window(2s, 2s).updateStateByKey(addAll); },
        Counts{{{"a", 1}, {"b", 1}}, {{"a", 2}, {"b", 1}}});
}

TEST_CASE("an output that does not read a state's RDD does not keep the state from going on") {
    TestStreamingContext ssc(1s);
    const auto state = tableStream<Text>(ssc, {{"a"}, {"a"}, {"a"}}).map(withOne).updateStateByKey(addAll);
    std::vector<std::pair<Text, long>> last;
    state.foreachRDD([&](const RDD<std::pair<Text, long>>& rdd, Time time) {
        if (time == Time(3s)) last = rdd.collect();
    });
    ssc.advanceBatch(3);
    CHECK(last == Pairs{{"a", 3}});
}

} // namespace rivulet::test::update_state_test
