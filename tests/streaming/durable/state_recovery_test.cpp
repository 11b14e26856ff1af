#include "durable/checkpoint_store.h"
#include "streaming/durable/recovery_harness.h"

namespace rivulet::test::state_recovery_test {

using namespace std::chrono_literals;

namespace {

std::optional<long> addAll(std::span<const long> arrived, std::optional<long> total) {
    return std::accumulate(arrived.begin(), arrived.end(), total.value_or(0));
}

} // namespace

TEST_CASE("updateStateByKey goes on where it was, whenever it is stopped", "[A37][A115]") {
    const Batches<std::string> input{{"a"}, {"a", "b"}, {"a", "b", "c"}, {"a", "b"}, {"a"}, {}, {"d"}};
    const auto build = [&](const StreamingContext& ssc, int n) {
        return tableStream(ssc, input, n).uid("in").map(withOne).updateStateByKey(addAll, n).uid("totals");
    };
    using P = Batches<std::pair<std::string, long>>;
    checkRecovery(build, 7,
                  textsOf(P{{{"a", 1}},
                            {{"a", 2}, {"b", 1}},
                            {{"a", 3}, {"b", 2}, {"c", 1}},
                            {{"a", 4}, {"b", 3}, {"c", 1}},
                            {{"a", 5}, {"b", 3}, {"c", 1}},
                            {{"a", 5}, {"b", 3}, {"c", 1}},
                            {{"a", 5}, {"b", 3}, {"c", 1}, {"d", 1}}}));
}

TEST_CASE("Keys that were removed stay so", "[A40]") {
    const Batches<std::string> input{{"a", "b"}, {}, {"a", "c", "a"}, {"c"}, {}, {}};
    // The state: how often it came, and since how many batches it has not.
    const auto update = [](std::span<const long> arrived,
                           std::optional<std::pair<long, long>> state) -> std::optional<std::pair<long, long>> {
        auto [count, quiet] = state.value_or(std::pair(0L, 0L));
        if (!arrived.empty()) return std::pair(count + long(arrived.size()), 0L);
        if (quiet + 1 >= 2) return std::nullopt;
        return std::pair(count, quiet + 1);
    };
    const auto build = [&](const StreamingContext& ssc, int n) {
        return tableStream(ssc, input, n)
            .uid("in")
            .map(withOne)
            .updateStateByKey(update, n)
            .uid("alive")
            .mapValues([](const std::pair<long, long>& state) { return state.first; });
    };
    using P = Batches<std::pair<std::string, long>>;
    checkRecovery(
        build, 6,
        textsOf(
            P{{{"a", 1}, {"b", 1}}, {{"a", 1}, {"b", 1}}, {{"a", 3}, {"c", 1}}, {{"a", 3}, {"c", 2}}, {{"c", 2}}, {}}));
}

TEST_CASE("Time-outs survive", "[A46]") {
    const Batches<std::string> input{{"a", "b"}, {"a"}, {"c"}, {"a"}, {"a"}, {"a"}, {"a"}, {"a"}};
    const auto spec = StateSpec::function([](Time, const std::string& key, std::optional<long> one,
                                             State<long>& state) -> std::optional<std::string> {
                          if (state.isTimingOut()) return key + " ends with " + std::to_string(state.get());
                          state.update(state.getOption().value_or(0) + *one);
                          return std::nullopt;
                      }).timeout(3s);
    const auto build = [&](const StreamingContext& ssc, int n) {
        return tableStream(ssc, input, n).uid("in").map(withOne).mapWithState(spec.numPartitions(n)).uid("sessions");
    };
    checkRecovery(build, 8,
                  textsOf(Batches<std::string>{{}, {}, {}, {}, {"b ends with 1"}, {}, {"c ends with 1"}, {}}));
}

TEST_CASE("Initial states are those before the first batch of all", "[A38]") {
    const Batches<std::string> input{{"a"}, {"b", "c"}, {}, {"a"}};
    const auto build = [&](const StreamingContext& ssc, int n) {
        const auto initial =
            ssc.context().parallelize(std::vector<std::pair<std::string, long>>{{"a", 10}, {"z", 5}}, 2);
        return tableStream(ssc, input, n).uid("in").map(withOne).updateStateByKey(addAll, n, initial).uid("totals");
    };
    using P = Batches<std::pair<std::string, long>>;
    checkRecovery(build, 4,
                  textsOf(P{{{"a", 11}, {"z", 5}},
                            {{"a", 11}, {"b", 1}, {"c", 1}, {"z", 5}},
                            {{"a", 11}, {"b", 1}, {"c", 1}, {"z", 5}},
                            {{"a", 12}, {"b", 1}, {"c", 1}, {"z", 5}}}));
}

TEST_CASE("Two states in a row recover together", "[A121]") {
    const Batches<std::string> input{{"a"}, {"a", "b"}, {"b"}, {"b"}};
    const auto build = [&](const StreamingContext& ssc, int n) {
        const auto totals = tableStream(ssc, input, n).uid("in").map(withOne).updateStateByKey(addAll, n).uid("totals");
        return totals
            .mapWithState(StateSpec::function([](const std::string& key, std::optional<long> total, State<long>& sum) {
                              sum.update(sum.getOption().value_or(0) + *total);
                              return key + std::to_string(sum.get());
                          }).numPartitions(n))
            .uid("sums");
    };
    checkRecovery(build, 4, textsOf(Batches<std::string>{{"a1"}, {"a3", "b1"}, {"a5", "b3"}, {"a7", "b6"}}));
}

namespace {

/// Few of many keys change in a batch, and some go and come again, so the table is swept several times.
DStream<std::pair<long, long>> manyKeys(const StreamingContext& ssc, int partitions) {
    return ssc
        .rateStream(2000,
                    [](long number) {
                        return std::pair(long((std::uint64_t(number) * 0x9e3779b97f4a7c15ULL >> 40) % 30000), number);
                    })
        .uid("rate")
        .updateStateByKey(
            [](std::span<const long> arrived, std::optional<long> sum) -> std::optional<long> {
                if (!arrived.empty() && arrived.front() % 11 == 0) return std::nullopt;
                return std::accumulate(arrived.begin(), arrived.end(), sum.value_or(0));
            },
            partitions, UpdatedKeys::touched)
        .uid("sums");
}

/// Has the last of the batches alone looked at.
std::vector<std::string> runMany(const std::string& directory, const std::vector<Run>& runs) {
    std::vector<std::string> last;
    for (const Run& run : runs) {
        TestStreamingContext ssc(1s);
        ssc.checkpoint(directory);
        const auto stream = manyKeys(ssc, run.partitions);
        int left = run.batches;
        stream.foreachRDD([&](const RDD<std::pair<long, long>>& rdd) {
            if (--left == 0) last = textsOf(rdd.collect());
        });
        ssc.advanceBatch(run.batches);
    }
    std::sort(last.begin(), last.end());
    return last;
}

} // namespace

TEST_CASE("A log of many batches is what the table was, and does not grow") {
    const TemporaryDirectory whole, parts;
    const auto expected = runMany(whole / "c", {{100, 3}});
    REQUIRE(expected.size() > 15000);
    std::size_t bytes = 0;
    detail::CheckpointStore(whole / "c", "test")
        .each(detail::Family::state, "", detail::Stored::state,
              [&](std::string_view, std::string_view piece) { bytes += piece.size(); });
    const std::size_t table = expected.size() * 16;
    INFO(bytes << " bytes are stored of a table of " << table);
    CHECK(bytes >= table);
    CHECK(bytes <= table * 3);

    std::vector<Run> runs;
    for (int i = 0; i < 10; ++i) runs.push_back({10, i < 5 ? 3 : 5});
    CHECK(runMany(parts / "c", runs) == expected);
}

} // namespace rivulet::test::state_recovery_test
