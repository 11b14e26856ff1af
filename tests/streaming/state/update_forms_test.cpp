#include "support/stream_harness.h"

#include <numeric>

namespace rivulet::test::update_forms_test {

// The forms of updateStateByKey: what its function may want to know, what it begins with, and for which keys it is
// called.

using namespace std::chrono_literals;

namespace {

using Text = std::string;
using Counts = Batches<std::pair<Text, long>>;

std::optional<long> addAll(std::span<const long> arrived, std::optional<long> total) {
    return std::accumulate(arrived.begin(), arrived.end(), total.value_or(0));
}

const Batches<Text> kLines{{"a"}, {"a", "b"}, {"a", "b", "c"}, {"a", "b"}, {"a"}, {}};

} // namespace

TEST_CASE("updateStateByKey begins with an initial state, of which keys without data are updated too", "[A38]") {
    const auto build = [](const StreamingContext& ssc, int n) {
        const auto before = ssc.context().parallelize(std::vector<std::pair<Text, long>>{{"a", 1}, {"c", 2}}, n);
        return tableStream(ssc, kLines, n).map(withOne).updateStateByKey(addAll, {}, before);
    };
    checkEveryWay(build,
                  Counts{{{"a", 2}, {"c", 2}},
                         {{"a", 3}, {"b", 1}, {"c", 2}},
                         {{"a", 4}, {"b", 2}, {"c", 3}},
                         {{"a", 5}, {"b", 3}, {"c", 3}},
                         {{"a", 6}, {"b", 3}, {"c", 3}},
                         {{"a", 6}, {"b", 3}, {"c", 3}}},
                  false);
}

TEST_CASE("an initial state tells the type of a generic function's state, and its keys may be views", "[A38]") {
    const auto build = [](const StreamingContext& ssc, int n) {
        const auto before = ssc.context().parallelize(std::vector<Text>{"a", "c"}, n).map([](const Text& key) {
            return std::pair<std::string_view, long>(key, 10);
        });
        const auto update = [](const auto& arrived, auto total) {
            return std::optional(total.value_or(0) + long(arrived.size()));
        };
        return tableStream(ssc, kLines, n).map(withOne).updateStateByKey(update, 3, before);
    };
    checkEveryWay(build, Counts{{{"a", 11}, {"c", 10}}, {{"a", 12}, {"b", 1}, {"c", 10}}}, false);
}

TEST_CASE("of several initial states for a key the last counts", "[A38]") {
    TestStreamingContext ssc(1s);
    const auto before = ssc.context().parallelize(std::vector<std::pair<Text, long>>{{"a", 1}, {"a", 2}, {"a", 3}}, 2);
    const auto seen = collectBatches(tableStream<std::pair<Text, long>>(ssc, {}).updateStateByKey(addAll, 2, before));
    ssc.advanceBatch();
    CHECK(seen[0] == Pairs{{"a", 3}});
}

TEST_CASE("updateStateByKey's function may take the key, the time, or both", "[A37]") {
    const Counts input{{{"a", 1}, {"b", 2}}, {{"a", 10}}};
    SECTION("the key") {
        checkSets(
            input,
            [](const auto& in) {
                return in.updateStateByKey(
                    [](const Text& key, std::span<const long> arrived, std::optional<long> total) {
                        return key == "b" ? std::optional<long>() : addAll(arrived, total);
                    });
            },
            Counts{{{"a", 1}}, {{"a", 11}}});
    }
    SECTION("the time") {
        checkSets(
            input,
            [](const auto& in) {
                return in.updateStateByKey([](Time time, std::span<const long> arrived, std::optional<long>) {
                    return std::optional<long>(long(arrived.size()) * 100000 + time.time_since_epoch().count());
                });
            },
            Counts{{{"a", 101000}, {"b", 101000}}, {{"a", 102000}, {"b", 2000}}});
    }
    SECTION("both, with an initial state") {
        const auto build = [&](const StreamingContext& ssc, int n) {
            const auto before = ssc.context().parallelize(std::vector<std::pair<Text, long>>{{"b", 5}}, n);
            return tableStream(ssc, input, n)
                .updateStateByKey(
                    [](Time time, const Text& key, std::span<const long> arrived, std::optional<long> total) {
                        if (key == "b" && time > Time(1s)) return std::optional<long>();
                        return addAll(arrived, total);
                    },
                    n, before);
        };
        checkEveryWay(build, Counts{{{"a", 1}, {"b", 7}}, {{"a", 11}}}, false);
    }
}

TEST_CASE("updateStateByKey has as many partitions as it is told, and the partitioner of the state", "[A37]") {
    TestStreamingContext ssc(1s);
    const auto input = tableStream<std::pair<Text, long>>(ssc, {{{"a", 1}}});
    const auto partitioner = std::make_shared<HashPartitioner>(5);
    input.updateStateByKey(addAll, 3).foreachRDD([](const RDD<std::pair<Text, long>>& rdd) {
        CHECK(rdd.getNumPartitions() == 3);
        CHECK(rdd.partitioner()->equals(HashPartitioner(3)));
    });
    input.updateStateByKey(addAll, Partitioning(partitioner)).foreachRDD([](const RDD<std::pair<Text, long>>& rdd) {
        CHECK(rdd.getNumPartitions() == 5);
    });
    ssc.advanceBatch(2);
}

TEST_CASE("what is partitioned as the state is updates it without a shuffle, in the order of arrival", "[A37]") {
    checkSets(
        Counts{{{"a", 1}, {"a", 2}, {"b", 5}}, {{"a", 3}}, {}},
        [](const auto& in) {
            return in.reduceByKey([](long a, long b) { return a * 10 + b; }, 3).updateStateByKey(addAll, 3);
        },
        Counts{{{"a", 12}, {"b", 5}}, {{"a", 15}, {"b", 5}}, {{"a", 15}, {"b", 5}}});
}

TEST_CASE("with UpdatedKeys::touched the function is called for keys for which something arrived, and for no others") {
    checkSets(
        Counts{{{"a", 1}, {"b", 1}, {"a", 2}}, {{"b", 5}, {"c", 1}}, {}, {{"a", 1}, {"b", -6}}},
        [](const auto& in) {
            return in.updateStateByKey(
                [](std::span<const long> arrived, std::optional<long> total) {
                    CHECK(!arrived.empty());
                    const auto sum = addAll(arrived, total);
                    return *sum == 0 ? std::optional<long>() : std::optional<long>(*sum * 10);
                },
                {}, UpdatedKeys::touched);
        },
        Counts{{{"a", 30}, {"b", 10}},
               {{"a", 30}, {"b", 150}, {"c", 10}},
               {{"a", 30}, {"b", 150}, {"c", 10}},
               {{"a", 310}, {"b", 1440}, {"c", 10}}});
}

namespace {

struct Visits { // without ==
    std::vector<Text> pages;
    Text last;
};

} // namespace

TEST_CASE("states and keys may be structs, vectors and long strings", "[A37]") {
    const Text longKey(100, 'k'), other(100, 'o');
    const auto visit = [](std::span<const Text> arrived, std::optional<Visits> seen) {
        Visits now = seen.value_or(Visits());
        for (const Text& page : arrived) now.pages.push_back(now.last = page);
        return std::optional(now);
    };
    checkSets(
        Batches<std::pair<Text, Text>>{{{longKey, "first"}, {other, "x"}}, {{longKey, "second"}, {longKey, "third"}}},
        [&](const auto& in) {
            return in.updateStateByKey(visit).mapValues(
                [](const Visits& visits) { return std::pair(visits.last, long(visits.pages.size())); });
        },
        Batches<std::pair<Text, std::pair<Text, long>>>{{{longKey, {"first", 1}}, {other, {"x", 1}}},
                                                        {{longKey, {"third", 3}}, {other, {"x", 1}}}});
}

TEST_CASE("keys may be pairs and numbers, among them 0 and the largest", "[A37]") {
    using Key = std::pair<int, std::uint64_t>;
    const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    checkSets(
        Batches<std::pair<Key, long>>{{{{0, 0}, 1}, {{0, most}, 2}}, {{{0, 0}, 4}, {{-1, most}, 8}}},
        [](const auto& in) { return in.updateStateByKey(addAll); },
        Batches<std::pair<Key, long>>{{{{0, 0}, 1}, {{0, most}, 2}}, {{{-1, most}, 8}, {{0, 0}, 5}, {{0, most}, 2}}});
}

TEST_CASE("an initial state of another context is refused") {
    const Context other(serialConf());
    const auto before = other.parallelize(std::vector<std::pair<Text, long>>{{"a", 1}}, 1);
    TestStreamingContext ssc(1s);
    const auto input = tableStream<std::pair<Text, long>>(ssc, {});
    CHECK(errorText<UsageError>([&] { input.updateStateByKey(addAll, 1, before); }) ==
          "updateStateByKey: the RDD of initial states belongs to another Context than the stream; make it with the "
          "stream's");
}

} // namespace rivulet::test::update_forms_test
