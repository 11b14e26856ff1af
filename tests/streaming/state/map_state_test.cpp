#include "support/stream_harness.h"

namespace rivulet::test::map_state_test {

// mapWithState: what it emits, and what it leaves as states.

using namespace std::chrono_literals;

namespace {

using Text = std::string;
using Pair = std::pair<Text, long>;
using Counts = Batches<Pair>;

/// The number of the key's record.
long countOne(const Text&, std::optional<long>, State<long>& state) {
    state.update(state.getOption().value_or(0) + 1);
    return state.get();
}

/// Adds the value, emits nothing.
std::optional<long> addSilently(Time, const Text&, std::optional<long> value, State<long>& state) {
    state.update(value.value_or(0) + (state.exists() ? state.get() : 0));
    return std::nullopt;
}

const Batches<Text> kLines{{}, {"a"}, {"a", "b"}, {"a", "b", "c"}, {"a", "b"}, {"a"}, {}};

} // namespace

TEST_CASE("mapWithState emits one element per record", "[A43]") {
    checkSets(
        kLines, [](const auto& in) { return in.map(withOne).mapWithState(StateSpec::function(countOne)); },
        Batches<long>{{}, {1}, {2, 1}, {3, 2, 1}, {4, 3}, {5}, {}});
}

TEST_CASE("stateSnapshots gives the states of all keys after every batch", "[A43]") {
    checkSets(
        kLines, [](const auto& in) { return in.map(withOne).mapWithState(countOne).stateSnapshots(); },
        Counts{{},
               {{"a", 1}},
               {{"a", 2}, {"b", 1}},
               {{"a", 3}, {"b", 2}, {"c", 1}},
               {{"a", 4}, {"b", 3}, {"c", 1}},
               {{"a", 5}, {"b", 3}, {"c", 1}},
               {{"a", 5}, {"b", 3}, {"c", 1}}});
}

TEST_CASE("a function of mapWithState that returns nothing emits nothing, and the state goes on", "[A44]") {
    const Counts input{{}, {{"a", 1}, {"b", 2}}, none, {{"a", 4}, {"b", 1}, {"c", 1}}};
    const auto spec = [](const StreamingContext& ssc, int n) {
        const auto before = ssc.context().parallelize(std::vector<Pair>{{"a", 5}, {"b", 10}, {"c", -20}, {"d", 0}}, n);
        return StateSpec::function(addSilently).initialState(before);
    };
    checkEveryWay([&](const StreamingContext& ssc,
                      int n) { return tableStream(ssc, input, n).mapWithState(spec(ssc, n)).stateSnapshots(); },
                  Counts{{{"a", 5}, {"b", 10}, {"c", -20}, {"d", 0}},
                         {{"a", 6}, {"b", 12}, {"c", -20}, {"d", 0}},
                         {{"a", 6}, {"b", 12}, {"c", -20}, {"d", 0}},
                         {{"a", 10}, {"b", 13}, {"c", -19}, {"d", 0}}},
                  false);
    checkEveryWay(
        [&](const StreamingContext& ssc, int n) { return tableStream(ssc, input, n).mapWithState(spec(ssc, n)); },
        Batches<long>{{}, {}, {}, {}}, false);
}

TEST_CASE("mapWithState calls its function for the keys of the batch alone, once per record", "[A50]") {
    TestStreamingContext ssc(1s);
    std::vector<Text> called;
    const auto input =
        tableStream<Pair>(ssc, {{{"k1", 1}, {"k2", 1}, {"k3", 1}}, {}, {{"k2", 1}, {"k4", 1}, {"k2", 1}}});
    const auto mapped = input.mapWithState([&called](const Text& key, std::optional<long> value, State<long>& state) {
        called.push_back(key);
        state.update(state.getOption().value_or(0) + *value);
        return key;
    });
    const auto states = collectBatches(mapped.stateSnapshots());
    ssc.advanceBatch(3);
    CHECK(sorted(called) == std::vector<Text>{"k1", "k2", "k2", "k2", "k3", "k4"});
    CHECK(sorted(states[1]) == Pairs{{"k1", 1}, {"k2", 1}, {"k3", 1}});
    CHECK(sorted(states[2]) == Pairs{{"k1", 1}, {"k2", 3}, {"k3", 1}, {"k4", 1}});
}

TEST_CASE("records of a key come in the order of arrival, and each sees what the one before it left", "[A50]") {
    checkSets(
        Counts{{{"a", 1}, {"a", 2}, {"b", 7}, {"a", 3}}, {{"a", 4}, {"a", 5}}},
        [](const auto& in) {
            return in.mapWithState([](const Text& key, std::optional<long> digit, State<long>& state) {
                state.update(state.getOption().value_or(0) * 10 + *digit);
                return Pair(key, state.get());
            });
        },
        Counts{{{"a", 1}, {"a", 12}, {"a", 123}, {"b", 7}}, {{"a", 1234}, {"a", 12345}}});
}

TEST_CASE("a state that was removed begins anew with the next record, in the same batch too", "[A50]") {
    checkSets(
        Counts{{{"a", 1}, {"a", 0}, {"a", 2}, {"b", 0}, {"c", 1}, {"c", 0}}, {{"a", 0}, {"b", 3}}, {{"a", 4}}},
        [](const auto& in) {
            return in
                .mapWithState([](const Text& key, std::optional<long> value, State<long>& state) {
                    const bool existed = state.exists();
                    if (*value == 0)
                        state.remove();
                    else
                        state.update(state.getOption().value_or(0) + *value);
                    CHECK(state.exists() == (*value != 0));
                    CHECK(state.getOption().has_value() == state.exists());
                    return key + (existed ? " old" : " new");
                })
                .stateSnapshots();
        },
        Counts{{{"a", 2}}, {{"b", 3}}, {{"a", 4}, {"b", 3}}});
}

TEST_CASE("mapWithState may emit views, and take an initial state whose keys are views", "[A44]") {
    const auto build = [](const StreamingContext& ssc, int n) {
        const auto before = ssc.context().parallelize(std::vector<Text>{"a"}, n).map([](const Text& key) {
            return std::pair<std::string_view, int>(key, 10);
        });
        const auto f = [](const Text& key, std::optional<long>, State<long>& state) {
            state.update(state.getOption().value_or(0) + 1);
            return std::pair<std::string_view, long>(key, state.get());
        };
        return tableStream(ssc, Batches<Text>{{"a b"}, {"a a"}}, n)
            .flatMap(words)
            .map(withOne)
            .mapWithState(StateSpec::function(f).initialState(before).numPartitions(3));
    };
    checkEveryWay(build, Counts{{{"a", 11}, {"b", 1}}, {{"a", 12}, {"a", 13}}}, false);
}

TEST_CASE("mapWithState has as many partitions as its spec says", "[A43]") {
    TestStreamingContext ssc(1s);
    const auto input = tableStream<Pair>(ssc, {{{"a", 1}}});
    const auto spec = StateSpec::function<long>([](const auto&, auto, State<long>& state) { return state.exists(); });
    const auto inThree = input.mapWithState(spec.numPartitions(3));
    inThree.foreachRDD([](const RDD<bool>& rdd) { CHECK(rdd.getNumPartitions() == 3); });
    inThree.stateSnapshots().foreachRDD([](const RDD<Pair>& rdd) {
        CHECK(rdd.getNumPartitions() == 3);
        CHECK(rdd.partitioner()->equals(HashPartitioner(3)));
    });
    input.mapWithState(spec.partitioner(HashPartitioner(5))).foreachRDD([](const RDD<bool>& rdd) {
        CHECK(rdd.getNumPartitions() == 5);
    });
    ssc.advanceBatch(2);
}

TEST_CASE("a state that is used against its rules says how to use it", "[A50]") {
    const auto textOf = [](const auto& use) {
        TestStreamingContext ssc(1s);
        collectBatches(tableStream<Pair>(ssc, {{{"a", 1}}})
                           .mapWithState([use](const Text&, std::optional<long>, State<long>& state) {
                               use(state);
                               return 0;
                           }));
        const Text text = errorText<JobError>([&] { ssc.advanceBatch(); });
        return text.substr(text.find("State::"));
    };
    CHECK(textOf([](State<long>& state) { state.get(); }) ==
          "State::get: the key has no state; ask exists() before, or use getOption()");
    CHECK(textOf([](State<long>& state) {
              state.update(1);
              state.remove();
              state.update(2);
          }) ==
          "State::update: the state was removed in this call, which cannot be taken back; decide before remove()");
    CHECK(textOf([](State<long>& state) {
              state.remove();
              state.remove();
          }) ==
          "State::remove: the state was removed in this call, which cannot be taken back; decide before remove()");
}

TEST_CASE("a time-out that is not positive, and an initial state of another context, are refused", "[A49]") {
    TestStreamingContext ssc(1s);
    const auto spec = StateSpec::function(countOne);
    CHECK(errorText<UsageError>([&] { spec.timeout(0s); }) ==
          "StateSpec::timeout: the duration (0ms) must be positive; leave timeout() out where states are to stay");
    const Context other(serialConf());
    const auto input = tableStream<Pair>(ssc, {});
    CHECK(errorText<UsageError>([&] {
              input.mapWithState(spec.initialState(other.parallelize(std::vector<Pair>{{"a", 1}}, 1)));
          }) == "mapWithState: the RDD of initial states belongs to another Context than the stream; make it with the "
                "stream's");
}

} // namespace rivulet::test::map_state_test
