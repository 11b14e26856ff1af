#include "support/stream_harness.h"

namespace rivulet::test::timeout_test {

// Time-outs of mapWithState.

using namespace std::chrono_literals;

namespace {

using Text = std::string;
using Pair = std::pair<Text, long>;

/// "a" for a record of the key, "a!" where it times out; a value of 0 touches without a change, a negative one removes.
Text follow(const Text& key, std::optional<long> value, State<long>& state) {
    CHECK(value.has_value() != state.isTimingOut());
    if (state.isTimingOut()) {
        CHECK(state.exists());
        return key + "!";
    }
    if (*value > 0) state.update(*value);
    if (*value < 0) state.remove();
    return key;
}

/// What `follow` emits, and the keys that have a state, after each batch: "a b! | a".
Batches<Text> followed(const Batches<Pair>& input, Duration timeout, const char* master, int partitions,
                       std::vector<Pair> initial = {}) {
    TestStreamingContext ssc(1s, master);
    const auto before = ssc.context().parallelize(initial, 2);
    const auto mapped = tableStream(ssc, input, partitions)
                            .mapWithState(StateSpec::function(follow).timeout(timeout).initialState(before));
    const auto emitted = collectBatches(mapped);
    const auto states = collectBatches(mapped.stateSnapshots().keys());
    ssc.advanceBatch(int(input.size()));
    Batches<Text> all;
    for (std::size_t i = 0; i < input.size(); ++i) {
        std::vector<Text> batch = sorted(emitted[i]);
        batch.push_back("|");
        for (const Text& key : sorted(states[i])) batch.push_back(key);
        all.emplace_back(std::move(batch));
    }
    return all;
}

void checkFollowed(const Batches<Pair>& input, Duration timeout, const Batches<Text>& expected,
                   const std::vector<Pair>& initial = {}) {
    for (const char* master : {"local", "local[4]"})
        for (const int partitions : {1, 2, 7})
            CHECK(textsOf(followed(input, timeout, master, partitions, initial)) == textsOf(expected));
}

} // namespace

TEST_CASE("a key that is quiet for longer than the time-out is called once more and removed", "[A46]") {
    Batches<Pair> input{{{"a", 1}, {"b", 1}, {"c", 1}}, {{"a", 2}, {"b", 2}}, {{"a", 3}, {"c", 2}}};
    while (input.size() < 24) input.push_back({{"a", 1}});
    Batches<Text> expected{{"a", "b", "c", "|", "a", "b", "c"},
                           {"a", "b", "|", "a", "b", "c"},
                           {"a", "c", "|", "a", "b", "c"},
                           {"a", "|", "a", "b", "c"},
                           {"a", "|", "a", "b", "c"},
                           {"a", "b!", "|", "a", "c"},
                           {"a", "c!", "|", "a"}};
    while (expected.size() < input.size()) expected.push_back({"a", "|", "a"});
    checkFollowed(input, 3s, expected);
}

TEST_CASE("a key whose last record is exactly the time-out ago stays", "[A49]") {
    checkFollowed({{{"a", 1}}, {}, {}, {}}, 2s, {{"a", "|", "a"}, {"|", "a"}, {"|", "a"}, {"a!", "|"}});
    checkFollowed({{{"a", 1}}, {}, {}}, 1999ms, {{"a", "|", "a"}, {"|", "a"}, {"a!", "|"}});
}

TEST_CASE("a record that changes nothing keeps a key alive, and gives a key without a state none", "[A49]") {
    checkFollowed({{{"a", 1}, {"b", 0}}, {}, {}, {{"a", 0}}, {}, {}, {}}, 2s,
                  {{"a", "b", "|", "a"}, {"|", "a"}, {"|", "a"}, {"a", "|", "a"}, {"|", "a"}, {"|", "a"}, {"a!", "|"}});
}

TEST_CASE("a key that is removed does not time out, and one that comes back begins anew", "[A49]") {
    checkFollowed(
        {{{"a", 1}, {"b", 1}}, {{"b", -1}}, {{"a", -1}}, {{"b", 1}}, {}, {}, {}}, 2s,
        {{"a", "b", "|", "a", "b"}, {"b", "|", "a"}, {"a", "|"}, {"b", "|", "b"}, {"|", "b"}, {"|", "b"}, {"b!", "|"}});
}

TEST_CASE("initial states are as old as the first batch", "[A49]") {
    checkFollowed({{}, {}, {{"b", 1}}, {}, {}, {}}, 2s,
                  {{"|", "a", "b"}, {"|", "a", "b"}, {"b", "|", "a", "b"}, {"a!", "|", "b"}, {"|", "b"}, {"b!", "|"}},
                  {{"a", 1}, {"b", 1}});
}

TEST_CASE("a state cannot be changed while it is timing out", "[A49]") {
    for (const bool removes : {false, true}) {
        TestStreamingContext ssc(1s);
        collectBatches(
            tableStream<Pair>(ssc, {{{"a", 1}}})
                .mapWithState(StateSpec::function([removes](const Text&, std::optional<long>, State<long>& state) {
                                  if (state.isTimingOut() && removes) state.remove();
                                  state.update(1);
                                  return 0;
                              }).timeout(1s)));
        ssc.advanceBatch(2);
        const Text text = errorText<JobError>([&] { ssc.advanceBatch(); });
        CHECK_THAT(text, Catch::Matchers::EndsWith(std::string("State::") + (removes ? "remove" : "update") +
                                                   ": the state is timing out and is removed after this call; ask "
                                                   "isTimingOut() before"));
    }
}

TEST_CASE("a batch that fails leaves ages as they were", "[A49]") {
    TestStreamingContext ssc(1s);
    const auto mapped = tableStream<Pair>(ssc, {{{"a", 1}, {"b", 1}}, {{"a", 0}}, {{"b", 1}, {"c", 1}}, {}, {}})
                            .mapWithState(StateSpec::function(follow).timeout(1s));
    const auto states = collectBatches(mapped.stateSnapshots().keys());
    std::vector<std::vector<Text>> emitted;
    mapped.foreachRDD([&](const RDD<Text>& rdd, Time time) {
        emitted.push_back(sorted(rdd.collect()));
        if (time == Time(3s)) throw std::runtime_error("the third batch fails");
    });
    ssc.advanceBatch(2);
    CHECK_THROWS_AS(ssc.advanceBatch(), JobError);
    CHECK(sorted(states[2]) == std::vector<Text>{"a", "b", "c"});
    ssc.advanceBatch(2);
    // b and c were not touched, because the third batch was not.
    CHECK(emitted == std::vector<std::vector<Text>>{{"a", "b"}, {"a"}, {"b", "c"}, {"a!", "b!"}, {}});
    CHECK(states[3].empty());
}

TEST_CASE("keys that come and go by time-out for thousands of batches leave memory flat", "[A46]") {
    TestStreamingContext ssc(1s);
    const auto input = ssc.queueStream<Pair>();
    const auto mapped = input.mapWithState(StateSpec::function(follow).timeout(5s));
    long timedOut = 0;
    mapped.foreachRDD([&](const RDD<Text>& rdd) {
        for (const Text& text : rdd.collect()) timedOut += text.back() == '!';
    });
    const auto view = mapped.stateView();
    const auto bytes = [&] {
        for (const auto& usage : ssc.context().memory().snapshot())
            if (usage.consumer == "state") return usage.bytes;
        return std::int64_t(0);
    };
    std::int64_t most = 0;
    for (long batch = 0; batch < 3000; ++batch) {
        for (long i = 0; i < 3; ++i)
            input.pushOne({"a key of more than sixteen bytes " + std::to_string(batch * 3 + i), 1});
        ssc.advanceBatch();
        if (batch == 1000) most = bytes();
        if (batch > 1000) REQUIRE(bytes() <= most);
        REQUIRE(view.size() <= 7);
    }
    CHECK(most > 0);
    CHECK(timedOut == 3000 - 6);
}

} // namespace rivulet::test::timeout_test
